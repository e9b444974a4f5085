"""The manual of tree files is true: it has every key and every rule, and its examples are right."""

import dataclasses
import re
from pathlib import Path

import pytest

from airssys_wasm import config
from airssys_wasm.config import Opened, Surroundings, load_text
from airssys_wasm.config.rules import RULES, level
from airssys_wasm.schema import report

MANUAL = Path(__file__).parent.parent / "docs" / "tree-files.md"
TEXT = MANUAL.read_text(encoding="utf-8")
RECORDS = [
    record
    for name in config.__all__
    if dataclasses.is_dataclass(record := getattr(config, name)) and hasattr(record, "__noun__")
]
KEYS = sorted({field.name for record in RECORDS for field in dataclasses.fields(record)})
OTHER_FILE = b"version: 1\nname: billing\nchildren: [{id: invoices, actor: 'billing:Invoices'}]"


@pytest.mark.parametrize("key", [*KEYS, "include"])
def test_every_key_is_in_the_manual(key: str) -> None:
    assert re.search(rf"`{key}`|\b{key}:", TEXT)


def test_every_rule_is_in_the_manual_in_its_words_and_no_other() -> None:
    table = re.findall(r"^\| `([\w-]+)` \| (.*) \|$", TEXT.partition("| rule | |")[2], re.MULTILINE)
    mark = {"error": "", "warning": "*warning:* "}
    assert table == [(rule, mark[level(rule)] + says) for rule, says in RULES.items()]


@pytest.mark.parametrize("example", re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL))
def test_the_examples_of_the_manual_have_no_mistake(example: str) -> None:
    surroundings = Surroundings(open_file=lambda path: Opened(OTHER_FILE, str(path)))
    loaded = load_text("t.yaml", example.encode(), Path(), surroundings=surroundings)
    assert report(loaded.problems) == ""
