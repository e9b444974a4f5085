"""The laws of the fault runs bite: each of them, by what would break it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.node_faults.laws import judge

OPEN: dict[str, Any] = {"do": "open", "stream": "s"}


def handled(*numbers: int) -> list[dict[str, Any]]:
    return [{"do": "handled", "stream": "s", "number": number} for number in numbers]


def told(sent: int, *hows: str) -> list[dict[str, Any]]:
    return [{"do": "told", "stream": "s", "how": how, "sent": sent} for how in hows]


def closed(sent: int) -> dict[str, Any]:
    return {"do": "closed", "stream": "s", "sent": sent}


def asked(outcome: str) -> dict[str, Any]:
    return {"do": "asked", "stream": "s", "number": 1, "outcome": outcome, "seconds": 0.1}


def act(token: int, at: float) -> dict[str, Any]:
    return {"do": "act", "token": token, "at": at}


@pytest.mark.parametrize(
    "entries",
    [
        [OPEN, closed(3), *handled(1, 2, 3)],
        [OPEN, *told(3, "down", "exit"), *handled(1, 2)],
        [OPEN, *told(4, "down", "exit"), *handled(1, 2, 4)],
        [OPEN, *handled(1, 2)],  # the sender was killed
        [asked("reply"), asked("exited")],
        [act(1, 0.1), act(1, 0.2), act(5, 0.3)],
    ],
)
def test_what_may_happen_is_found_in_order(entries: list[dict[str, Any]]) -> None:
    assert judge(entries).broken == []


@pytest.mark.parametrize(
    ("entries", "says"),
    [
        ([OPEN, closed(3), *handled(1, 2)], "nobody was told"),
        ([OPEN, closed(2), *handled(1, 2, 2)], "2 was handled twice"),
        ([OPEN, closed(2), *handled(2, 1)], "1 was handled after 2"),
        ([OPEN, closed(3), *handled(1, 3)], "3 was handled after 1, and nobody was told"),
        ([OPEN, *told(4, "down", "exit"), *handled(1, 3, 2)], "2 was handled after 3"),
        ([OPEN, *told(1, "down", "exit"), *handled(1, 2)], "1 sent, and 2 handled"),
        ([OPEN, closed(1), *told(1, "down", "down", "exit")], "told 2 times by down"),
        ([OPEN, closed(1), *told(1, "down")], "told by down alone"),
        (handled(1), "nobody sent in it"),
        ([asked("RequestTimeout")], "RequestTimeout"),
        ([act(1, 0.1), act(2, 0.2), act(1, 0.3)], "token 1 came after one of 2"),
    ],
)
def test_what_may_not_happen_is_told(entries: list[dict[str, Any]], says: str) -> None:
    [broken] = judge(entries).broken
    assert says in broken


def test_what_was_lost_and_told_is_counted() -> None:
    findings = judge([OPEN, *told(5, "down", "exit"), *handled(1, 2)])
    assert (findings.sent, findings.handled, findings.told) == (5, 2, 3)
