"""Strategies for Hypothesis: trees, child specs, topics, plans of faults, scripts of messages.

Pure. Needs the extra `testing`. Smaller examples are nearer to what is usual: one child, the
default strategy, no faults.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from inspect import iscoroutinefunction
from typing import Any, get_args

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from airssys_wasm.kernel.mailbox import Mailbox, Order, Overflow
from airssys_wasm.supervision import ChildSpec, Supervisor
from airssys_wasm.supervision.backoff import Backoff
from airssys_wasm.supervision.child_spec import Restart, Shutdown, WhileRestarting
from airssys_wasm.supervision.health import HealthCheck
from airssys_wasm.supervision.strategy import AutoShutdownMode, Strategy
from airssys_wasm.testing.faults import ACTOR_FAULTS, Fault, FaultKind

NAMES = st.text("abcdefgh", min_size=1, max_size=4)
TOKENS = st.text("abcxyz0-_", min_size=1, max_size=5)


@st.composite
def child_specs(
    draw: DrawFn, start: Callable[..., Any], *, id: str | None = None, significant: bool = False
) -> ChildSpec:
    """A worker that `start` makes, with any legal settings; it is registered by its id.

    `significant` says whether it may be one. A process function is never asked for its health.
    """
    name = draw(NAMES) if id is None else id
    restart: Restart = draw(st.sampled_from(get_args(Restart)))
    shutdown: Shutdown = draw(st.sampled_from([5.0, 0.0, 0.5, "infinity", "brutal_kill"]))
    return ChildSpec(
        name,
        start,
        name=name,
        restart=restart,
        shutdown=shutdown,
        significant=significant and restart != "permanent" and draw(st.booleans()),
        mailbox=draw(st.none() | mailboxes()),
        start_timeout=draw(st.sampled_from(["infinity", 1.0, 10.0])),
        backoff=draw(st.none() | backoffs()),
        health=None if iscoroutinefunction(start) else draw(st.none() | health_checks()),
        while_restarting=draw(st.sampled_from(get_args(WhileRestarting))),
    )


def mailboxes() -> SearchStrategy[Mailbox]:
    """Any mailbox: how large, what happens when it is full, its order, kept on restarts or not."""
    return st.builds(
        Mailbox,
        capacity=st.none() | st.integers(1, 4),
        overflow=st.sampled_from(get_args(Overflow)),
        keep_on_restart=st.booleans(),
        order=st.sampled_from(get_args(Order)),
    )


def backoffs() -> SearchStrategy[Backoff]:
    """Any backoff whose waits are up to a minute."""
    return st.builds(
        Backoff,
        initial=st.sampled_from([0.1, 0.0, 1.0]),
        factor=st.sampled_from([2.0, 1.0, 10.0]),
        max=st.sampled_from([30.0, 1.0, 60.0]),
        jitter=st.sampled_from([0.0, 0.1, 1.0]),
        healthy_after=st.sampled_from([10.0, 0.0]),
    )


def health_checks() -> SearchStrategy[HealthCheck]:
    """Any health check: every second or ten, and given up after one failure to three."""
    return st.builds(
        HealthCheck,
        every=st.sampled_from([10.0, 1.0]),
        timeout=st.sampled_from([1.0, 0.1]),
        threshold=st.integers(1, 3),
    )


@st.composite
def trees(
    draw: DrawFn, start: Callable[..., Any], *, most: int = 4, depth: int = 2, path: str = ""
) -> Supervisor:
    """A supervisor with any legal settings, over at most `most` children at each of its levels."""
    mode: AutoShutdownMode = draw(st.sampled_from(get_args(AutoShutdownMode)))
    children: list[ChildSpec] = []
    for number in range(draw(st.integers(1, most))):
        id = f"{path}{'abcdefghijklmnop'[number]}"
        if depth > 1 and draw(st.integers(0, 3)) == 3:
            below = draw(trees(start, most=most, depth=depth - 1, path=f"{id}-"))
            children.append(ChildSpec(id, below, name=id))
        else:
            children.append(draw(child_specs(start, id=id, significant=mode != "never")))
    strategy: Strategy = draw(st.sampled_from(get_args(Strategy)))
    return Supervisor(
        strategy=strategy,
        intensity=draw(st.integers(0, 5)),
        period=draw(st.sampled_from([5.0, 1.0, 60.0])),
        auto_shutdown=mode,
        children=children,
    )


def topics() -> SearchStrategy[str]:
    """A topic: tokens with dots between them."""
    return st.lists(TOKENS, min_size=1, max_size=4).map(".".join)


def patterns() -> SearchStrategy[str]:
    """A pattern of topics, perhaps with `*` in the place of a token and `>` at the end."""
    token = TOKENS | st.just("*")
    return st.tuples(st.lists(token, min_size=1, max_size=3), st.booleans()).map(
        lambda drawn: ".".join([*drawn[0], ">"] if drawn[1] else drawn[0])
    )


def fault_plans(
    actors: Sequence[str], *, kinds: Sequence[FaultKind] = ACTOR_FAULTS, most: int = 3
) -> SearchStrategy[list[Fault]]:
    """Faults at fixed places, for `plan=`."""
    fault = st.builds(Fault, st.sampled_from(kinds), st.sampled_from(actors), st.integers(1, 8))
    return st.lists(fault, max_size=most)


def scripts(
    actors: Sequence[str], messages: SearchStrategy[Any], *, most: int = 20
) -> SearchStrategy[list[tuple[float, str, Any]]]:
    """What is sent to whom, and how many seconds after what was sent before it."""
    pause = st.sampled_from([0.0, 0.0, 0.001, 0.1, 1.0])
    return st.lists(st.tuples(pause, st.sampled_from(actors), messages), max_size=most)
