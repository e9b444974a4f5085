"""Acts: a thread that notices an actor's code which holds the loop, and says who and where.

It looks now and then and costs the loop nothing: a turn of the scheduler can be seen to last; and
where a task of an actor runs outside of turns, the thread asks the loop for a sign of life and
waits for it. An episode is logged once, by the thread and at once, for the loop may be held for
ever; when the loop is free again, it learns how long that took.

What it can't see: code outside of turns that keeps the interpreter's lock for all of the time, and,
before Python 3.12, to which actor a child task belongs.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
from collections.abc import Callable
from itertools import dropwhile
from time import perf_counter, process_time
from types import FrameType
from typing import TYPE_CHECKING, Any
from weakref import WeakMethod
from weakref import ref as weak

from airssys_wasm.kernel.current import CURRENT
from airssys_wasm.kernel.reasons import KERNEL, MAX_FRAMES, Frame

if TYPE_CHECKING:
    from airssys_wasm.kernel.kernel import Kernel
    from airssys_wasm.kernel.ref import ActorRef

log = logging.getLogger("airssys_wasm.kernel")

LOOKS = 2  # in the time after which code is slow: it is found at most half of that later

OnSlow = Callable[["ActorRef[Any]", tuple[Frame, ...], float], None]


class Watchdog:
    """Watches the loop that runs when it is made, until `close`.

    `on_slow(ref, stack, duration)`, a method, is called in the loop after each episode. Times are
    in seconds.
    """

    def __init__(self, kernel: Kernel, slow_after: float, on_slow: OnSlow) -> None:
        self._kernel = weak(kernel)  # a kernel that nobody closes can go all the same
        self._slow_after = slow_after
        self._on_slow = WeakMethod(on_slow)
        self._loop = asyncio.get_running_loop()
        self._watched = threading.get_ident()
        self._living = (
            threading.Lock()
        )  # held until `close`; to wait for it costs less than an Event
        self._living.acquire()
        self._seen: object = None  # whose code it was at the last look, and in which turn
        self._since = 0.0  # when that began, by `perf_counter`
        self._sights = 0
        self._reported = False
        self._asked = self._answered = 0  # signs of life of the loop
        self._looked, self._worked = perf_counter(), process_time()
        self.looks = 0
        name = f"watchdog of {kernel.name}"
        self._thread = threading.Thread(target=self._watch, name=name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the thread."""
        if self._living.locked():
            self._living.release()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _watch(self) -> None:
        period = self._slow_after / LOOKS
        while not self._living.acquire(timeout=period):
            kernel = self._kernel()
            if kernel is None or self._loop.is_closed():
                return
            try:
                self._look(kernel)
            except RuntimeError:  # the loop was closed just now
                return
            self.looks += 1
            del kernel

    def _look(self, kernel: Kernel) -> None:
        now, worked = perf_counter(), process_time()
        # Seen once only, for code that kept the interpreter's lock. But a process that was stopped,
        # or got no processor, is not slow by its own doing.
        stalled = (now - self._looked) - (worked - self._worked)
        busy = stalled < self._slow_after / 2
        self._looked, self._worked = now, worked
        began = kernel.scheduler.turn_began()
        ref = kernel.scheduler.cur
        task = asyncio.current_task(self._loop)
        if began is None and task is None:
            self._seen = None
            return
        seen = (began, ref) if began is not None else (task, ref)
        alive = began is None and self._answered == self._asked
        if seen != self._seen or alive:
            same_turn = isinstance(self._seen, tuple) and self._seen[0] == began
            self._since = began if began is not None and not same_turn else now
            self._seen, self._sights, self._reported = seen, 0, False
            if alive:
                self._asked += 1
                self._loop.call_soon_threadsafe(self._answer, self._asked)
        self._sights += 1
        if self._reported or now - self._since < self._slow_after:
            return
        if self._sights > 1 or busy:
            self._report(kernel, ref if ref is not None else _actor_of(kernel, task))

    def _answer(self, asked: int) -> None:
        self._answered = asked

    def _report(self, kernel: Kernel, ref: ActorRef[Any] | None) -> None:
        self._reported = True
        if ref is None:
            return  # whose code this is, is not for the kernel to judge
        stack = _stack(sys._current_frames().get(self._watched))
        where = "".join(f"\n    {frame}" for frame in stack)
        log.warning("%s has held the loop for %g s and more:%s", ref, self._slow_after, where)
        self._loop.call_soon_threadsafe(self._let_go, ref, stack, self._since)

    def _let_go(self, ref: ActorRef[Any], stack: tuple[Frame, ...], since: float) -> None:
        on_slow = self._on_slow()
        if on_slow is not None:
            on_slow(ref, stack, perf_counter() - since)


def _actor_of(kernel: Kernel, task: asyncio.Task[Any] | None) -> ActorRef[Any] | None:
    if task is None:
        return None
    for ref in kernel.actors():
        if ref._extension is not None and ref._extension.task is task:
            return ref
    if sys.version_info >= (3, 12):
        ref = task.get_context().get(CURRENT)
        return ref if ref is not None and ref._scheduler.kernel is kernel else None
    return None


def _stack(frame: FrameType | None) -> tuple[Frame, ...]:
    """The frames of the actor's own code, the outermost first."""
    frames: list[Frame] = []
    while frame is not None:
        code = frame.f_code
        frames.append(Frame(code.co_filename, frame.f_lineno or 0, code.co_name))
        frame = frame.f_back
    frames.reverse()
    ours = dropwhile(lambda frame: not frame.file.startswith(KERNEL), frames)
    theirs = tuple(dropwhile(lambda frame: frame.file.startswith(KERNEL), ours))
    return (theirs or tuple(frames))[-MAX_FRAMES:]
