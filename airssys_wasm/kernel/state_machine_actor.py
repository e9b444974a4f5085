"""Acts: the state machine behaviour, an actor whose handlers go by its state.

`state_machine.py` decides what is handled next; this runs the handlers and the kernel's timer.
A state machine takes its requests over from the kernel, because the answer may come from a later
event: a postponed request stays open without a handler.

Source: Erlang/OTP, gen_statem(3), in its mode `state_functions` with state enter calls.
"""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Collection, Hashable
from dataclasses import dataclass, replace
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar

from airssys_wasm.kernel.alarm import WAKE, Alarm
from airssys_wasm.kernel.answers import unhandled
from airssys_wasm.kernel.behaviour import Actor
from airssys_wasm.kernel.context import Reply
from airssys_wasm.kernel.errors import ExitActor
from airssys_wasm.kernel.message import (
    IGNORE,
    SIGNALS,
    Envelope,
    Failed,
    Internal,
    Unhandled,
)
from airssys_wasm.kernel.state_machine import Enter, Handle, Machine
from airssys_wasm.kernel.state_table import read_states
from airssys_wasm.kernel.states import DEAD, ENDING, ENVELOPES, NOTHING, SUSPENDED
from airssys_wasm.kernel.transitions import (
    KeepState,
    NextState,
    Postpone,
    Stop,
    Transition,
)

if TYPE_CHECKING:
    from airssys_wasm.kernel.crash import Crash
    from airssys_wasm.kernel.ref import ActorRef

M = TypeVar("M")

BREATH = 64  # events of its own that a machine handles before others get a turn of the loop


