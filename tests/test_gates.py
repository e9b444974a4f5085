"""The gates of the layers: what they ask of the documents holds, and a miss fails them."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterator

import pytest

from airssys_wasm.application import ActorSystem
from tests import gates
from tests.gates import Point, documents_are_complete, main


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """A gate keeps the crashes that it makes out of the log."""
    yield
    logging.disable(logging.NOTSET)


async def holds(system: ActorSystem) -> str:
    return "as it should"


async def does_not(system: ActorSystem) -> None:
    raise AssertionError("2, not 1")


def test_the_documents_of_the_components_are_complete() -> None:
    assert "limits" in documents_are_complete()


def test_a_limit_that_no_document_names_is_a_miss(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "get_args", lambda _: ("memory", "patience"))
    with pytest.raises(AssertionError, match="`patience`"):
        documents_are_complete()


@pytest.mark.parametrize(
    ("points", "project", "status", "last"),
    [
        ([holds], [], 0, "layer 9: 2 of 2 points hold"),
        ([holds, does_not], [], 1, "layer 9: 2 of 4 points hold"),
        ([holds], [lambda: "done"], 0, "layer 9: 3 of 3 points hold"),
        ([holds], [lambda: 1 // 0], 1, "layer 9: 2 of 3 points hold"),
    ],
)
def test_one_miss_fails_the_gate_and_the_other_points_are_still_looked_at(
    points: list[Callable[[ActorSystem], Awaitable[str | None]]],
    project: list[Callable[[], str]],
    status: int,
    last: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    layer = tuple(Point(f"point {n}", check) for n, check in enumerate(points))
    monkeypatch.setitem(gates.LAYERS, 9, layer)
    monkeypatch.setitem(gates.PROJECT, 9, tuple(("the project", check) for check in project))
    assert main(9) == status
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "[x] point 0 (fast): as it should"
    assert told[-1] == last
    if does_not in points:
        assert told[2] == "[ ] point 1 (fast): AssertionError: 2, not 1 (test_gates.py:27)"
