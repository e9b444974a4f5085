"""Acts: a one-off function as an actor: the process that runs it, and the handle of its result."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from airssys_wasm.kernel.errors import ActorExited, RequestTimeout
from airssys_wasm.kernel.posting import kernel_of
from airssys_wasm.kernel.reasons import exception_of
from airssys_wasm.supervision.dynamic_protocol import TerminateInstance

if TYPE_CHECKING:
    from asyncio import Future
    from types import TracebackType

    from airssys_wasm.kernel.address import Address
    from airssys_wasm.kernel.inbox import Inbox
    from airssys_wasm.kernel.ref import ActorRef
    from airssys_wasm.kernel.timers import TimerRef

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

NO_VALUE: Any = object()


@dataclass(frozen=True, slots=True)
class Work:
    """What one task is to do, and where it leaves what came of it."""

    function: Callable[..., Any]
    args: tuple[Any, ...]
    aside: bool
    leave: Callable[[Any], None]


async def task(inbox: Inbox[Any], work: Work) -> None:
    """The behaviour of a task: run the function, leave its value, end."""
    if work.aside:
        value = await inbox.context.offload(work.function, *work.args)
    else:
        value = work.function(*work.args)
    if inspect.isawaitable(value):
        value = await value
    work.leave(value)


@dataclass(frozen=True, slots=True)
class Returned(Generic[R_co]):
    """A task's function returned `value`."""

    value: R_co

    def get(self) -> R_co:
        """The value."""
        return self.value


@dataclass(frozen=True, slots=True)
class Raised:
    """A task has no value: its function raised `error`, or the task ended before (ActorExited)."""

    error: Exception

    def get(self) -> Any:
        """Raises the error."""
        raise self.error


class Task(Generic[R]):
    """A function that was started in a task supervisor, as the actor `ref`.

    Nobody has to wait for its result. Whoever does, and is cancelled, leaves it running.
    """

    def __init__(self, supervisor: Address) -> None:
        self.ref: ActorRef[Any]
        self._supervisor = supervisor
        self._value: Any = NO_VALUE
        self._late: float | None = None
        self._timer: TimerRef | None = None
        self._traceback: TracebackType | None = None
        self._waiters: dict[Future[None], None] = {}
        self._whenever: Callable[[], None] | None = None

    async def result(self, timeout: float | None = None) -> R:
        """What the function returned, or raises what it raised, with the stack of the task.

        Raises ActorExited when the task ended before it had a result: it was cancelled, killed, or
        stopped with its supervisor. RequestTimeout after `timeout` seconds (None: no limit); the
        task goes on then.
        """
        if not self.is_done:
            await self._finished(timeout)
        outcome = self.outcome()
        if isinstance(outcome, Raised):
            raise outcome.error.with_traceback(self._traceback)
        return outcome.value

    @property
    def is_done(self) -> bool:
        """Whether it has ended."""
        return not self.ref.is_alive

    def outcome(self) -> Returned[R] | Raised:
        """What came of a task that is done. Raises RuntimeError while it isn't."""
        if not self.is_done:
            raise RuntimeError(f"{self} is not done")
        if self._value is not NO_VALUE:
            return Returned(self._value)
        if self._late is not None:
            return Raised(RequestTimeout(self.ref, self._late))
        reason = self.ref.exit_reason
        error = exception_of(reason)
        if isinstance(error, Exception):
            self._traceback = self._traceback or error.__traceback__
            return Raised(error)
        exited = ActorExited(self.ref, reason)
        exited.__cause__ = error
        return Raised(exited)

    def cancel(self) -> None:
        """Have the supervisor stop it: a cancellation at its `await`, and a kill after `shutdown`.

        Nothing happens when it is done. A function that runs aside goes on in its thread; what it
        returns is for nobody.
        """
        if not self.is_done:
            self._supervisor.send(TerminateInstance(self.ref))

    def give(self, seconds: float | None, whenever_done: Callable[[], None]) -> None:
        """Cancel it after so many seconds (None: never), and call back at its end."""
        self._whenever = whenever_done
        if self.is_done:
            whenever_done()
        elif seconds is not None:
            kernel = kernel_of(self.ref)

            def time_up(_: object) -> None:
                self._late = seconds
                self.cancel()

            self._timer = kernel.timers.wake_at(kernel.platform.now() + seconds, time_up)

    def leave(self, value: R) -> None:
        """The function returned `value`."""
        self._value = value

    def begun(self, ref: ActorRef[Any]) -> Task[R]:
        """The task runs as `ref`."""
        self.ref = ref
        kernel_of(ref).on_exit(ref, self._ended)
        return self

    def _ended(self, ref: object, successor: object) -> None:
        if self._timer is not None:
            kernel_of(self.ref).timers.cancel(self._timer)
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_result(None)
        if self._whenever is not None:
            self._whenever()

    async def _finished(self, timeout: float | None) -> None:
        kernel = kernel_of(self.ref)
        waiter = kernel.scheduler.future()
        self._waiters[waiter] = None
        timer = None
        if timeout is not None:

            def time_up(_: object) -> None:
                if not waiter.done():
                    waiter.set_exception(RequestTimeout(self.ref, timeout))

            timer = kernel.timers.wake_at(kernel.platform.now() + timeout, time_up)
        try:
            await waiter
        finally:
            del self._waiters[waiter]
            if timer is not None:
                kernel.timers.cancel(timer)

    def __repr__(self) -> str:
        return f"<Task {self.ref}>"
