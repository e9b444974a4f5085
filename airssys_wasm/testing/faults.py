"""Acts: the kinds of faults, to whom each can come, and what it does.

Where they come is for the injector. A fault comes to an actor when the kernel has taken it off the
run queue, before its handler runs; a fault of the network comes to a message between two nodes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from airssys_wasm.kernel.bounded_ref import BoundedRef
from airssys_wasm.kernel.ref import ActorRef
from airssys_wasm.kernel.states import ASYNC, DEAD, ENDING, HANDLES_STOP, NEW, PROCESS
from airssys_wasm.testing.observing import taken_from

if TYPE_CHECKING:
    from airssys_wasm.testing.loop import SimulatedLoop

ActorFault = Literal[
    "crash", "hang", "failing init", "slow init", "swallowed cancellation", "full mailbox", "kill",
    "exit", "clock jump", "trap", "out of fuel", "host error", "full disk", "torn write",
]  # fmt: skip
NetworkFault = Literal[
    "lost message", "doubled message", "delayed message", "reordered message", "partition",
    "engine restart",
]  # fmt: skip
FaultKind = Literal[ActorFault, NetworkFault]

ACTOR_FAULTS: tuple[ActorFault, ...] = get_args(ActorFault)
NETWORK_FAULTS: tuple[NetworkFault, ...] = get_args(NetworkFault)
AT_ONCE: tuple[ActorFault, ...] = ("kill", "exit", "clock jump")  # need not wait for a run
ALL_FAULTS: tuple[FaultKind, ...] = (*ACTOR_FAULTS, *NETWORK_FAULTS)

SLOW = 3.0  # seconds that a slow init takes more
FULL = 1.0  # seconds for which a mailbox has no room
JUMP = 10.0  # seconds of a clock jump: more than most timeouts
SWALLOWED = 3  # cancellations that code goes on after


class InjectedCrash(Exception):
    """What an injected crash raises."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`kind` happens to `actor` (its name, or its label in the trace) the `nth` time it runs.

    A restarted child goes on counting under its name. With `at` it happens so many virtual seconds
    after the beginning instead: `kill`, `exit` and `clock jump` then, whether the actor runs or
    not, the others the next time that it runs and the fault can come to it. For a fault of the
    network `actor` is a way between two nodes, or a node that sends, and `nth` counts the messages
    on it; with a partition the sender is cut off from all others.

    Raises ValueError for an unknown kind, for an `nth` below 1, and for a time below 0.

    >>> str(Fault("crash", "ledger", nth=3)), str(Fault("kill", "ledger", at=60))
    ('crash of ledger, the 3. time it runs', 'kill of ledger at 60 s')
    >>> str(Fault("lost message", "a -> b"))
    'lost message at the 1. of a -> b'
    """

    kind: FaultKind
    actor: str
    nth: int = 1
    at: float | None = None

    def __post_init__(self) -> None:
        check_kinds((self.kind,))
        if self.nth < 1:
            raise ValueError(f"nth is counted from 1, not {self.nth!r}")
        if self.at is not None and not 0 <= self.at < math.inf:
            raise ValueError(f"at is seconds from the beginning, not {self.at!r}")

    def __str__(self) -> str:
        if self.at is not None:
            return f"{self.kind} of {self.actor} at {self.at:g} s"
        if self.kind in NETWORK_FAULTS:
            return f"{self.kind} at the {self.nth}. of {self.actor}"
        return f"{self.kind} of {self.actor}, the {self.nth}. time it runs"


def check_kinds(kinds: Iterable[str]) -> None:
    """Raises ValueError, which lists them all, unless each is a kind of fault."""
    for kind in kinds:
        if kind not in ALL_FAULTS:
            raise ValueError(f"{kind!r} is no fault; they are {', '.join(ALL_FAULTS)}")


def fits(kind: ActorFault, actor: ActorRef[Any]) -> bool:
    """Whether that fault can come to that actor as it is now."""
    mode = actor._mode
    if mode & ENDING:
        return kind in ("kill", "clock jump")
    supervisor = bool(actor._traits & HANDLES_STOP)
    match kind:
        case "crash":
            if mode & PROCESS:
                inbox = actor._extension.inbox if actor._extension is not None else None
                return inbox is not None and inbox._waiter is not None
            return not mode & NEW and not supervisor
        case "hang" | "swallowed cancellation":
            return bool(mode & ASYNC) and not mode & NEW and not supervisor
        case "failing init" | "slow init":
            return bool(mode & NEW) and not supervisor
        case "full mailbox":
            return isinstance(actor, BoundedRef) and actor.capacity is not None
        case "kill" | "exit" | "clock jump":
            return True
        case "trap" | "out of fuel" | "host error" | "full disk" | "torn write":
            return _is_component(actor)


def _is_component(actor: ActorRef[Any]) -> bool:
    behaviour = getattr(actor._receive, "__self__", None)
    # By name: a simulation without components loads nothing of them.
    return type(behaviour).__name__ == "ComponentActor"


class _Substitute:
    """Stands in for the `receive` of an actor, once."""

    def __init__(self, ref: ActorRef[Any], function: Callable[..., Any]) -> None:
        self._ref = ref
        self._original = ref._receive
        self._function = function
        self.__self__ = ref._receive.__self__

    def __call__(self, message: Any) -> Any:
        if self._ref._receive is self:
            self._ref._receive = self._original
        return self._function(taken_from(self._original, message), message)


class _Beginner:
    """Stands in for an actor while its init runs."""

    def __init__(self, ref: ActorRef[Any], init: Callable[[Any], Any]) -> None:
        self._ref = ref
        self._receive = ref._receive
        self._init = init

    def init(self) -> Any:
        self._ref._receive = self._receive
        return self._init(self._receive.__self__)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._receive.__self__, name)

    def stand_in(self, message: Any) -> Any:
        return self._receive(message)


def _crash(actor: ActorRef[Any], loop: SimulatedLoop) -> None:
    if actor._mode & PROCESS:
        inbox = actor._ext().inbox
        if inbox is not None and inbox._waiter is not None and not inbox._waiter.done():
            inbox._waiter.set_exception(InjectedCrash("injected"))
        return

    if actor._mode & ASYNC:

        async def crash_later(_receive: Any, _message: Any) -> Any:
            raise InjectedCrash("injected")

        actor._receive = _Substitute(actor, crash_later)
        return

    def crash(_receive: Any, _message: Any) -> Any:
        raise InjectedCrash("injected")

    actor._receive = _Substitute(actor, crash)


def _hang(actor: ActorRef[Any], loop: SimulatedLoop) -> None:
    async def hang(_receive: Any, _message: Any) -> Any:
        await loop.create_future()

    actor._receive = _Substitute(actor, hang)


def _swallow(actor: ActorRef[Any], loop: SimulatedLoop) -> None:
    import asyncio

    async def swallow(receive: Any, message: Any) -> Any:
        for _ in range(SWALLOWED):
            try:
                return await receive(message)
            except asyncio.CancelledError:
                await asyncio.sleep(0)
        return None

    actor._receive = _Substitute(actor, swallow)


def _fail_init(actor: ActorRef[Any], loop: SimulatedLoop) -> None:
    def fail(_actor: Any) -> Any:
        raise InjectedCrash("injected: init fails")

    actor._receive = _Beginner(actor, fail).stand_in


def _slow_init(actor: ActorRef[Any], loop: SimulatedLoop) -> None:
    import asyncio
    import inspect

    async def slow(behaviour: Any) -> Any:
        await asyncio.sleep(SLOW)
        answer = behaviour.init()
        return await answer if inspect.isawaitable(answer) else answer

    actor._receive = _Beginner(actor, slow).stand_in


def _fill(actor: ActorRef[Any], loop: SimulatedLoop) -> None:
    assert isinstance(actor, BoundedRef)
    room = actor._room
    if room == 0:
        return
    actor._room = 0

    def empty() -> None:
        actor._room = room
        if not actor._mode & (DEAD | ENDING):
            actor._load += 1
            actor._taken()  # whoever waits for room gets it

    loop.call_at_for_kernel(loop.time() + FULL, empty)


INJECT: dict[ActorFault, Callable[[ActorRef[Any], SimulatedLoop], None]] = {
    "crash": _crash,
    "hang": _hang,
    "failing init": _fail_init,
    "slow init": _slow_init,
    "swallowed cancellation": _swallow,
    "full mailbox": _fill,
    "kill": lambda actor, _: actor.kill(),
    "exit": lambda actor, _: actor.exit("injected"),
    "clock jump": lambda _, loop: loop.jump(JUMP),
    "trap": lambda actor, loop: loop.guests.arm(actor, "trap"),
    "out of fuel": lambda actor, loop: loop.guests.arm(actor, "out of fuel"),
    "host error": lambda actor, loop: loop.guests.arm(actor, "host error"),
    "full disk": lambda actor, loop: loop.guests.arm(actor, "full disk"),
    "torn write": lambda actor, loop: loop.guests.arm(actor, "torn write"),
}
