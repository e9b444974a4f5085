"""Who is tied to whom, and who watches whom: links and monitors, made and undone.

Plain synchronous code. What happens when one of them dies is in `lifecycle.py`.

Source: Erlang/OTP, Reference Manual, "Processes" (links, monitors); signal_SUITE.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airssys_wasm.kernel.address import Address, NamedRef, resolve
from airssys_wasm.kernel.context import MonitorRef
from airssys_wasm.kernel.errors import ActorExited
from airssys_wasm.kernel.message import Down, Exit
from airssys_wasm.kernel.ref import ActorRef
from airssys_wasm.kernel.states import DEAD, NOTHING, TRAP

if TYPE_CHECKING:
    from airssys_wasm.kernel.extension import Extension
    from airssys_wasm.kernel.kernel import Kernel


class Relations:
    """The links and monitors of the actors of one kernel."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def link(self, ref: ActorRef[Any], address: Address) -> None:
        """Tie two actors."""
        target = resolve(address)
        if target is ref:
            return
        if target is None or target._mode & DEAD:
            if not ref._traits & TRAP:
                raise ActorExited(address, "noproc")
            ref._deliver(Exit(target, "noproc"))
            return
        self.tie(ref, target)
        target._linked(ref)

    def unlink(self, ref: ActorRef[Any], address: Address) -> None:
        """Untie two actors; harmless when they are not tied."""
        target = address._linked_to(ref) if isinstance(address, NamedRef) else resolve(address)
        if target is not None and self.untie(ref, target):
            target._unlinked(ref)

    def tie(self, ref: ActorRef[Any], target: ActorRef[Any]) -> None:
        """Note a link on both sides."""
        for one, other in ((ref, target), (target, ref)):
            extension = one._ext()
            if extension.links is None:
                extension.links = {}
            extension.links[other] = None

    def untie(self, ref: ActorRef[Any], target: ActorRef[Any]) -> bool:
        """Note on both sides that there is no link any more; whether there was one."""
        tied = False
        for one, other in ((ref, target), (target, ref)):
            if one._extension is not None and one._extension.links is not None:
                tied |= one._extension.links.pop(other, NOTHING) is not NOTHING
        return tied

    def monitor(self, ref: ActorRef[Any], address: Address, tag: object = None) -> MonitorRef:
        """Let `ref` watch the actor behind `address` as it is now."""
        target = resolve(address)
        if target is None or target._mode & DEAD:
            gone = address.name if isinstance(address, NamedRef) else address
            monitor = MonitorRef(ref, gone, tag)
            monitor.active = False
            ref._deliver(Down(gone, "noproc", monitor))
            return monitor
        monitor = MonitorRef(ref, target, tag)
        watched, watcher = target._ext(), ref._ext()
        if watched.watchers is None:
            watched.watchers = {}
        if watcher.watching is None:
            watcher.watching = {}
        watched.watchers[monitor] = None
        watcher.watching[monitor] = None
        return monitor

    def demonitor(self, ref: ActorRef[Any], monitor: MonitorRef, *, flush: bool) -> bool:
        """Undo a monitor; see `ActorContext.demonitor`."""
        if not isinstance(monitor, MonitorRef):
            raise TypeError(f"{monitor!r} is not a MonitorRef")
        if monitor.watcher is not ref:
            raise ValueError(f"{monitor} belongs to another actor")
        if monitor.active:
            monitor.active = False
            self._forget_monitor(monitor)
            return True
        if flush:
            self._kernel.take_out(ref, lambda m: isinstance(m, Down) and m.monitor is monitor)
        return False

    def down(self, monitor: MonitorRef, ref: ActorRef[Any], reason: object) -> None:
        """The target of `monitor` died; who watches is told."""
        monitor.active = False
        watching = monitor.watcher._extension
        if watching is not None and watching.watching is not None:
            watching.watching.pop(monitor, None)
        monitor.watcher._deliver(Down(ref, reason, monitor))

    def _forget_monitor(self, monitor: MonitorRef) -> None:
        target = monitor.target
        for extension, name in (
            (monitor.watcher._extension, "watching"),
            (target._extension if isinstance(target, ActorRef) else None, "watchers"),
        ):
            known = getattr(extension, name) if extension is not None else None
            if known is not None:
                known.pop(monitor, None)

    def end_watching(self, extension: Extension) -> None:
        """Whoever has this extension is dead, and watches nobody any more."""
        for monitor in extension.watching or ():
            monitor.active = False
            target = monitor.target
            if isinstance(target, ActorRef) and target._extension is not None:
                watchers = target._extension.watchers
                if watchers is not None:
                    watchers.pop(monitor, None)
        extension.watching = None
