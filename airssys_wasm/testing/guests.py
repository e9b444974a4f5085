"""Acts: components in a simulation: what they ask of the host is recorded, and faults reach them.

A guest itself is deterministic: it runs with fuel and in virtual time, and all that comes into it
comes through its messages and the host's functions. With these in the trace, two runs of one seed
can be compared import by import.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from airssys_wasm.testing.trace import LONGEST, describe

if TYPE_CHECKING:
    from airssys_wasm.components.component_actor import ComponentActor
    from airssys_wasm.kernel.ref import ActorRef
    from airssys_wasm.testing.choices import Choices

GuestFault = Literal["trap", "out of fuel", "host error", "full disk", "torn write"]

FULL_DISK = 1.0  # seconds for which nothing can be written

# What a function of the host answers when it fails, by interface; others can't fail.
_FAILS = {
    "host-messaging": "delivery-failed",
    "pubsub": "delivery-failed",
    "calls": "delivery-failed",
    "storage": "io-error",
}
_WRITES = ("set", "delete", "batch")


class Guests:
    """The components of one run.

    `record` gets (actor, text) for each call of a host function; None: nobody reads it.
    `began` is told of each incarnation that is about to get its Store.
    """

    def __init__(
        self,
        choices: Choices,
        label: Callable[[Any], str],
        now: Callable[[], float],
        record: Callable[[str, str], None] | None,
        began: Callable[[ComponentActor], None],
    ) -> None:
        self._choices = choices
        self._label = label
        self._now = now
        self._record = record
        self._armed: dict[ActorRef[Any], tuple[GuestFault, float]] = {}
        self._began = began

    def arm(self, actor: ActorRef[Any], kind: GuestFault) -> None:
        """The next call that fits fails: of the guest, or of the guest to the host."""
        self._armed[actor] = kind, self._now()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Inside, components are seen, and armed faults happen."""
        from airssys_wasm.components.component_actor import ComponentActor
        from airssys_wasm.components.services import ComponentServices

        begin, instantiated = ComponentActor._begin, ComponentActor._instantiated
        guests = self

        async def _begin(self: ComponentActor, compiled: Any) -> None:
            guests._began(self)
            functions: Any = _Told(guests, self.context.ref, self._host.functions)
            self._host.functions = functions
            await begin(self, compiled)

        async def _instantiated(self: ComponentActor, compiled: Any) -> Any:
            return _Fallible(guests, self, await instantiated(self, compiled))

        def engine_for(self: ComponentServices, run: str) -> Any:
            return self.engine  # what would run on a thread takes its turns here, as the others do

        stand_ins: tuple[tuple[type, str, Any], ...] = (
            (ComponentActor, "_begin", _begin),
            (ComponentActor, "_instantiated", _instantiated),
            (ComponentServices, "engine_for", engine_for),
        )
        originals = [(owner, name, vars(owner)[name]) for owner, name, _ in stand_ins]
        for owner, name, stand_in in stand_ins:
            setattr(owner, name, stand_in)
        try:
            yield
        finally:
            for owner, name, original in originals:
                setattr(owner, name, original)

    # --- what the guest does

    def fail(self, actor: ComponentActor) -> None:
        """Let the guest trap, or run out of fuel, as it would in the middle of a call."""
        from airssys_wasm.components.engine.traps import Limit, Trap
        from airssys_wasm.components.errors import GuestTrap

        kind, _ = self._armed.get(actor.context.ref, (None, 0.0))
        if kind not in ("trap", "out of fuel"):
            return
        del self._armed[actor.context.ref]
        if kind == "trap":
            raise GuestTrap(Trap("unreachable", "injected"))
        fuel = actor._component.limits.fuel or 0
        raise GuestTrap(Limit("fuel", fuel, fuel, "out of fuel"))

    # --- what the guest asks for

    def asked(
        self, ref: ActorRef[Any], name: str, arguments: tuple[object, ...], answer: object
    ) -> None:
        """The host has answered."""
        if self._record is not None:
            self._record(self._label(ref), f"{name}{_short(arguments)} gives {_short(answer)}")

    def refused(self, ref: ActorRef[Any], name: str) -> str | None:
        """What the call of `name` fails with instead of being made; None: it is made."""
        armed = self._armed.get(ref)
        interface, _, function = name.partition(".")
        if armed is None or interface not in _FAILS:
            return None
        kind, since = armed
        if kind == "host error" and function != "self-id":
            del self._armed[ref]
            return "injected"
        if kind == "full disk" and interface == "storage" and function in _WRITES:
            if self._now() <= since + FULL_DISK:
                return "no space left on device"
            del self._armed[ref]
        return None

    def is_torn(self, ref: ActorRef[Any], name: str) -> bool:
        """Whether this write ends in the middle: nobody knows whether it was made."""
        interface, _, function = name.partition(".")
        armed = self._armed.get(ref)
        if armed is None or armed[0] != "torn write":
            return False
        if interface != "storage" or function not in _WRITES:
            return False
        del self._armed[ref]
        return True

    def is_made(self, ref: ActorRef[Any]) -> bool:
        """Whether a torn write was made all the same; a choice."""
        return not self._choices.pick("torn write", self._label(ref), ("made", "lost"))


