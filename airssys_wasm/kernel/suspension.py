"""Acts: looks into living actors and holds them: suspend, resume, the state and its replacement.

A suspended actor handles nothing: messages queue, requests run into their timeouts. Exits, kills
and looks at its state reach it all the same. A suspended process function is given no message: its
`receive` waits, its timeouts run on, and what it does between two messages goes on.

Source: Erlang/OTP, sys(3).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from airssys_wasm.kernel.address import Address, resolve
from airssys_wasm.kernel.errors import ActorExited, OpaqueState, SelfRequest
from airssys_wasm.kernel.message import SystemCall
from airssys_wasm.kernel.metering import Meter, measure
from airssys_wasm.kernel.outside_ref import OutsideRef
from airssys_wasm.kernel.ref import ActorRef
from airssys_wasm.kernel.states import BUSY, DEAD, ENDING, ENTRIES, PROCESS, SUSPENDED
from airssys_wasm.kernel.tracing import Trace, TraceEvent, start_trace

if TYPE_CHECKING:
    from airssys_wasm.kernel.kernel import Kernel


class Suspension:
    """What the operators of one kernel do to living actors."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def suspend(self, address: Address) -> None:
        """See `Kernel.suspend`."""
        ref = _living(address)
        if ref._mode & SUSPENDED:
            return
        extension = ref._ext()
        self._kernel.scheduler.end_batch(ref)
        ref._mode |= SUSPENDED
        if extension.inbox is not None:
            extension.inbox._suspended()
        elif ref._queue is None:
            ref._queue = BUSY  # not idle: what is sent queues, and puts nothing on the run queue
            extension.at_rest = True

    def resume(self, address: Address) -> None:
        """See `Kernel.resume`."""
        ref = _living(address)
        if not ref._mode & SUSPENDED or ref._mode & ENDING:
            return
        extension = ref._ext()
        ref._mode &= ~SUSPENDED
        at_rest, extension.at_rest = extension.at_rest, False
        if extension.inbox is not None:
            extension.inbox._wake()
        elif at_rest:
            self._kernel.scheduler.settle(ref)

    def rest(self, ref: ActorRef[Any]) -> None:
        """The handler that ran when `ref` was suspended has returned."""
        ref._ext().at_rest = True
        calls: list[SystemCall] = []

        def is_call(entry: object) -> bool:
            if isinstance(entry, SystemCall):
                calls.append(entry)
            return isinstance(entry, SystemCall)

        self._kernel.take_out(ref, is_call)
        for call in calls:
            call.answer(ref._receive.__self__)

    async def call(
        self, address: Address, function: Callable[[Any], object], timeout: float | None
    ) -> Any:
        """What `function` gives for the behaviour of the actor, between two messages of it."""
        ref = _living(address)
        scheduler = self._kernel.scheduler
        if scheduler.current() is ref:
            raise SelfRequest(ref)
        if ref._mode & PROCESS:
            raise OpaqueState(ref, "a process function keeps it in its local variables")
        future = scheduler.future()
        call = SystemCall(function, future)
        if ref._mode & SUSPENDED and ref._ext().at_rest:
            call.answer(ref._receive.__self__)
            return await future
        ref._mode |= ENTRIES
        scheduler.end_batch(ref)
        ref._deliver(call)
        timer = None
        if timeout is not None:

            def expire(_: object) -> None:
                if not future.done():
                    future.set_exception(scheduler.requests.timed_out(ref, timeout))

            timer = self._kernel.timers.wake_at(self._kernel.platform.now() + timeout, expire)
        try:
            return await future
        finally:
            if timer is not None:
                self._kernel.timers.cancel(timer)

    def trace(self, address: Address, callback: Callable[[TraceEvent], object]) -> Trace:
        """See `Kernel.trace`."""
        return start_trace(_living(address), callback)

    def measure(self, address: Address) -> Meter:
        """See `Kernel.measure`."""
        return measure(_living(address))


def read(actor: Any) -> object:
    """The state of an actor, for the one who asked."""
    return actor.live_state()


def replacement(function: Callable[[Any], object]) -> Callable[[Any], object]:
    """What replaces the state of an actor by what `function` makes of it."""

    def replace(actor: Any) -> object:
        state = function(actor.live_state())
        actor.set_live_state(state)
        return state

    return replace


def _living(address: Address) -> ActorRef[Any]:
    ref = resolve(address)
    if ref is None or ref._mode & DEAD:
        raise ActorExited(address, "noproc")
    if isinstance(ref, OutsideRef):
        raise OpaqueState(ref, "it runs on another node")
    return ref
