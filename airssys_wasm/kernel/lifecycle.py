"""How actors end, and who learns of it.

Plain synchronous code, so that nothing comes between two steps. An end has three parts:

1. `end`: the reason is settled and the mailbox closed. What was queued becomes dead letters, or is
   held for the next incarnation. A suspended handler is cancelled.
2. `terminate` runs (the scheduler sees to it), unless the actor was killed.
3. `die`: names, groups, timers and monitors are released and the actor is marked dead, in one step.
   Then links and watchers fire from one work list, never by recursion, at most 1,000 a turn.

Invariants: a name is free before anyone learns of the death; the first reason wins; each link and
each monitor fires once.

Source: Erlang/OTP, Reference Manual, "Processes" (links, monitors, exit signals); signal_SUITE.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from airssys_wasm.kernel.bounded_ref import BoundedRef
from airssys_wasm.kernel.info import behaviour_of
from airssys_wasm.kernel.message import Down, Exit, Ignored, StopEntry, StopRequested
from airssys_wasm.kernel.reasons import is_orderly
from airssys_wasm.kernel.ref import ActorRef
from airssys_wasm.kernel.states import (
    AFRESH,
    ASYNC,
    BUSY,
    DEAD,
    ENDING,
    HANDLES_STOP,
    KEEP,
    NEW,
    NORMAL,
    NOTHING,
    PROCESS,
    SUPERVISED,
    SUSPENDED,
    TERMINATE,
    TRAP,
    DeadQueue,
    Ended,
    HeldQueue,
    is_idle,
)

if TYPE_CHECKING:
    from airssys_wasm.kernel.extension import Extension
    from airssys_wasm.kernel.kernel import Kernel

# A death with 100,000 watchers must not hold the loop: a turn ends by steps, and by time.
SIGNALS_A_TURN = 1_000
SECONDS_A_TURN = 0.001
SIGNALS_A_LOOK = 32  # steps between two looks at the clock


class Lifecycle:
    """The ends of the actors of one kernel."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._work: deque[Iterator[None]] = deque()
        self._firing = False
        self._going_on = False  # the rest fires in a later turn

    # --- how an end begins

    def end(
        self, ref: ActorRef[Any], reason: object, *, inside: bool = False, report: bool = False
    ) -> None:
        """Settle that `ref` ends with `reason`; the first reason wins.

        `inside` is True when the actor's own handler said so: it is not cancelled then.
        """
        if ref._mode & (DEAD | ENDING):
            return
        idle = is_idle(ref)
        ref._end = Ended(reason)
        if report:
            self._kernel.reporting.crashed(ref, reason)
        ref._mode |= ENDING
        self._close(ref, reason)
        if inside:
            return  # the end goes on when the handler has returned
        extension = ref._extension
        if self._kernel.scheduler.is_running(ref):
            ref._ext().cancel_due = True
        elif extension is not None and extension.task is not None:
            extension.task.cancel()
        elif idle or ref._mode & PROCESS:
            self.go_on(ref)

    def stop_self(self, ref: ActorRef[Any], reason: object) -> None:
        """See `ActorContext.stop`."""
        if (
            not ref._mode & ~ASYNC
            and ref._queue is BUSY
            and ref._one is NOTHING
            and ref._batch is None
            and ref._extension is None
            and ref.__class__ is ActorRef
            and not ref._traits & KEEP
            and reason.__class__ is str
            and reason == "normal"
        ):  # as `end` would do it
            ref._end = NORMAL
            ref._mode |= ENDING
            ref._queue = DeadQueue(ref)
        elif ref._mode & PROCESS:
            self.stop(ref, reason)
        else:
            # An idle actor was told by a task of its own: there is no handler to wait for.
            inside = not is_idle(ref)
            self.end(ref, reason, inside=inside, report=not is_orderly(reason))

    def go_on(self, ref: ActorRef[Any]) -> None:
        """No handler of the ending actor runs any more: terminate is next, or death."""
        if ref._traits & TERMINATE and not ref._mode & NEW:
            self._kernel.scheduler.push(ref)
            self._kernel.scheduler.arm()
        elif ref._extension is None and not ref._traits and not self._kernel.telemetry.active:
            ref._mode = DEAD  # as `die` would do it: nobody has anything to do with this actor
            ref._receive = None
            self._kernel.forget(ref)
        else:
            self.die(ref)

    def kill(self, ref: ActorRef[Any]) -> None:
        """Dead at once for everyone else; what is left of its code is reaped."""
        if ref._mode & DEAD:
            return
        task = ref._extension.task if ref._extension is not None else None
        if not ref._mode & ENDING:
            self._close(ref, "killed")
        ref._end = Ended("killed")
        self.die(ref)
        if task is not None:
            self._kernel.scheduler.reaper.reap(task, ref)

    def _close(self, ref: ActorRef[Any], reason: object) -> None:
        """Close the mailbox; what was in it is held or becomes dead letters."""
        if (
            not ref._queue
            and ref._one is NOTHING
            and ref._batch is None
            and ref._extension is None
            and ref.__class__ is ActorRef
            and not ref._traits & KEEP
        ):
            ref._queue = DeadQueue(ref)
            return
        batch, ref._batch = ref._batch, None
        rest = list(batch) if batch is not None else []  # exhausts the iterator of a running batch
        if isinstance(batch, deque):
            batch.clear()
        else:
            self._kernel.scheduler.handled -= len(rest)  # the batch counts itself as a whole
        if ref._one is not NOTHING:
            rest.insert(0, ref._one)
        if batch is not ref._queue and ref._queue:
            rest.extend(ref._queue)
        ref._one = NOTHING
        extension = ref._extension
        if extension is not None and extension.inbox is not None:
            rest[:0] = extension.inbox._saved
            extension.inbox._saved.clear()
        if ref._traits & KEEP and (not ref._traits & AFRESH or ref._mode & NEW):
            ref._queue = HeldQueue(self._kernel.keeping.messages_of(rest, ref, reason))
            return
        ref._queue = HeldQueue() if ref._traits & KEEP else DeadQueue(ref)
        if isinstance(ref, BoundedRef):
            rest.extend(ref._give_up_putters())
        for message in rest:
            self._kernel.reporting.dead_letter(message, ref, reason)

    # --- death

    def die(self, ref: ActorRef[Any]) -> None:
        """Release everything, mark dead, then let links and watchers fire."""
        if ref._mode & DEAD:
            return
        extension = ref._extension
        reason = ref._end.reason
        telemetry = self._kernel.telemetry
        ended = self._ended(ref) if telemetry.active else None
        ref._mode = DEAD
        ref._receive = None
        held = bool(ref._traits & KEEP)
        self._kernel.forget(ref)
        if extension is None:  # nobody has anything to do with it but perhaps its parent
            self._tell_parent(ref, extension, held=held)
            if ended is not None:
                telemetry.emit("actor.ended", *ended)
            return
        if extension.cause is not None:
            ref._end = Ended(reason, extension.cause)
        if extension.home is not None:
            extension.home.wake()
        self._release_timers(extension)
        self._kernel.relations.end_watching(extension)
        if not held:
            self._kernel.keeping.release_identity(ref, None)
        self._fail_requests(ref, extension, reason)
        self._tell_parent(ref, extension, held=held)
        if extension.started is not None and not extension.started.done():
            extension.started.set_result(None)
        for waiter in extension.waiters or ():
            if not waiter.done():
                waiter.set_result(reason)
        self._work.append(self._tell_others(ref, extension, reason))
        if ended is not None:
            telemetry.emit("actor.ended", *ended)
        self.fire()

    @staticmethod
    def _ended(ref: ActorRef[Any]) -> tuple[dict[str, float], dict[str, object]]:
        """What there is to tell of a death, before the actor lets go of it."""
        reason, extension = ref._end.reason, ref._extension
        restarts = extension.restarts if extension is not None else 0
        who = {"ref": ref, "behaviour": behaviour_of(ref), "name": ref.name}
        return {"restarts": restarts}, who | {"reason": reason, "orderly": is_orderly(reason)}

    def _release_timers(self, extension: Extension) -> None:
        for timer in list(extension.timers or ()):
            self._kernel.timers.cancel(timer)

    def _fail_requests(self, ref: ActorRef[Any], extension: Extension, reason: object) -> None:
        """Those who wait for a reply of this actor learn at once that none will come."""
        if extension.envelope is not None:
            self._kernel.reporting.fail_request(extension.envelope.future, ref, reason)
        replies, extension.replies = extension.replies, None
        for reply in list(replies or ()):
            if reply._future is not None:
                self._kernel.reporting.fail_request(reply._future, ref, reason)

    def _tell_parent(self, ref: ActorRef[Any], extension: Extension | None, *, held: bool) -> None:
        parent = ref._parent
        if parent is None or not ref._traits & SUPERVISED:
            return
        relation = parent._extension
        if parent._mode & DEAD or relation is None:
            if held:
                self._kernel.keeping.release(ref)
            return
        if relation.children is not None:
            relation.children.pop(ref, None)
        if held:
            if relation.held is None:
                relation.held = {}
            relation.held[ref] = None
        ignored = extension is not None and extension.ignored
        parent._deliver(Ignored(ref) if ignored else Down(ref, ref._end.reason))

    def _tell_others(
        self, ref: ActorRef[Any], extension: Extension, reason: object
    ) -> Iterator[None]:
        """One signal a step: supervised children, links, then watchers."""
        for child in reversed(list(extension.children or ())):
            self.signal(child, reason, ref)
            yield
        for child in list(extension.held or ()):
            self._kernel.keeping.release(child)
            yield
        links = extension.links
        while links:
            peer, _ = links.popitem()
            if peer._extension is not None and peer._extension.links is not None:
                peer._extension.links.pop(ref, None)
            self.signal(peer, reason, ref)
            yield
        watchers = extension.watchers or {}
        waiting = list(reversed(watchers))
        while waiting:  # taken out one by one: letting go of 100,000 at once takes its time, too
            monitor = waiting.pop()
            watchers.pop(monitor, None)
            if monitor.active:
                self._kernel.relations.down(monitor, ref, reason)
            yield
        if not isinstance(ref._queue, HeldQueue):
            ref._extension = None

    def fire(self) -> None:
        """Deliver signals of the dead, at most 1,000 before others get a turn."""
        if not self._firing and not self._going_on:
            self._fire()

    def _fire_on(self) -> None:
        self._going_on = False
        self.fire()

    def _fire(self) -> None:
        self._firing = True
        clock = self._kernel.platform.slice_clock
        end = clock() + SECONDS_A_TURN
        try:
            for step in range(1, SIGNALS_A_TURN + 1):
                if not step % SIGNALS_A_LOOK and clock() >= end:
                    break
                while self._work:
                    try:
                        next(self._work[0])
                    except StopIteration:
                        self._work.popleft()
                    else:
                        break
                else:
                    return
            self._going_on = True
            self._kernel.platform.call_soon(self._fire_on)
        finally:
            self._firing = False

    # --- signals

    def signal(self, target: ActorRef[Any], reason: object, source: ActorRef[Any] | None) -> None:
        """An exit signal reaches `target`."""
        if target._mode & (DEAD | ENDING):
            return
        traits = target._traits
        from_parent = source is not None and source is target._parent
        if traits & TRAP and not (from_parent and not traits & HANDLES_STOP):
            if from_parent and target._mode & SUSPENDED:
                self._kernel.suspension.resume(target)  # it has to end itself
            target._deliver(Exit(source, reason))
            return
        ignored = reason == "normal" and source is not target
        if ignored and not (from_parent and traits & (SUPERVISED | TRAP)):
            return
        self.end(target, reason)

    def stop(self, ref: ActorRef[Any], reason: object) -> None:
        """A stop takes its place in the mailbox."""
        if ref._mode & (DEAD | ENDING):
            return
        if ref._traits & HANDLES_STOP:
            if ref._mode & SUSPENDED:
                self._kernel.suspension.resume(ref)  # it has to end itself
            ref._deliver(StopRequested(reason))
        elif ref._mode & PROCESS:
            ref._deliver(StopEntry(reason))
        else:
            ref._deliver_special(StopEntry(reason))
