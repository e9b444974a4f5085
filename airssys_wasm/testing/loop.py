"""Acts: an event loop in which time is virtual and one chooser says who runs next.

It is asyncio's own loop but for two things: time moves only when nothing can run, and then jumps to
the next timer; and of all that is ready, one step is chosen at a time. Steps of one actor keep
their order; option zero is what has waited longest, as in production. Whatever reaches out of the
process is refused.

A step is a callback of the loop. The kernel's turn is a callback, too, but stands for every actor
on the run queue.
"""

from __future__ import annotations

import asyncio
import heapq
from collections import Counter, deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import Context
from typing import TYPE_CHECKING, Any

from airssys_wasm.kernel.current import CURRENT
from airssys_wasm.kernel.parking import Parking
from airssys_wasm.kernel.ref import ActorRef
from airssys_wasm.kernel.scheduler import Scheduler
from airssys_wasm.kernel.worker import work
from airssys_wasm.testing.choices import Choices
from airssys_wasm.testing.errors import Deadlock, Livelock, Refused, TooLong
from airssys_wasm.testing.refusals import OFFLOAD, REFUSED_CALLS, refusal_of
from airssys_wasm.testing.run_queue import SimulatedRunQueue
from airssys_wasm.testing.steps import KERNEL, OUTSIDE, WORKERS, Part, Ready
from airssys_wasm.testing.tasks import SimulatedFuture, SimulatedTask
from airssys_wasm.testing.waiting import waits_for

if TYPE_CHECKING:
    from airssys_wasm.testing.guests import Guests

MOST_STEPS = 100_000  # while time stands still
COUNTED_STEPS = 10_000  # the last ones before that, among which the busiest are found
LIBRARY = "airssys_wasm."
LAST_STEPS = 5_000  # to clear away what is left of a run
LAST_SECONDS = 60.0


