"""How actors end, and who learns of it.

Plain synchronous code, so that nothing comes between two steps. An end has three parts:

1. `end`: the reason is settled and the mailbox closed. What was queued becomes dead letters, or is
   held for the next incarnation. A suspended handler is cancelled.
2. `terminate` runs (the scheduler sees to it), unless the actor was killed.
3. `die`: names, groups, timers and monitors are released and the actor is marked dead, in one step.
   Then links and watchers fire from one agenda, never by recursion, at most 1,000 a turn.

Invariants: a name is free before anyone learns of the death; the first reason wins; each link and
each monitor fires once.

Source: Erlang/OTP, Reference Manual, "Processes" (links, monitors, exit signals); signal_SUITE.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any

from airssys_wasm.kernel.agenda import Agenda
from airssys_wasm.kernel.info import behaviour_of
from airssys_wasm.kernel.message import Down, Exit, Ignored, StopEntry, StopRequested
from airssys_wasm.kernel.reasons import is_orderly, says
from airssys_wasm.kernel.ref import ActorRef
from airssys_wasm.kernel.states import (
    ASYNC,
    BUSY,
    DEAD,
    ENDING,
    GONE,
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
    Ended,
    HeldQueue,
    is_idle,
)

if TYPE_CHECKING:
    from airssys_wasm.kernel.extension import Extension
    from airssys_wasm.kernel.kernel import Kernel

WATCHERS_AT_ONCE = 1_000  # that are listed in one step


class Lifecycle:
    """The ends of the actors of one kernel."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self.signals = Agenda(kernel.platform)  # those of the dead, to links and watchers

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
            and reason is NORMAL.reason
        ):  # as `end` would do it
            ref._end = NORMAL
            ref._mode |= ENDING
            ref._queue = GONE
        elif ref._mode & PROCESS:
            self.stop(ref, reason)
        else:
            # An idle actor was told by a task of its own: there is no handler to wait for.
            inside = not is_idle(ref)
            self.end(ref, reason, inside=inside, report=not is_orderly(reason))

    def go_on(self, ref: ActorRef[Any]) -> None:
        """No handler of the ending actor runs any more: terminate is next, or death."""
        kernel = self._kernel
        if ref._extension is None and not ref._traits and not kernel.telemetry.active:
            ref._mode = DEAD  # as `die` would do it: nobody has anything to do with this actor
            ref._receive = None
            kernel.spawner.actors.pop(ref._serial, None)
            if kernel.spawner.ending:
                kernel.forget(ref)
        elif ref._traits & TERMINATE and not ref._mode & NEW:
            kernel.scheduler.push(ref)
            kernel.scheduler.arm()
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
        """Close the mailbox, in which there is nothing as a rule."""
        if (
            not ref._queue
            and ref._one is NOTHING
            and ref._batch is None
            and ref._extension is None
            and ref.__class__ is ActorRef
            and not ref._traits & KEEP
        ):
            ref._queue = GONE
        else:
            self._kernel.remains.close(ref, reason)

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
        self._kernel.remains.then_tell(ref, self._tell_others(ref, extension, reason))
        if ended is not None:
            telemetry.emit("actor.ended", *ended)
        self.signals.go()

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
        """One signal a step: those in `wait`, supervised children, links, then watchers."""
        for waiter in list(extension.waiters or ()):
            if not waiter.done():
                waiter.set_result(reason)
                yield
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
        while watchers:  # listing, or letting go of, 100,000 at once would hold the loop
            for monitor in list(islice(watchers, WATCHERS_AT_ONCE)):
                watchers.pop(monitor, None)
                if monitor.active:
                    self._kernel.relations.down(monitor, ref, reason)
                yield
        if not isinstance(ref._queue, HeldQueue):
            ref._extension = None

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
        ignored = says(reason, "normal") and source is not target
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
