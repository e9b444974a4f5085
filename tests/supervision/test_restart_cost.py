"""What a restart costs does not depend on the number of siblings: counted in lines of our code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import anyio
import anyio.lowlevel
import pytest

import airssys_wasm.supervision
from airssys_wasm.kernel import Actor, Kernel
from airssys_wasm.supervision import (
    Backoff,
    ChildSpec,
    HealthCheck,
    Supervisor,
    SupervisorRef,
    steps,
)

OURS = str(Path(airssys_wasm.supervision.__file__).parent)


@contextmanager
def counted_lines() -> Iterator[Callable[[], int]]:
    """Counts the lines of the package `supervision` that run inside the block."""
    lines = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal lines
        if not frame.f_code.co_filename.startswith(OURS):
            return None
        lines += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield lambda: lines
    finally:
        sys.settrace(before)


def lines_of_a_restart(rehearse: Any, spec: Any, siblings: int, **options: Any) -> int:
    older = [spec(f"older {number}") for number in range(siblings // 2)]
    younger = [spec(f"younger {number}") for number in range(siblings // 2)]
    sup = rehearse([*older, spec("a", **options), *younger], intensity=3)
    with counted_lines() as lines:
        sup.crash("a")
        sup.pass_time(1.0)
        restart = lines()
    assert sup.status()["a"] == "running"
    assert sup.machine.restarts == 1
    return restart


@pytest.mark.parametrize(
    "options",
    [{}, {"backoff": Backoff(initial=0.5), "health": HealthCheck(), "while_restarting": "queue"}],
)
def test_the_decision_of_a_restart_takes_as_long_among_10_as_among_10_000(
    rehearse: Any, spec: Any, options: dict[str, Any]
) -> None:
    few, many = (lines_of_a_restart(rehearse, spec, n, **options) for n in (10, 10_000))
    assert few == many > 0


@pytest.mark.anyio
async def test_a_restart_over_actors_takes_as_long_among_10_as_among_1_000(
    anyio_backend: object,
) -> None:
    async def lines_among(siblings: int) -> int:
        async with Kernel("test") as kernel:
            children = [ChildSpec(str(number), Actor) for number in range(siblings)]
            middle = ChildSpec("a", Actor, name="a")
            children.insert(siblings // 2, middle)
            root = await kernel.start(Supervisor(children=children))
            first = kernel.whereis("a")
            assert first is not None
            with counted_lines() as lines:
                first.kill()
                while kernel.whereis("a") in (None, first):
                    await anyio.lowlevel.checkpoint()
                restart = lines()
            assert (await SupervisorRef.of(root).statistics()).restarts == 1
        return restart

    with anyio.fail_after(60):
        few, many = await lines_among(10), await lines_among(1_000)
    assert 0 < many < few + 200  # the supervisor may have heard of the success already, or not yet


def test_a_child_is_added_and_deleted_in_the_same_time_among_any_number(
    rehearse: Any, spec: Any
) -> None:
    def lines_among(siblings: int) -> int:
        sup = rehearse([spec(str(number)) for number in range(siblings)])
        with counted_lines() as lines:
            assert sup.tell(steps.AddChild, spec("a")) == ("ok", "a")
            assert sup.tell(steps.TerminateChild, "a") == ("ok", None)
            assert sup.tell(steps.DeleteChild, "a") == ("ok", None)
            return lines()

    assert lines_among(10) == lines_among(10_000) > 0