class _Fallible:
    """Stands in for the instance of one incarnation: its guest may fail instead of being called."""

    def __init__(self, guests: Guests, actor: ComponentActor, instance: Any) -> None:
        self._guests = guests
        self._actor = actor
        self._instance = instance

    def __getattr__(self, name: str) -> Any:
        return getattr(self._instance, name)

    async def call(self, function: str, *arguments: object) -> object:
        try:
            self._guests.fail(self._actor)
        except BaseException:
            self._instance.close()  # as after a trap of its own
            raise
        return await self._instance.call(function, *arguments)


class _Told:
    """Stands in for the `HostFunctions` of one incarnation."""

    def __init__(self, guests: Guests, ref: ActorRef[Any], functions: Any) -> None:
        self._guests = guests
        self._ref = ref
        self._functions = functions

    @property
    def calls(self) -> int:
        calls: int = self._functions.calls
        return calls

    def __call__(self, interface: str, function: str, arguments: tuple[object, ...]) -> object:
        name = f"{interface.partition('/')[2].partition('@')[0]}.{function}"
        guests, ref = self._guests, self._ref
        problem = guests.refused(ref, name)
        if problem is None and guests.is_torn(ref, name):
            problem = "the write was torn"
            if guests.is_made(ref):
                return self._torn(name, interface, function, arguments, problem)
        if problem is not None:
            return self._answered(name, arguments, _error(name, problem))
        answer = self._functions(interface, function, arguments)
        if hasattr(type(answer), "__await__"):
            return self._awaited(name, arguments, answer)
        return self._answered(name, arguments, answer)

    async def _torn(
        self,
        name: str,
        interface: str,
        function: str,
        arguments: tuple[object, ...],
        problem: str,
    ) -> object:
        await self._functions(interface, function, arguments)
        return self._answered(name, arguments, _error(name, problem))

    async def _awaited(
        self, name: str, arguments: tuple[object, ...], answer: Awaitable[object]
    ) -> object:
        return self._answered(name, arguments, await answer)

    def _answered(self, name: str, arguments: tuple[object, ...], answer: object) -> object:
        self._guests.asked(self._ref, name, arguments, answer)
        return answer


def _error(name: str, text: str) -> object:
    from airssys_wasm.components.engine.values import Err, Variant

    return Err(Variant(_FAILS[name.partition(".")[0]], text))


def _short(value: object) -> str:
    """`value` as traces show it; what is cut off is there as a digest."""
    text = describe(value)
    if len(text) < LONGEST:
        return text
    return f"{text} #{hashlib.sha256(repr(value).encode()).hexdigest()[:12]}"
