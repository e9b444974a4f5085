"""Which node runs which subtree of a tree.

Pure: `placement` looks at subtrees, nodes and what runs where, and says what is to run where.

Invariants:
  - a subtree has as many places as it has copies, each on one node, and no two on the same;
  - what is new somewhere is on a node that has its labels and is not draining;
  - what is somewhere stays there, unless that node is gone, has not its labels, is draining, or
    could not start it, and another can take it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Subtree:
    """A child of the root, with all below it, that is given to nodes as a whole.

    It runs on `copies` nodes at a time, of those that have its `labels`.
    """

    id: str
    labels: Mapping[str, str] = field(default_factory=dict)
    copies: int = 1

    def places(self) -> Iterator[str]:
        """What each of its copies is called.

        >>> list(Subtree("ledger").places()), list(Subtree("web", copies=2).places())
        (['ledger'], ['web#1', 'web#2'])
        """
        if self.copies == 1:
            yield self.id
        else:
            yield from (f"{self.id}#{number}" for number in range(1, self.copies + 1))


@dataclass(frozen=True, slots=True)
class Host:
    """A node that could run subtrees. `failed` are the places that it could not start lately."""

    name: str
    labels: Mapping[str, str] = field(default_factory=dict)
    draining: bool = False
    failed: frozenset[str] = frozenset()

    def suits(self, subtree: Subtree) -> bool:
        """Whether it has the labels of a subtree."""
        return all(self.labels.get(key) == value for key, value in subtree.labels.items())


def placement(
    subtrees: Sequence[Subtree], hosts: Iterable[Host], now: Mapping[str, str]
) -> dict[str, str]:
    """Where each place is to be: names of places to names of nodes, in the order of the subtrees.

    `now` is where they are. A place that no node can have is left out; it is found one as soon as
    there is one. Of several nodes the one with the fewest places gets the next, of equals the first
    by name.

    >>> two = [Host("a"), Host("b")]
    >>> placement([Subtree("ledger"), Subtree("prices")], two, {})
    {'ledger': 'a', 'prices': 'b'}
    >>> placement([Subtree("ledger"), Subtree("prices")], two[1:], {"ledger": "a", "prices": "b"})
    {'ledger': 'b', 'prices': 'b'}
    """
    known = {host.name: host for host in sorted(hosts, key=lambda host: host.name)}
    table: dict[str, str] = {}
    open_: list[tuple[Subtree, str]] = []
    for subtree in subtrees:
        taken: set[str] = set()
        for name in subtree.places():
            at = now.get(name, "")
            host = known.get(at)
            if host is not None and host.suits(subtree) and at not in taken:
                table[name] = at
                taken.add(at)
                if not host.draining and name not in host.failed:
                    continue
            open_.append((subtree, name))
    moving = {name for _, name in open_}
    load = dict.fromkeys(known, 0)
    for name, at in table.items():
        load[at] += name not in moving
    for subtree, name in open_:
        others = {table[n] for n in subtree.places() if n in table and n != name}
        able = [
            host
            for host in known.values()
            if host.suits(subtree) and not host.draining and host.name not in others
        ]
        willing = [host for host in able if name not in host.failed]
        chosen = willing if name in table else willing or able
        if chosen:
            best = min(chosen, key=lambda host: load[host.name])
            table[name] = best.name
        if name in table:
            load[table[name]] += 1
    return {name: table[name] for s in subtrees for name in s.places() if name in table}
