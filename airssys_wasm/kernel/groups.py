"""Which actors are in which group, and who watches the groups.

Pure. Invariants:
  - the members of a group are in the order of joining, each as often as it joined;
  - a group without members is gone;
  - who watches a group has its members as they were then, and each change since, none twice.

Source: Erlang/OTP, pg(3).
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

from airssys_wasm.kernel.errors import NotJoined

R = TypeVar("R", bound=Hashable)
W = TypeVar("W", bound=Hashable)


class Groups(Generic[R, W]):
    """Members by group, and watchers by group.

    >>> groups = Groups[str, str]()
    >>> groups.join("workers", "b"), groups.join("workers", "a"), groups.join("workers", "b")
    ((), (), ())
    >>> groups.members("workers")
    ('b', 'a', 'b')
    >>> groups.leave("workers", "b"), groups.members("workers")
    ((), ('b', 'a'))
    """

    def __init__(self) -> None:
        self._serial = 0
        self._members: dict[str, dict[int, R]] = {}
        self._places: dict[R, dict[str, list[int]]] = {}
        self._watchers: dict[str, dict[W, None]] = {}

    def join(self, name: str, member: R) -> tuple[W, ...]:
        """`member` is in the group once more; gives who is to be told."""
        self._serial += 1
        self._members.setdefault(name, {})[self._serial] = member
        self._places.setdefault(member, {}).setdefault(name, []).append(self._serial)
        return self.watchers(name)

    def leave(self, name: str, member: R) -> tuple[W, ...]:
        """`member` is in the group once less, its latest place is gone; gives who is to be told.

        Raises NotJoined when it is not in the group.
        """
        places = self._places.get(member, {})
        if name not in places:
            raise NotJoined(name, member)
        self._remove(name, places[name].pop())
        if not places[name]:
            del places[name]
            if not places:
                del self._places[member]
        return self.watchers(name)

    def leave_all(self, member: R) -> tuple[str, ...]:
        """`member` is in no group any more; gives the names of those it was in, once a place."""
        left = []
        for name, serials in self._places.pop(member, {}).items():
            for serial in serials:
                self._remove(name, serial)
                left.append(name)
        return tuple(left)

    def replace(self, member: R, successor: R) -> tuple[str, ...]:
        """`successor` has all places of `member`, which has none; gives their groups' names."""
        replaced = []
        for name, serials in self._places.pop(member, {}).items():
            for serial in serials:
                self._members[name][serial] = successor
                replaced.append(name)
            self._places.setdefault(successor, {}).setdefault(name, []).extend(serials)
        return tuple(replaced)

    def _remove(self, name: str, serial: int) -> None:
        del self._members[name][serial]
        if not self._members[name]:
            del self._members[name]

    def members(self, name: str) -> tuple[R, ...]:
        """Who is in the group, in the order of joining; nobody in one that does not exist."""
        return tuple(self._members.get(name, {}).values())

    def places(self, name: str, member: R) -> int:
        """How often `member` is in the group."""
        return len(self._places.get(member, {}).get(name, ()))

    def is_in_any(self, member: R) -> bool:
        """Whether `member` is in a group."""
        return member in self._places

    def groups_of(self, member: R) -> tuple[str, ...]:
        """The groups that `member` is in, each once."""
        return tuple(self._places.get(member, ()))

    def all_members(self) -> Iterator[R]:
        """Everybody who is in a group, each once."""
        return iter(self._places)

    def __iter__(self) -> Iterator[str]:
        return iter(self._members)

    def counts(self) -> tuple[int, int, int]:
        """How many groups, places in them and watches of them there are."""
        places = sum(map(len, self._members.values()))
        return len(self._members), places, sum(map(len, self._watchers.values()))

    def watch(self, name: str, watcher: W) -> tuple[R, ...]:
        """`watcher` is told of each change from now on; gives the members as they are now."""
        self._watchers.setdefault(name, {})[watcher] = None
        return self.members(name)

    def unwatch(self, name: str, watcher: W) -> None:
        """`watcher` is told no more; harmless when it was not."""
        watchers = self._watchers.get(name, {})
        watchers.pop(watcher, None)
        if not watchers:
            self._watchers.pop(name, None)

    def watchers(self, name: str) -> tuple[W, ...]:
        """Who watches the group."""
        return tuple(self._watchers.get(name, ()))
