"""Groups of living actors under one name, and those who watch them.

`groups.py` knows who is where; this tells the watchers, and lets the dead leave. All of it is
plain synchronous code, so a monitor misses no change and hears of none twice.

Where there are several nodes, each owns the places of its own actors: who carries them over is told
of these by `Carrier.placed`, and says with `place_outside` what holds for actors elsewhere.

Source: Erlang/OTP, pg(3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from airssys_wasm.kernel.address import Address, resolve
from airssys_wasm.kernel.errors import ActorExited
from airssys_wasm.kernel.groups import Groups
from airssys_wasm.kernel.message import Joined, Left
from airssys_wasm.kernel.outside_ref import OutsideRef
from airssys_wasm.kernel.ref import ActorRef
from airssys_wasm.kernel.registry import check_name
from airssys_wasm.kernel.states import DEAD
from airssys_wasm.kernel.statistics import MembershipStatistics

if TYPE_CHECKING:
    from airssys_wasm.kernel.kernel import Kernel


class Carrier(Protocol):
    """Who tells other nodes of the groups here."""

    def placed(self, group: str, ref: ActorRef[Any], places: int) -> None:
        """`ref`, an actor of this kernel, is now so often in the group; 0: not any more."""
        ...


class GroupMonitor:
    """The watch of `watcher` over one group. `members` are those at its begin."""

    __slots__ = ("_membership", "group", "members", "watcher")

    def __init__(self, membership: Membership, group: str, watcher: ActorRef[Any]) -> None:
        self._membership = membership
        self.group = group
        self.watcher = watcher
        self.members: tuple[ActorRef[Any], ...] = ()

    def stop(self) -> None:
        """No more `Joined` and `Left` from now on; those in the mailbox stay there."""
        self._membership.unwatch(self)

    def __repr__(self) -> str:
        return f"<GroupMonitor {self.watcher} -> {self.group}>"


class Group:
    """The group `name`: it exists while it has members, and nobody has to make it."""

    __slots__ = ("_membership", "name")

    def __init__(self, membership: Membership, name: str) -> None:
        self._membership = membership
        self.name = name

    def join(self, member: Address) -> None:
        """`member` is in the group, once more if it was before, until it leaves or ends.

        Raises ActorExited for a dead actor or an unknown name, ValueError for an actor of another
        node: only that may let it join.
        """
        self._membership.join(self.name, _own(_living(member), "joins a group"))

    def leave(self, member: Address) -> None:
        """`member` is in the group once less; nothing for a dead actor, which has left already.

        Raises NotJoined when it is not in the group, ValueError for an actor of another node.
        """
        ref = resolve(member)
        if ref is not None and not (ref._mode & DEAD and not self._membership.knows(ref)):
            self._membership.leave(self.name, _own(ref, "leaves a group"))

    def members(self) -> tuple[ActorRef[Any], ...]:
        """The members, of all nodes that are connected, each as often as it joined.

        They are in the order of joining, as far as this node has seen it: two nodes may differ.
        """
        return self._membership.groups.members(self.name)

    def monitor(self, watcher: Address) -> GroupMonitor:
        """Let `watcher` get `Joined` or `Left` for each change after `.members`, until it ends.

        Raises ActorExited for a dead actor or an unknown name, ValueError for an actor of another
        node.
        """
        return self._membership.watch(self.name, _own(_living(watcher), "watches a group"))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Group)
            and other.name == self.name
            and other._membership is self._membership
        )

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"<Group {self.name}, {len(self.members())} members>"


class Membership:
    """The groups of one kernel."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self.groups: Groups[ActorRef[Any], GroupMonitor] = Groups()
        self._monitors: dict[ActorRef[Any], dict[GroupMonitor, None]] = {}
        self._hooked: set[ActorRef[Any]] = set()
        self._carrier: Carrier | None = None

    def group(self, name: str) -> Group:
        """See `Kernel.group`."""
        return Group(self, check_name(name))

    def knows(self, ref: ActorRef[Any]) -> bool:
        """Whether `ref` is in a group."""
        return self.groups.is_in_any(ref)

    def join(self, name: str, ref: ActorRef[Any]) -> None:
        """See `Group.join`."""
        self._see_to_its_end(ref)
        _tell(self.groups.join(name, ref), joined=ref)
        self._carry(name, ref)

    def leave(self, name: str, ref: ActorRef[Any]) -> None:
        """See `Group.leave`."""
        _tell(self.groups.leave(name, ref), left=ref)
        self._carry(name, ref)

    def watch(self, name: str, watcher: ActorRef[Any]) -> GroupMonitor:
        """See `Group.monitor`."""
        self._see_to_its_end(watcher)
        monitor = GroupMonitor(self, name, watcher)
        self._monitors.setdefault(watcher, {})[monitor] = None
        monitor.members = self.groups.watch(name, monitor)
        return monitor

    def unwatch(self, monitor: GroupMonitor) -> None:
        """See `GroupMonitor.stop`."""
        self.groups.unwatch(monitor.group, monitor)
        monitors = self._monitors.get(monitor.watcher, {})
        monitors.pop(monitor, None)
        if not monitors:
            self._monitors.pop(monitor.watcher, None)

    def statistics(self) -> MembershipStatistics:
        """The counts of groups, as of now."""
        return MembershipStatistics(*self.groups.counts())

    # --- several nodes

    def carry(self, carrier: Carrier | None) -> None:
        """Tell `carrier` of the places of this kernel's actors and of each change; None: nobody."""
        self._carrier = carrier
        for ref in tuple(self.groups.all_members()):
            for name in self.groups.groups_of(ref):
                self._carry(name, ref)

    def place_outside(self, name: str, ref: ActorRef[Any], places: int) -> None:
        """`ref`, an actor elsewhere, is so often in the group, says its node; 0 when it ends."""
        has = self.groups.places(name, ref)
        for _ in range(has, places):
            _tell(self.groups.join(name, ref), joined=ref)
        for _ in range(places, has):
            _tell(self.groups.leave(name, ref), left=ref)

    def _carry(self, name: str, ref: ActorRef[Any]) -> None:
        if self._carrier is not None and not isinstance(ref, OutsideRef):
            self._carrier.placed(name, ref, self.groups.places(name, ref))

    def _see_to_its_end(self, ref: ActorRef[Any]) -> None:
        if ref not in self._hooked:
            self._hooked.add(ref)
            self._kernel.on_exit(ref, self._gone)

    def _gone(self, ref: ActorRef[Any], successor: ActorRef[Any] | None) -> None:
        """`ref` ended. A child whose mailbox is kept has its places in the groups kept, too."""
        self._hooked.discard(ref)
        for monitor in list(self._monitors.get(ref, ())):
            self.unwatch(monitor)
        names = self.groups.groups_of(ref)
        if successor is None:
            for name in self.groups.leave_all(ref):
                _tell(self.groups.watchers(name), left=ref)
        elif names:
            self._see_to_its_end(successor)
            for name in self.groups.replace(ref, successor):
                _tell(self.groups.watchers(name), left=ref, joined=successor)
        for name in names:
            self._carry(name, ref)
            if successor is not None:
                self._carry(name, successor)


def _living(address: Address) -> ActorRef[Any]:
    ref = resolve(address)
    if ref is None or ref._mode & DEAD:
        raise ActorExited(address, "noproc")
    return ref


def _own(ref: ActorRef[Any], does: str) -> ActorRef[Any]:
    if isinstance(ref, OutsideRef):
        raise ValueError(f"{ref} {does} on its own node only")
    return ref


def _tell(
    monitors: tuple[GroupMonitor, ...],
    *,
    left: ActorRef[Any] | None = None,
    joined: ActorRef[Any] | None = None,
) -> None:
    for monitor in monitors:
        if left is not None:
            monitor.watcher._deliver(Left(monitor.group, left, monitor))
        if joined is not None:
            monitor.watcher._deliver(Joined(monitor.group, joined, monitor))
