"""The manual of tree files is true: it has every key, and its example is right."""

import dataclasses
import re
from pathlib import Path

import pytest

from airssys_wasm import config
from airssys_wasm.config import Surroundings, load_text
from airssys_wasm.schema import report

MANUAL = Path(__file__).parent.parent / "docs" / "tree-files.md"
RECORDS = [
    record
    for name in config.__all__
    if dataclasses.is_dataclass(record := getattr(config, name)) and hasattr(record, "__noun__")
]
KEYS = sorted({field.name for record in RECORDS for field in dataclasses.fields(record)})


@pytest.mark.parametrize("key", KEYS)
def test_every_key_is_in_the_manual(key: str) -> None:
    assert re.search(rf"`{key}`|\b{key}:", MANUAL.read_text())


def test_the_example_of_the_manual_has_no_mistake() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", MANUAL.read_text(), re.DOTALL)
    loaded = load_text("t.yaml", example.encode(), Path(), surroundings=Surroundings())
    assert report(loaded.problems) == ""