class SimulatedLoop(asyncio.BaseEventLoop):
    """One run of a simulation. `on_quiet` is called whenever nothing can run, before time moves."""

    def __init__(
        self,
        choices: Choices,
        on_step: Callable[[float, Any], None],
        on_quiet: Callable[[], None],
        on_scheduler: Callable[[Scheduler], None],
    ) -> None:
        super().__init__()
        self.choices = choices
        self.steps = 0
        self.most_steps: int | None = None  # of the whole run; TooLong after them
        self.jumped = 0.0  # seconds in all
        self.errors: list[BaseException] = []
        self.guests: Guests  # the components of this run
        self._now = 0.0
        self._numbers = 0
        self._order = 0
        self._names: Counter[str] = Counter()
        self._on_step = on_step
        self._on_quiet = on_quiet
        self._on_scheduler = on_scheduler
        self._can_run: deque[Ready] = deque()
        self._due: list[tuple[float, int, asyncio.TimerHandle, Any]] = []
        self._cancelled = 0
        self._still = 0  # steps since time moved
        self._busy: Counter[str] = Counter()
        self._running: Any = None  # whose step this is
        self._ran: Any = None  # whose step the last one was
        self._turn: Ready | None = None  # the kernel's turn that runs
        self._known: dict[Scheduler, int] = {}  # which kernel of the run each is, from 1
        self._over = False
        self._left = 0  # steps, when it is over
        self.failure: BaseException | None = None  # ends the run before its next step
        self.set_task_factory(self._new_task)  # type: ignore[arg-type]  # as asyncio calls it
        self.set_exception_handler(self._record)

    # --- time

    def time(self) -> float:
        return self._now

    def jump(self, seconds: float) -> None:
        """Let time pass while others can run: what a busy machine does to everybody."""
        self._now += seconds
        self.jumped += seconds

    # --- what becomes ready

    def next_number(self) -> int:
        """Numbers what is created."""
        self._numbers += 1
        return self._numbers

    def unique_name(self, name: str) -> str:
        """`name` for the first task of that name, then with a number."""
        short = name.rsplit(".", 1)[-1]  # anyio calls tasks by the whole path of their function
        self._names[short] += 1
        count = self._names[short]
        return short if count == 1 else f"{short}-{count}"

    def create_future(self) -> SimulatedFuture:
        return SimulatedFuture(loop=self)

    def _new_task(
        self, loop: SimulatedLoop, coro: Coroutine[Any, Any, Any], **options: Any
    ) -> SimulatedTask:
        code = getattr(coro, "cr_code", None)
        owner = WORKERS if code is work.__code__ else self._actor_running()
        return SimulatedTask(coro, loop=loop, owner=owner, **options)

    def _actor_running(self) -> Any:
        """The actor whose step this is, or the kernel; None outside of both."""
        actor = CURRENT.get()
        if actor is not None:
            return actor
        running = self._running
        return running if isinstance(running, ActorRef) else None

    def call_soon(  # type: ignore[override]
        self, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._order += 1
        scheduler = getattr(callback, "__self__", None)
        if isinstance(scheduler, Scheduler):
            self._add_turn(scheduler, handle)
        else:
            rests = args and args[0].__class__ is Parking  # a resting worker is cancelled
            owner = WORKERS if rests else self._owner(callback, context)
            self._can_run.append(Ready(self._order, owner, handle, None))
        return handle

    def call_soon_threadsafe(  # type: ignore[override]
        self, callback: Callable[..., Any], *args: Any, context: Context | None = None
    ) -> asyncio.Handle:
        return self.call_soon(callback, *args, context=context)

    def call_soon_for_kernel(self, callback: Callable[[], None]) -> None:
        """`call_soon` of the platform."""
        self._order += 1
        handle = asyncio.Handle(callback, (), self, Context())
        self._can_run.append(Ready(self._order, KERNEL, handle, None))

    def know(self, scheduler: Scheduler) -> None:
        """A kernel is there: from now on its choices are those of the run."""
        if scheduler not in self._known:
            self._known[scheduler] = len(self._known) + 1
            self._on_scheduler(scheduler)

    def _add_turn(self, scheduler: Scheduler, handle: asyncio.Handle) -> None:
        scheduler.quantum = 1  # a slice is one activation
        self.know(scheduler)
        order: float = self._order
        running = self._turn
        if running is not None and running.turn is scheduler and _queue(scheduler).goes_on():
            order = running.order  # production would not have left its turn yet
        ready = Ready(order, None, handle, scheduler)
        if order == self._order:
            self._can_run.append(ready)
        else:
            self._can_run.appendleft(ready)

    def _owner(self, callback: Any, context: Context | None) -> Any:
        """Whose step a callback is."""
        if context is not None:
            actor = context.get(CURRENT)
            if actor is not None:
                return actor
        task = getattr(callback, "__self__", None)
        if isinstance(task, SimulatedTask):
            return task.owner
        if self._running is not None:
            return self._running
        return OUTSIDE

    def call_later(  # type: ignore[override]
        self,
        delay: float,
        callback: Callable[..., Any],
        *args: Any,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(  # type: ignore[override]
        self,
        when: float,
        callback: Callable[..., Any],
        *args: Any,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        return self._at(when, callback, args, context, self._owner(callback, context))

    def call_at_for_kernel(self, when: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        """`call_at` of the platform."""
        return self._at(when, callback, (), Context(), KERNEL)

    def _at(
        self,
        when: float,
        callback: Callable[..., Any],
        args: tuple[Any, ...],
        context: Context | None,
        owner: Any,
    ) -> asyncio.TimerHandle:
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        timer._scheduled = True  # type: ignore[attr-defined]  # what a cancel looks at
        self._order += 1
        heapq.heappush(self._due, (when, self._order, timer, owner))
        return timer

    async def run_in_executor(self, executor: Any, func: Any, *args: Any) -> Any:  # type: ignore[override]
        """Here and now, for the library's own code, which waits for it anyway; else refused."""
        function = getattr(func, "args", (func,))[0] if hasattr(func, "func") else func
        if not str(getattr(function, "__module__", "")).startswith(LIBRARY):
            to_thread = isinstance(getattr(getattr(func, "func", None), "__self__", None), Context)
            raise Refused("asyncio.to_thread()" if to_thread else "loop.run_in_executor()", OFFLOAD)
        return func(*args)

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        self._cancelled += 1
        if self._cancelled > 100 and 2 * self._cancelled > len(self._due):
            self._due = [entry for entry in self._due if not entry[2].cancelled()]
            heapq.heapify(self._due)
            self._cancelled = 0

    # --- the step

    def _run_once(self) -> None:
        """One step: asyncio's loop calls this again and again."""
        if self.failure is not None and not self._over:
            raise self.failure
        if self._over:
            self._left -= 1
            if self._left < 0:
                self.stop()
        can_run = self._can_run
        while can_run and can_run[0].handle._cancelled:
            can_run.popleft()
        if not can_run:
            self._move_time()
            return
        self.steps += 1
        if self.steps == self.most_steps and not self._over:
            raise TooLong(self.steps)
        self._still += 1
        if self._still > MOST_STEPS - COUNTED_STEPS and not self._over:
            self._busy[self.label(self._ran)] += 1
            if self._still > MOST_STEPS:
                raise Livelock(MOST_STEPS, self._now, tuple(self._busy.most_common(3)))
        first = can_run[0]
        if len(can_run) == 1 and (first.turn is None or len(first.turn.ready) < 2):
            can_run.popleft()
            self._step(first, None)
            return
        ready, actor = self._choose()
        can_run.remove(ready)
        self._step(ready, actor)

    def _choose(self) -> tuple[Ready, Any]:
        """Which step comes: a callback, and for the kernel's turn, the actor that it takes."""
        options: list[Any] = []
        steps: list[tuple[Ready, Any]] = []
        known: set[Any] = set()
        for ready in self._can_run:
            if ready.handle._cancelled:
                continue
            if ready.turn is None:
                owner = ready.owner
                if owner is WORKERS:
                    return ready, None
                if owner not in known:
                    known.add(owner)
                    options.append(owner)
                    steps.append((ready, None))
            elif not len(ready.turn.ready):
                return ready, None  # it has nothing to do
            else:
                for actor in _queue(ready.turn):
                    if actor not in known:
                        known.add(actor)
                        options.append(actor)
                        steps.append((ready, actor))
        if len(options) == 1:
            return steps[0]
        return steps[self.choices.pick("run", self.label(options[0]), options)]

    def _step(self, ready: Ready, actor: Any) -> None:
        handle = ready.handle
        if handle._cancelled:
            return
        self._running = self._ran = ready.owner
        if ready.turn is not None:
            self._turn = ready
            _queue(ready.turn).chosen = actor
        elif ready.owner is not WORKERS:
            self._on_step(self._now, ready.owner)
        try:
            handle._run()
        finally:
            self._turn = self._running = None

    def taken(self, actor: ActorRef[Any]) -> None:
        """The kernel has taken an actor off the run queue, and runs it now."""
        self._running = self._ran = actor

    def _move_time(self) -> None:
        due = self._due
        while due and due[0][2]._cancelled:
            heapq.heappop(due)
            self._cancelled -= 1
        if not self._over and not (due and due[0][0] <= self._now):
            self._on_quiet()
            if self._can_run:
                return
        if not due:
            if self._over:
                return
            raise Deadlock(self._now, tuple(waits_for(self, self.label)))
        if due[0][0] > self._now:
            self._now = due[0][0]
            self._still = 0
            self._busy.clear()
        while due and due[0][0] <= self._now:
            _, _, timer, owner = heapq.heappop(due)
            timer._scheduled = False  # type: ignore[attr-defined]
            if not timer._cancelled:
                self._order += 1
                self._can_run.append(Ready(self._order, owner, timer, None))

    # --- the end

    def clear_away(self) -> list[str]:
        """Cancel what is left, and let it end; gives who would not."""
        self._over = self.choices.over = True
        for _ in range(3):
            tasks = sorted(asyncio.all_tasks(self), key=hash)
            if not tasks:
                break
            for task in tasks:
                task.cancel()
            self._turn_until_idle()
        left = sorted(asyncio.all_tasks(self), key=hash)
        for task in left:
            task._log_destroy_pending = False  # type: ignore[attr-defined]
        return [self.label(task) for task in left]

    def _turn_until_idle(self) -> None:
        """Run until all tasks are done, or for a minute and so many steps."""

        async def wait() -> None:
            others = asyncio.all_tasks(self) - {asyncio.current_task()}
            if others:
                await asyncio.wait(others, timeout=LAST_SECONDS)

        self._left = LAST_STEPS
        with suppress(RuntimeError):  # stopped before that was done
            self.run_until_complete(wait())

    def close(self) -> None:
        self._can_run.clear()
        self._due.clear()
        super().close()

    def _record(self, _loop: Any, context: dict[str, Any]) -> None:
        """What asyncio would log as an error that nobody caught."""
        error = context.get("exception")
        if not self._over:
            self.errors.append(error or RuntimeError(context["message"]))

    def label(self, who: Any) -> str:
        """What an owner of steps is called in traces: an actor by name and number.

        Actors of the second kernel of a run, and of those after it, have its number, too.
        """
        if isinstance(who, ActorRef):
            kernel = self._known.get(who._scheduler, 1)
            node = "" if kernel == 1 else f"@{kernel}"
            return f"{who._label}#{who._serial}{node}"
        if isinstance(who, SimulatedTask):
            return who.get_name()
        return who.name if isinstance(who, Part) else str(who)

    # What the real loop does to wake itself.

    def _process_events(self, event_list: Any) -> None:
        pass

    def _write_to_self(self) -> None:
        pass


def _queue(scheduler: Scheduler) -> SimulatedRunQueue:
    queue = scheduler.ready
    assert isinstance(queue, SimulatedRunQueue)
    return queue


for _name in REFUSED_CALLS:
    setattr(SimulatedLoop, _name, refusal_of(_name))
