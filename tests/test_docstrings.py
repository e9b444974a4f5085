"""The examples in docstrings give what they say."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
from collections.abc import Iterator

import pytest

import airssys_wasm


def modules() -> Iterator[str]:
    for found in pkgutil.walk_packages(airssys_wasm.__path__, "airssys_wasm."):
        if ".sdk" not in found.name:  # what runs inside of a component
            yield found.name


@pytest.mark.parametrize("name", sorted(modules()))
def test_an_example_in_a_docstring_gives_what_it_says(name: str) -> None:
    module = importlib.import_module(name)
    failed, _ = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    assert failed == 0


def test_there_are_examples() -> None:
    found = map(importlib.import_module, modules())
    assert sum(doctest.testmod(module).attempted for module in found) > 100
