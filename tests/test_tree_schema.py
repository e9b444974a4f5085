"""The JSON Schema of tree files: what is shipped, and that it judges files as the program does."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from airssys_wasm import config
from airssys_wasm.config import load
from airssys_wasm.config.tree_schema import made, shipped, text
from airssys_wasm.schema.json_schema import undescribed
from airssys_wasm.schema.rules import SCHEMA_RULES, YAML_RULES

ROOT = Path(__file__).parent.parent
BAD, GOOD = ROOT / "tests" / "config" / "bad", ROOT / "tests" / "config" / "good"
EXAMPLES = sorted(ROOT.glob("examples/*/*.yaml"))
VALIDATOR = jsonschema.Draft202012Validator(made())

# What JSON Schema cannot say, and the files in which nothing else is wrong.
BEYOND = {"numbers_beyond_json.yaml": "that a number in `config` is none of JSON"}


class Loader(yaml.SafeLoader):
    """Dates are text to JSON."""


Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if not tag.endswith(":timestamp")]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def document(file: Path) -> Any:
    return yaml.load(file.read_bytes(), Loader)


def accepts(file: Path) -> bool:
    return VALIDATOR.is_valid(document(file))


def rules_broken(file: Path, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """By what stands in the file itself."""
    monkeypatch.chdir(file.parent)
    problems = load(Path(file.name), environment={}).problems
    return {p.rule for p in problems if p.file == file.name and p.severity == "error"}


def test_the_shipped_file_is_what_the_dataclasses_say() -> None:
    assert shipped() == text()


def test_it_is_a_json_schema_of_2020_12() -> None:
    jsonschema.Draft202012Validator.check_schema(made())
    assert made()["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_every_key_is_described_by_a_docstring() -> None:
    records = [getattr(config, name) for name in config.__all__]
    assert undescribed(r for r in records if hasattr(r, "__noun__")) == []


@pytest.mark.parametrize("file", [*sorted(GOOD.glob("**/*.yaml")), *EXAMPLES], ids=lambda f: f.stem)
def test_right_files_are_accepted(file: Path) -> None:
    errors = [error.message for error in VALIDATOR.iter_errors(document(file))]
    assert errors == []


@pytest.mark.parametrize("file", sorted(BAD.glob("*.yaml")), ids=lambda f: f.stem)
def test_a_bad_file_is_judged_as_the_program_judges_it(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = rules_broken(file, monkeypatch)
    if broken & YAML_RULES.keys():
        return  # no validator gets to see what is no YAML
    assert accepts(file) == (not broken & SCHEMA_RULES.keys() or file.name in BEYOND)


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"nmae": "shop"},
        {"period": "5 s"},
        {"period": -1},
        {"strategy": "one_for_al"},
        {"children": {}},
        {"children": [{"id": "a"}]},
        {"children": [{"id": "a b", "actor": "m:A"}]},
        {"children": [{"id": "a", "actor": "m:A", "component": "a.wasm"}]},
        {"children": [{"id": "a", "actor": "m.A"}]},
        {"children": [{"id": "a", "actor": "m:A", "args": "x"}]},
        {"children": [{"id": "a", "actor": "m:A", "subscribe": ["a..b"]}]},
        {"children": [{"id": "a", "supervisor": {"children": []}, "include": "a.yaml"}]},
        {"children": [{"id": "a", "pool": {"actor": "m:A"}}]},
        {"children": [{"id": "a", "component": "${A}.wasm"}]},
    ],
    ids=json.dumps,
)
def test_it_refuses_what_the_program_refuses(change: dict[str, Any]) -> None:
    right = {"version": 1, "name": "shop", "children": [{"id": "a", "actor": "m:A"}]}
    assert VALIDATOR.is_valid(right)
    assert not VALIDATOR.is_valid({**right, **change})


@pytest.mark.parametrize("value", ["${LEVEL}", "a-${B:-c}", "5s", 5, 0.5])
def test_what_comes_from_the_environment_may_be_anything(value: object) -> None:
    right = {"version": 1, "name": "${NAME}", "period": value, "children": []}
    assert VALIDATOR.is_valid(right)
