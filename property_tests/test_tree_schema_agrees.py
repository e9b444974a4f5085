"""The JSON Schema of tree files and the program judge alike, also what nobody would write."""

import random
from pathlib import Path

import jsonschema
import yaml

from airssys_wasm.config import load
from airssys_wasm.config.tree_schema import made
from airssys_wasm.schema.rules import SCHEMA_RULES, YAML_RULES
from tests.fuzz_inputs import CORPUS, structure

VALIDATOR = jsonschema.Draft202012Validator(made())
# Rules of which a JSON Schema knows a part, and one about which YAML 1.1 has no doubts.
BEYOND = {"ambiguous-word", "environment", "range", "value"}


class Loader(yaml.SafeLoader):
    """Reads documents as programs do that know no tree files; dates are text to JSON."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if not tag.endswith(":timestamp")]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def test_the_schema_refuses_what_the_program_refuses_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_bytes((CORPUS / "bad" / "shop.py").read_bytes())
    file = tmp_path / "tree.yaml"
    judged = 0
    for _ in range(200):
        seed = random.SystemRandom().randrange(10**9)
        text = structure(seed)
        try:
            document = yaml.load(text, Loader)
        except (yaml.YAMLError, ValueError):
            continue
        file.write_bytes(text)
        problems = load(file, environment={}).problems
        broken = {p.rule for p in problems if p.severity == "error" and p.file == str(file)}
        if broken & YAML_RULES.keys():
            continue
        if b"${" in text or b".nan" in text:
            continue  # what is put in there, and numbers that are none, the program alone judges
        judged += 1
        accepted = VALIDATOR.is_valid(document)
        wrong = broken & SCHEMA_RULES.keys()
        assert accepted <= (wrong <= BEYOND), f"structure({seed}), the schema accepts: {wrong}"
        assert accepted or wrong, f"structure({seed}), the schema refuses"
    assert judged > 50
