"""The manual of simulations: its race is found as it says, and its cure helps."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, get_args

import pytest

from airssys_wasm.testing import ALL, FaultKind, StrategyName

MANUAL = Path(__file__).parent.parent.parent / "docs" / "simulation.md"
TEXT = MANUAL.read_text(encoding="utf-8")
SHOP, TEST, MENDED, _ = re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
SUPERVISOR = SHOP[SHOP.index("SHOP = ") :]


def defined(*code: str) -> Any:
    names: dict[str, Any] = {"__name__": "shop"}
    for block in code:
        exec(compile(block, "<docs/simulation.md>", "exec"), names)
    return names["test_nothing_is_sold_twice"]


def test_the_race_is_found_and_told_as_the_manual_says() -> None:
    with pytest.raises(AssertionError) as caught:
        defined(SHOP, TEST)()
    notes = "\n".join(caught.value.__notes__)
    told = re.findall(r"^```text\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)[0]
    for line in told.splitlines()[1:]:
        if line.strip() not in ("...", ""):
            assert line.strip() in notes, f"not told: {line}\n{notes}"


def test_the_mended_shop_passes_under_all_seeds() -> None:
    defined(SHOP, MENDED, SUPERVISOR, TEST)()


def test_every_strategy_fault_and_invariant_is_in_the_manual() -> None:
    named = set(re.findall(r"`([\w ]+)`", TEXT))
    assert set(get_args(StrategyName)) <= named
    assert set(get_args(FaultKind)) <= named
    assert {invariant.__name__ for invariant in ALL} <= named
