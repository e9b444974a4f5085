"""Acts: one system of actors: spawning, names, timers, reports. Knows no WASM, YAML or network.

Every section that spawns, links, monitors, registers or ends an actor is plain synchronous code.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from airssys_wasm.kernel.address import Address, Entrance, NamedRef
from airssys_wasm.kernel.child_tasks import forget_child_tasks, know_child_tasks
from airssys_wasm.kernel.closing import Closing
from airssys_wasm.kernel.context import MonitorRef, Reply
from airssys_wasm.kernel.crash import CrashReport
from airssys_wasm.kernel.errors import (
    ActorExited,
)
from airssys_wasm.kernel.info import ActorInfo, info_of
from airssys_wasm.kernel.keeping import Keeping
from airssys_wasm.kernel.lifecycle import Lifecycle
from airssys_wasm.kernel.membership import Group, Membership
from airssys_wasm.kernel.metering import Meter
from airssys_wasm.kernel.multicall import Replies, multicall
from airssys_wasm.kernel.real_platform import RealPlatform
from airssys_wasm.kernel.reasons import Frame, says
from airssys_wasm.kernel.ref import ActorRef
from airssys_wasm.kernel.registry import Registry, check_name
from airssys_wasm.kernel.relations import Relations
from airssys_wasm.kernel.remains import Remains
from airssys_wasm.kernel.reporting import Reporting
from airssys_wasm.kernel.requests import STREAK
from airssys_wasm.kernel.scheduler import Scheduler
from airssys_wasm.kernel.spawner import Spawner
from airssys_wasm.kernel.states import (
    DEAD,
    ENDING,
    NOTHING,
    HeldQueue,
)
from airssys_wasm.kernel.statistics import KernelStatistics
from airssys_wasm.kernel.suspension import Suspension, read, replacement
from airssys_wasm.kernel.telemetry import Telemetry
from airssys_wasm.kernel.timer_service import TimerService
from airssys_wasm.kernel.tracing import Trace, TraceEvent

if TYPE_CHECKING:
    from airssys_wasm.kernel.platform import LoopWatch, Platform

log = logging.getLogger("airssys_wasm.kernel")

SLOW_AFTER = 0.1  # seconds; what a person notices, and many times what a handler should take
SHUTDOWN_TIME = 30.0  # seconds for all actors of a system to end before they are killed

ExitHook = Callable[[ActorRef[Any], ActorRef[Any] | None], None]


class Kernel:
    """A system of actors in the running event loop; `async with` ends them all.

    `system` is what `context.system` gives to actors: whatever composes this kernel with more.
    Code of an actor that holds the loop for `slow_after` seconds is logged, with its stack; None
    for never. `telemetry` may have handlers, which see everything from the start. `spawn` and
    `start` are those of `Spawner`. Raises RuntimeError outside of asyncio.
    """

    def __init__(
        self,
        name: str = "system",
        *,
        platform: Platform | None = None,
        system: Any = None,
        slow_after: float | None = SLOW_AFTER,
        telemetry: Telemetry | None = None,
    ) -> None:
        if slow_after is not None and not slow_after > 0:
            raise ValueError(f"slow_after: {slow_after!r} s is no time; None is for never")
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            raise RuntimeError(
                "actors run in an asyncio event loop (anyio.run(main), asyncio.run(main)); "
                "trio is not supported"
            ) from None
        self.name = name
        self.system = self if system is None else system
        self.platform: Platform = RealPlatform() if platform is None else platform
        self.registry: Registry[ActorRef[Any]] = Registry()
        self.entrances: dict[str, Entrance] = {}  # of the names that have one
        self.telemetry = Telemetry() if telemetry is None else telemetry
        self.telemetry.now = self.platform.now
        self.reporting = Reporting(self.telemetry)
        self.dead_letters = self.reporting.dead_letters
        self.scheduler = Scheduler(self)
        know_child_tasks(self.scheduler)
        self.keeping = Keeping(self)
        self.lifecycle = Lifecycle(self)
        self.remains = Remains(self)
        self.relations = Relations(self)
        self.spawner = Spawner(self)
        # Not methods of their own: a call between would cost as much as a message.
        self.spawn = self.spawner.spawn
        self.start = self.spawner.start
        self.suspension = Suspension(self)
        self.membership = Membership(self)
        self.timers = TimerService(self.platform, self.telemetry)
        self._closing = Closing(self)
        self._slow = 0
        self._watch: LoopWatch | None = None
        if slow_after is not None:
            self._watch = self.platform.watch_loop(self, slow_after, self._was_slow)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exception_type: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self, timeout: float = SHUTDOWN_TIME) -> None:
        """End all actors, the newest first, within `timeout` seconds; then kill what is left.

        Supervisors end their own children, in order.
        """
        if self.spawner.ending:
            return
        await self._closing.close(timeout)
        forget_child_tasks(self.scheduler)
        if self._watch is not None:
            self._watch.close()

    def _was_slow(self, ref: ActorRef[Any], stack: tuple[Frame, ...], duration: float) -> None:
        self._slow += 1
        if self.telemetry.active:
            metadata = {"ref": ref, "stack": stack}
            self.telemetry.emit("handler.slow", {"duration": duration}, metadata)

    # --- actors

    def actors(self) -> list[ActorRef[Any]]:
        """All living actors, the oldest first."""
        return list(self.spawner.actors.values())

    def forget(self, ref: ActorRef[Any]) -> None:
        """`ref` is dead: it is no longer among the actors."""
        spawner = self.spawner
        spawner.actors.pop(ref._serial, None)
        if spawner.ending and not spawner.actors:
            self._closing.emptied()

    # --- names

    def register(self, name: str, ref: ActorRef[Any]) -> None:
        """Name a living actor that has no name. Raises NameTaken, ActorExited, ValueError."""
        check_name(name)
        if ref._mode & DEAD:
            raise ActorExited(ref, "noproc")
        if ref.name is not None:
            raise ValueError(f"{ref} is registered as {ref.name!r} already")
        self.registry.register(name, ref)
        ref._ext().name = name

    def unregister(self, name: str) -> None:
        """Free `name`. Raises NotRegistered when nobody has it."""
        self.registry.unregister(name)._ext().name = None

    def whereis(self, name: str) -> ActorRef[Any] | None:
        """The living actor of that name."""
        ref = self.registry.lookup(name)
        return ref if ref is not None and ref.is_alive else None

    def named(self, name: str) -> NamedRef:
        """An address that follows the name, also over restarts."""
        return NamedRef(self, check_name(name))

    def group(self, name: str) -> Group:
        """The group of that name, which may have no members yet."""
        return self.membership.group(name)

    def groups(self) -> tuple[str, ...]:
        """The names of the groups that have members."""
        return tuple(self.membership.groups)

    async def multicall(
        self, addresses: Iterable[Address], message: object, timeout: float | None = 5.0
    ) -> Replies:
        """Request `message` of all at once; returns when each has replied or failed.

        Who has not replied in `timeout` seconds, is dead or unknown is among the failed.
        """
        return await multicall(addresses, message, timeout)

    # --- looking into living actors; these raise ActorExited for the dead and the unknown

    def suspend(self, address: Address) -> None:
        """Have an actor handle nothing more until `resume`; harmless a second time.

        Its messages queue, requests to it time out; its state can be read, and it can be ended.
        A handler that runs is not interrupted. A process function gets no message from its inbox.
        """
        self.suspension.suspend(address)

    def resume(self, address: Address) -> None:
        """Undo `suspend`: what has queued is handled now. Harmless when it was not suspended."""
        self.suspension.resume(address)

    async def get_state(self, address: Address, timeout: float | None = 5.0) -> Any:
        """The state of an actor after the messages that were sent before, or as it is suspended.

        A class's is the dict of its attributes, a copy one level deep. Raises OpaqueState for a
        process function and a component, RequestTimeout, SelfRequest.
        """
        return await self.suspension.call(address, read, timeout)

    async def replace_state(
        self,
        address: Address,
        function: Callable[[Any], object],
        timeout: float | None = 5.0,
    ) -> Any:
        """Give an actor the state that `function` makes of the one it has; gives the new one.

        What `function` raises is raised here; the actor goes on with the state that it had. Raises
        what `get_state` raises.
        """
        return await self.suspension.call(address, replacement(function), timeout)

    def trace(self, address: Address, callback: Callable[[TraceEvent], object]) -> Trace:
        """Call back with a TraceEvent before and after each message, until `.stop()`.

        An actor may have several traces. One whose callback raises is stopped and reported.
        """
        return self.suspension.trace(address, callback)

    def measure(self, address: Address) -> Meter:
        """Count the messages of an actor and the time they take, from now on until `.stop()`.

        `info` tells the counts, too. Asked again, it is the same meter.
        """
        return self.suspension.measure(address)

    # --- ends; `ActorRef` and `ActorContext` call these

    def stop(self, ref: ActorRef[Any], reason: object) -> None:
        """See `ActorRef.stop`."""
        self.lifecycle.stop(ref, reason)

    def stop_self(self, ref: ActorRef[Any], reason: object) -> None:
        """See `ActorContext.stop`."""
        self.lifecycle.stop_self(ref, reason)

    def exit(self, ref: ActorRef[Any], reason: object) -> None:
        """See `ActorRef.exit`."""
        if says(reason, "kill"):
            self.kill(ref)
        else:
            self.lifecycle.signal(ref, reason, self.scheduler.current())

    def kill(self, ref: ActorRef[Any]) -> None:
        """See `ActorRef.kill`."""
        self.lifecycle.kill(ref)

    async def wait(self, ref: ActorRef[Any]) -> object:
        """See `ActorRef.wait`."""
        if ref._mode & DEAD:
            return ref.exit_reason
        extension = ref._ext()
        if extension.waiters is None:
            extension.waiters = []
        waiter = self.scheduler.future()
        extension.waiters.append(waiter)
        try:
            return await waiter
        finally:
            if not waiter.done() or waiter.cancelled():
                extension.waiters.remove(waiter)

    def release(self, ref: ActorRef[Any]) -> None:
        """See `ActorContext.release`."""
        parent = ref._parent
        if parent is not None and parent._extension is not None and parent._extension.held:
            parent._extension.held.pop(ref, None)
        self.keeping.release(ref)

    def link(self, ref: ActorRef[Any], address: Address) -> None:
        """See `ActorContext.link`."""
        self.relations.link(ref, address)

    def unlink(self, ref: ActorRef[Any], address: Address) -> None:
        """See `ActorContext.unlink`."""
        self.relations.unlink(ref, address)

    def monitor(self, ref: ActorRef[Any], address: Address, tag: object = None) -> MonitorRef:
        """See `ActorContext.monitor`."""
        return self.relations.monitor(ref, address, tag)

    def demonitor(self, ref: ActorRef[Any], monitor: MonitorRef, *, flush: bool) -> bool:
        """See `ActorContext.demonitor`."""
        return self.relations.demonitor(ref, monitor, flush=flush)

    def on_exit(self, ref: ActorRef[Any], callback: ExitHook) -> None:
        """Call `callback(ref, None)` when `ref` dies, while its names are released.

        For a child whose mailbox is kept, the call comes when that is handed over to a new
        incarnation (`callback(ref, successor)`) or given up. A dead `ref` is called back at once.
        """
        if ref._mode & DEAD and not isinstance(ref._queue, HeldQueue):
            callback(ref, None)
            return
        extension = ref._ext()
        if extension.hooks is None:
            extension.hooks = []
        extension.hooks.append(callback)

    # --- looking at it

    def info(self, ref: ActorRef[Any]) -> ActorInfo:
        """What `ref` looks like now; of a dead actor, what is left."""
        return info_of(ref)

    def defer_reply(self, ref: ActorRef[Any]) -> Reply:
        """See `ActorContext.defer_reply`."""
        extension = ref._ext()
        if extension.inbox is not None and extension.deferred is not None:
            return extension.deferred
        extension.deferred = reply = Reply(ref)
        return reply

    def take_out(self, ref: ActorRef[Any], unwanted: Callable[[Any], bool]) -> None:
        """Remove entries from a mailbox."""
        if ref._mode & (DEAD | ENDING):
            return  # what is left there is dead
        if ref._one is not NOTHING and unwanted(ref._one):
            ref._one = NOTHING
        self.scheduler.end_batch(ref)
        inbox = ref._extension.inbox if ref._extension is not None else None
        if inbox is not None:
            inbox._seen = 0
        for queue in (ref._queue, inbox._saved if inbox is not None else None):
            if queue:
                kept = [entry for entry in queue if not unwanted(entry)]
                queue.clear()
                queue.extend(kept)

    def on_crash(self, callback: Callable[[CrashReport], None]) -> None:
        """Call back with each crash report; the log gets it too."""
        self.reporting.on_crash(callback)

    def statistics(self) -> KernelStatistics:
        """The counts of this system, as of now."""
        return KernelStatistics(
            actors=len(self.spawner.actors),
            spawned=self.spawner.spawned,
            restarted=self.spawner.restarted,
            crashed=self.reporting.crashes,
            handled=self.scheduler.handled + STREAK - self.scheduler.streak,
            dead_letters=self.dead_letters.count,
            timers=self.timers.pending,
            slow=self._slow,
            long_mailboxes=self.scheduler.long_mailboxes,
            letters=self.dead_letters.statistics(),
            scheduler=self.scheduler.statistics(),
            membership=self.membership.statistics(),
            timer_service=self.timers.statistics(),
            registry=self.registry.statistics(),
        )

    def __iter__(self) -> Iterator[ActorRef[Any]]:
        return iter(self.actors())

    def __repr__(self) -> str:
        return f"<Kernel {self.name}, {len(self.spawner.actors)} actors>"
