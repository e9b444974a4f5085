"""The laws of news: each end is told once to each who watches, and groups are as they are told."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from airssys_wasm.kernel import (
    ActorRef,
    Down,
    Error,
    Exit,
    GroupMonitor,
    Joined,
    Kernel,
    Left,
    MonitorRef,
    is_orderly,
)
from tests.stress.letters import Letter

BY_HAND = "by hand"  # what a task of an actor is told when it is cancelled from outside
BY_CHANCE = "by chance"  # the exit reason of those who end without an error


def is_expected(reason: object) -> bool:
    """Whether somebody in a storm ends like that: else the end is an accident of the kernel's."""
    match reason:
        case Error(type="CancelledError"):
            return reason.message.startswith(BY_HAND)
        case Error():
            return reason.type in ("Chance", "ActorExited")
        case ("unhealthy", _):
            return True
    return is_orderly(reason) or reason in ("killed", BY_CHANCE)


class News:
    """Who watches whom in one storm, and what was told."""

    def __init__(self, kernel: Kernel, broken: Callable[[str], None]) -> None:
        self._kernel = kernel
        self._broken = broken
        self.ends: dict[ActorRef[Any], float] = {}  # told to the witness, and when
        self.watched: dict[ActorRef[Any], None] = {}  # by the witness
        self._monitors: dict[MonitorRef, object] = {}  # and the reason that has to come
        self._downs: Counter[MonitorRef] = Counter()
        self._undone: set[MonitorRef] = set()
        self._heard: set[tuple[ActorRef[Any], object]] = set()
        self._links: dict[tuple[ActorRef[Any], ActorRef[Any]], None] = {}
        self._exits: set[tuple[ActorRef[Any], ActorRef[Any] | None]] = set()
        self.views: dict[GroupMonitor, Counter[ActorRef[Any]]] = {}

    # --- who watches whom

    def watch(self, ref: ActorRef[Any], witness: ActorRef[Any]) -> None:
        """The witness is to hear of the end of `ref`."""
        self.watched[ref] = None
        self._kernel.monitor(witness, ref)

    def monitored(self, monitor: MonitorRef, *, alive: bool) -> None:
        """`alive` says whether the target was, when it was asked for."""
        self._monitors[monitor] = None if alive else "noproc"

    def demonitored(self, monitor: MonitorRef) -> None:
        """Nothing may come of `monitor` any more."""
        self._undone.add(monitor)

    def linked(self, one: ActorRef[Any], other: ActorRef[Any]) -> None:
        self._links[one, other] = self._links[other, one] = None

    def unlinked(self, one: ActorRef[Any], other: ActorRef[Any]) -> None:
        self._links.pop((one, other), None)
        self._links.pop((other, one), None)

    def joined(self, monitor: GroupMonitor) -> None:
        """A group is watched from now on."""
        self.views[monitor] = Counter(monitor.members)

    # --- what is told

    def ended(self, down: Down) -> None:
        """The witness heard of an end."""
        ref = down.ref
        assert isinstance(ref, ActorRef)
        if ref in self.ends:
            self._broken(f"told twice to the witness: {down}")
        self.ends[ref] = self._kernel.platform.now()
        if ref.is_alive or ref.exit_reason != down.reason:
            self._broken(f"told as {down.reason}, but it is {ref.exit_reason}: {ref}")
        if not is_expected(down.reason):
            self._broken(f"ended of what nobody did to it: {down}")

    def hear(self, ref: ActorRef[Any], message: object) -> None:
        """`ref` was told something."""
        match message:
            case Down(ref=gone, reason=reason, monitor=MonitorRef() as monitor):
                self._downs[monitor] += 1
                self._heard.add((ref, gone))
                if self._downs[monitor] > 1 or monitor in self._undone:
                    self._broken(f"told twice, or though it was undone: {message}")
                if monitor.watcher is not ref:
                    self._kept(monitor, ref, message)
                right = self._monitors.get(monitor)
                if right is None and isinstance(gone, ActorRef):
                    right = gone.exit_reason
                if reason != right:
                    self._broken(f"told as {reason}, but it is {right}: {message}")
                if isinstance(gone, ActorRef) and gone.name is not None:
                    held = self._kernel.whereis(gone.name)
                    if held is gone:
                        self._broken(f"told while it still had a name: {message}")
            case Exit(ref=gone):
                self._exits.add((ref, gone))
            case Joined() | Left() if (view := self.views.get(message.monitor)) is not None:
                view[message.ref] += 1 if isinstance(message, Joined) else -1
                if view[message.ref] < 0:
                    self._broken(f"left more often than it joined: {message}")

    def _kept(self, monitor: MonitorRef, ref: ActorRef[Any], message: object) -> None:
        if monitor.watcher.is_alive:
            self._broken(f"told to {ref} in the place of {monitor.watcher}: {message}")

    def begin(self, ref: ActorRef[Any], letter: Letter) -> None:
        """`ref` begins with a letter: none may come of a dead actor after the news of its death."""
        if (ref, letter.sender) in self._heard:
            self._broken(f"came after the news of the death of its sender: {letter}")

    # --- when it is quiet

    def audit(self, is_at_rest: Callable[[ActorRef[Any]], bool]) -> None:
        """`is_at_rest` says of whom it is sure that it has handled all it was told."""
        for ref in self.watched:
            if ref.is_alive is (ref in self.ends):
                self._broken(f"an end was not told, or told too early: {ref}")
        for monitor in list(self._monitors):
            target, watcher = monitor.target, monitor.watcher
            if isinstance(target, ActorRef) and target.is_alive and watcher.is_alive:
                continue
            if is_at_rest(watcher) and monitor not in self._undone and not self._downs[monitor]:
                self._broken(f"never told: {monitor}")
            if not watcher.is_alive or self._downs[monitor]:
                del self._monitors[monitor]
        for one, other in list(self._links):
            if not one.is_alive:
                told = (other, one) in self._exits
                if is_at_rest(other) and not is_orderly(one.exit_reason) and not told:
                    self._broken(f"linked to {one}, and neither told nor ended: {other}")
                self.unlinked(one, other)
        for watch, view in list(self.views.items()):
            if not watch.watcher.is_alive:
                del self.views[watch]
            elif is_at_rest(watch.watcher):
                members = Counter(self._kernel.group(watch.group).members())
                if members != +view:
                    self._broken(f"{watch} was told of {+view}, but it is {members}")