class StateMachine(Actor[M]):
    """A behaviour as states: one handler for each, which answers where to go next.

        class Door(StateMachine[str]):
            initial = "locked"

            @state("locked")
            def locked(self, event: object) -> Transition | None:
                match event:
                    case "unlock":
                        return NextState("open", StateTimeout(5.0), reply="welcome")
                    case "walk":
                        return KeepState(Postpone())
                return self.unhandled(event)

            @state("open")
            def opened(self, event: object) -> Transition | None:
                match event:
                    case TimedOut("state"):
                        return NextState("locked")
                ...

    An event is a message or a request as it was sent, `TimedOut`, `Internal` (from NextEvent), or
    a signal (`Down`, `Exit`). A handler, plain or async, returns a transition; None keeps the
    state. The transition's `reply` answers a request; to answer from a later event, take
    `self.context.defer_reply()` and keep it, or postpone the request. A request that is neither
    postponed nor deferred is answered: nobody could do it any more.

    Hooks: `begin()` before the initial state is entered, `terminate(reason)` at the end. The
    machine's data are the attributes of the object.

    A class with two handlers for one state, or without one for its initial state, raises
    TypeError where it is defined. A subclass inherits handlers, and overrides them by method name
    or by state.
    """

    __slots__ = ("_adopted", "_alarm", "_hooked", "_machine")

    initial: Any
    """The state in which it starts; a class attribute, or set in `__init__`."""

    timeouts: ClassVar[Collection[Hashable] | None] = None
    """The names that NamedTimeout may use, if they are to be checked; None: any."""

    _handlers: ClassVar[dict[Hashable, str]] = {}
    _enters: ClassVar[dict[Hashable, str]] = {}

    _machine: Machine
    _alarm: Alarm
    _adopted: list[Arrival]
    _hooked: bool

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        for hook, instead in (("init", "begin()"), ("receive", "a handler for each state")):
            if hook in vars(cls):
                raise TypeError(f"{cls.__name__}.{hook}: a state machine has {instead} instead")
        cls._handlers, cls._enters = read_states(cls)

    # --- for users

    def begin(self) -> Any:
        """Make ready. Plain or async; may answer IGNORE, or set the first timeouts and events.

        NextState begins in another state than `initial`. A failure is a failed start.
        """

    @property
    def state(self) -> Any:
        """The state it is in. `initial` until it has begun."""
        try:
            return self._machine.state
        except AttributeError:
            return self.initial

    @property
    def postponed(self) -> int:
        """How many events wait for a change of state; the mailbox no longer counts them."""
        return len(self._machine.postponed)

    def unhandled(self, message: object) -> Any:
        """For `return self.unhandled(event)`: a warning, or the end if it was a request."""
        return Unhandled(message)

    def describe_crash(self, crash: Crash) -> Crash:
        """With the state beside the data, which are the attributes. Override it to hide secrets."""
        return replace(crash, state={"state": self.state, "data": crash.state})

    def live_state(self) -> object:
        """The state and the data, as a tuple."""
        return self.state, super().live_state()

    def set_live_state(self, state: Any, /) -> None:
        """Go on with another state and data. No enter callback runs, and what waits goes on so."""
        if not isinstance(state, tuple) or len(state) != 2:
            raise TypeError(f"{state!r} is not a tuple of the state and the data")
        place, data = state
        if place not in self._handlers:
            raise ValueError(f"{type(self).__name__} has no state {place!r}")
        super().set_live_state(data)
        self._machine.state = place

    # --- for the kernel

    async def init(self) -> object:
        ref = self.context.ref
        if not hasattr(self, "initial"):
            raise TypeError(f"{type(self).__name__} has no initial state")
        answer = await _result(self.begin())
        if answer is IGNORE:
            return IGNORE
        if answer is None:
            answer = KeepState()
        elif not isinstance(answer, KeepState | NextState):
            raise ExitActor(("bad_return_value", f"begin returned {answer!r}"))
        machine = Machine(self._handlers, self.initial, timeouts=self.timeouts)
        machine.begin(answer, self.context.now())
        for arrival in getattr(self, "_adopted", ()):
            machine.arrive(arrival)
        self._machine, self._adopted = machine, []
        self._alarm = Alarm(ref)
        step = machine.step()
        assert isinstance(step, Enter)
        await self._enter(step)
        if ref._mode & (ENDING | DEAD):
            return None
        ref._mode |= ENVELOPES
        self._alarm.set(machine.next_due)
        if machine.is_ready:
            ref._deliver(WAKE)  # so that the start is over before the first event
        return None

    async def receive(self, message: M, /) -> object:
        ref, machine = self.context.ref, self._machine
        if message is WAKE:
            machine.wake(self.context.now())
            await self._drain(None)
            return None
        extension = ref._extension
        arrival = Arrival(message, extension.envelope if extension is not None else None)
        going_on = not machine.is_ready or await self._drain(None)
        machine.arrive(arrival)
        if going_on and not ref._mode & SUSPENDED:
            await self._drain(arrival)
        else:  # it has just ended, or is suspended: this one waits where the others do
            if going_on:
                ref._deliver(WAKE)  # suspended by the last of its own events
            self._see_to_waiting(ref)
        if arrival.envelope is not None and not ref._mode & DEAD:
            ref._ext().deferred = TAKEN_OVER
        return None

    async def _drain(self, in_hand: Arrival | None) -> bool:
        """Handle all that waits; False when the actor has ended or is suspended meanwhile.

        The kernel has `in_hand`, and will report it if this raises.
        """
        ref, machine = self.context.ref, self._machine
        event: object = None
        count = 0
        try:
            while (step := machine.step()) is not None:
                if isinstance(step, Handle):
                    event = step.event
                    await self._handle(step)
                else:
                    await self._enter(step)
                if ref._mode & (ENDING | DEAD):
                    return False
                if ref._mode & SUSPENDED and machine.is_ready:
                    ref._deliver(WAKE)  # go on when it is resumed
                    self._alarm.set(machine.next_due)
                    return False
                count += 1
                if count % BREATH == 0 and machine.is_ready:
                    await ref._scheduler.give_way()
        except BaseException as exception:
            if event is in_hand:
                raise
            # What failed is not the message that the kernel has in hand, and would report.
            ref._scheduler.failed(ref, exception, _entry(event))
            if isinstance(event, Arrival):
                ref._scheduler.handled -= 1
            if not isinstance(exception, Exception | CancelledError):
                raise
            return False
        self._alarm.set(machine.next_due)
        return True

    async def _enter(self, step: Enter) -> None:
        name = self._enters.get(step.state)
        answer = await _result(getattr(self, name)(step.previous)) if name is not None else None
        if not self.context.ref._mode & DEAD:
            self._end_if_stopped(self._apply(answer, name))

    async def _handle(self, step: Handle) -> None:
        """Run the handler, let its answer take effect, and answer the request, if it was one."""
        ref, name, event = self.context.ref, self._handlers[step.state], step.event
        message, envelope = event, None
        if isinstance(event, Arrival):
            message, envelope = event.message, event.envelope
        if envelope is not None or ref._extension is not None:
            extension = ref._ext()
            extension.envelope, extension.deferred = envelope, None
        try:
            answer = await _result(getattr(self, name)(message))
        finally:
            if ref._extension is not None:
                ref._extension.envelope = None
        if ref._mode & DEAD:
            return
        if answer.__class__ is Unhandled:
            if envelope is not None:
                _reply(envelope, unhandled(ref, message, envelope))
            else:
                ref._scheduler.kernel.reporting.unhandled(ref, message)
            answer = None
        transition = self._apply(answer, name)
        postponed = not isinstance(transition, Stop) and Postpone() in transition.actions
        if postponed:
            self._see_to_waiting(ref)
        if envelope is not None:
            extension = ref._ext()
            deferred, extension.deferred = extension.deferred, None
            if deferred is not None:
                deferred._bind(envelope.future, extension.open_replies())
            elif not postponed:
                _reply(envelope, transition.reply)
        self._end_if_stopped(transition)

    def _apply(self, answer: object, name: str | None) -> Transition:
        if answer is None:
            answer = KEEP
        elif not isinstance(answer, Transition):
            problem = f"{type(self).__name__}.{name} returned {answer!r}, which is no transition"
            raise ExitActor(("bad_return_value", problem))
        self._machine.apply(answer, self._now())
        return answer

    def _now(self) -> float:
        return self.context.ref._scheduler.kernel.platform.now()

    def _end_if_stopped(self, transition: Transition) -> None:
        if isinstance(transition, Stop) and not self.context.ref._mode & (ENDING | DEAD):
            self.context.stop(transition.reason)

    # --- what waits when the actor ends

    def _see_to_waiting(self, ref: ActorRef[Any]) -> None:
        """The mailbox no longer has what is postponed, so its end has to be seen to here."""
        if not getattr(self, "_hooked", False) or ref._mode & DEAD:
            self._hooked = True
            ref._scheduler.kernel.on_exit(ref, self._leave)

    def _leave(self, ref: ActorRef[Any], successor: ActorRef[Any] | None) -> None:
        """What waits goes to the next incarnation, if the mailbox does; else to dead letters."""
        if hasattr(self, "_machine"):
            waiting = [e for e in self._machine.take_waiting() if isinstance(e, Arrival)]
        else:
            waiting, self._adopted = self._adopted, []
        heir = getattr(successor._receive, "__self__", None) if successor is not None else None
        if successor is not None and isinstance(heir, StateMachine):
            # One that killed itself before it took the next message has hooked itself twice.
            heir._adopted = [*getattr(heir, "_adopted", ()), *waiting]
            heir._see_to_waiting(successor)
            return
        scheduler = ref._scheduler
        for arrival in waiting:
            if arrival.message.__class__ not in SIGNALS:
                scheduler.handled -= 1  # it was counted when it was postponed
                scheduler.kernel.reporting.dead_letter(_entry(arrival), ref, ref.exit_reason)


@dataclass(frozen=True, slots=True, eq=False)
class Arrival:
    """A message from outside, and its request if it is one."""

    message: Any
    envelope: Envelope | None


class TakenOver(Reply):
    """Tells the kernel that the request in hand is no longer its own to answer."""

    __slots__ = ()

    def __init__(self) -> None:
        """Nobody's reply."""

    def _bind(self, future: Any, replies: Any) -> None:
        pass


TAKEN_OVER: Final = TakenOver()
KEEP: Final = KeepState()


async def _result(answer: Any) -> Any:
    return await answer if isawaitable(answer) else answer


def _entry(event: object) -> Any:
    """How the kernel knows `event`: as an entry of the mailbox."""
    match event:
        case Arrival(message, None):
            return message
        case Arrival(_, envelope):
            return envelope
        case None:
            return NOTHING
        case Internal():
            return event
    return Internal(event)


def _reply(envelope: Envelope, value: object) -> None:
    if envelope.future.done():
        return
    if isinstance(value, Failed):
        envelope.future.set_exception(value.error)
    else:
        envelope.future.set_result(value)
