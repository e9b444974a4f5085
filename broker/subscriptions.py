"""Who subscribed to what, and so who gets what is published to a topic.

Pure. Patterns are kept in a trie over their tokens, walked level by level. A publication costs by
the subscribers that match, not by the subscriptions there are:

    orders ── * ── created          tokens "orders", "eu", "created":
         └─── eu ── >               level 1 {orders}, level 2 {*, eu}, level 3 {created}, and
                                    the `>` below `eu` on the way

Routes are cached by topic. Always:
  - a cached route is what a walk of the trie would give now. A change to a pattern without wildcard
    drops one route; to another pattern, or to a group, all: each was paid for by a publication;
  - the cache holds at most `places` receivers over all its routes, or a single route;
  - a node without subscribers and without children is gone.

What other nodes want is in the same trie: a pattern that somebody there subscribed to, and a Seat
for each member of a group there (`want`).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from operator import itemgetter
from typing import Any, Generic

from airssys_wasm.broker.delivery import Choice, R, Route, Seat
from airssys_wasm.broker.topic import ANY, REST, is_literal, parse_pattern, parse_topic

PLACES = 200_000  # topics and their receivers, in cached routes: some 20 MB
SETS = 1_000  # sets of members remembered for a group; more come only of many overlapping patterns

_came = itemgetter(1)  # of a receiver and the number of its subscription


class _Leaf(Generic[R]):
    """The subscribers of one pattern, with the order in which they came; the nodes that want it."""

    __slots__ = ("direct", "far", "groups")

    def __init__(self) -> None:
        self.direct: dict[R, int] = {}
        self.groups: dict[str, dict[R | Seat, int]] = {}
        self.far: dict[str, None] = {}

    def __bool__(self) -> bool:
        return bool(self.direct or self.groups or self.far)


_Node = dict[str, Any]  # a node of the trie: the node below by each token; its own leaf at LEAF
LEAF = ""  # no token is empty


class _Group(Generic[R]):
    """One group name over all patterns: whose turn it is in each set of members.

    A topic that two patterns of a group match has the members of both, another topic those of one;
    each such set takes turns on its own, so that alternating topics don't meet the same member.
    """

    __slots__ = ("choices", "made", "name", "subscriptions")

    def __init__(self, name: str) -> None:
        self.name = name
        self.choices: dict[tuple[R | Seat, ...], Choice[R]] = {}
        self.made = 0
        self.subscriptions = 0

    def choice(self, members: tuple[R | Seat, ...]) -> Choice[R]:
        found = self.choices.get(members)
        if found is None:
            if len(self.choices) >= SETS:
                self.choices.clear()
            found = self.choices[members] = Choice(self.name, members, self.made)
            self.made += 1
        return found


class Subscriptions(Generic[R]):
    """Patterns and their subscribers.

    One receiver can subscribe to a pattern once, and once in each group.
    """

    def __init__(self, places: int = PLACES) -> None:
        self.routes: dict[str, Route[R]] = {}  # the same dict for ever; read only, from outside
        self._places = places
        self._taken = 0
        self._root: _Node = {}
        self._groups: dict[str, _Group[R]] = {}
        self._nobody: Route[R] = Route()
        self._came = 0
        self._count = 0
        self.wanted = 0  # patterns of other nodes, each once a node

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[tuple[str, str | None, R]]:
        """Pattern, group and receiver of each subscription on this node."""
        nodes: list[tuple[tuple[str, ...], _Node]] = [((), self._root)]
        while nodes:
            tokens, node = nodes.pop()
            nodes += [((*tokens, token), child) for token, child in node.items() if token]
            if LEAF in node:
                leaf: _Leaf[R] = node[LEAF]
                pattern = ".".join(tokens)
                yield from ((pattern, None, receiver) for receiver in leaf.direct)
                for group, members in leaf.groups.items():
                    for receiver in members:
                        if not isinstance(receiver, Seat):
                            yield pattern, group, receiver

    def add(self, pattern: str, receiver: R, group: str | None = None) -> bool:
        """Subscribe. False when that subscription was there. Raises TopicError."""
        tokens = parse_pattern(pattern)
        leaf = self._leaf(tokens)
        members: dict[Any, int] = (
            leaf.direct if group is None else leaf.groups.setdefault(group, {})
        )
        if receiver in members:
            return False
        self._count += 1
        self._enter(members, receiver, group)
        self._forget_routes(pattern, tokens, group)
        return True

    def remove(self, pattern: str, receiver: R, group: str | None = None) -> bool:
        """Unsubscribe. False when there was no such subscription. Raises TopicError."""
        tokens = parse_pattern(pattern)
        leaf = self._find(tokens)
        if leaf is None:
            return False
        members: dict[Any, int] = leaf.direct if group is None else leaf.groups.get(group, {})
        if receiver not in members:
            return False
        self._count -= 1
        self._leave(leaf, receiver, group)
        self._prune(tokens)
        self._forget_routes(pattern, tokens, group)
        return True

    def want(self, pattern: str, node: str, group: str | None, members: int) -> None:
        """So many of another node subscribed to a pattern with that group, or None; 0: nobody.

        Raises TopicError.
        """
        tokens = parse_pattern(pattern)
        leaf = self._leaf(tokens)
        if group is None:
            if (node in leaf.far) != bool(members):
                self.wanted += 1 if members else -1
                if members:
                    leaf.far[node] = None
                else:
                    del leaf.far[node]
        else:
            taken = leaf.groups.get(group, {})
            self.wanted += bool(members) - (Seat(node, 0) in taken)
            if members:
                taken = leaf.groups.setdefault(group, taken)
            for place in range(members):
                if Seat(node, place) not in taken:
                    self._enter(taken, Seat(node, place), group)
            for place in count(members):
                if Seat(node, place) not in taken:
                    break
                self._leave(leaf, Seat(node, place), group)
        self._prune(tokens)
        self._forget_routes(pattern, tokens, group)

    def _enter(self, members: dict[Any, int], who: R | Seat, group: str | None) -> None:
        self._came += 1
        members[who] = self._came
        if group is not None:
            known = self._groups.get(group)
            if known is None:
                known = self._groups[group] = _Group(group)
            known.subscriptions += 1

    def _leave(self, leaf: _Leaf[R], who: Any, group: str | None) -> None:
        if group is None:
            del leaf.direct[who]
            return
        members = leaf.groups[group]
        del members[who]
        if not members:
            del leaf.groups[group]
        known = self._groups[group]
        known.subscriptions -= 1
        if not known.subscriptions:
            del self._groups[group]

    def _leaf(self, tokens: tuple[str, ...]) -> _Leaf[R]:
        """That of a pattern, made when there is none."""
        node = self._root
        for token in tokens:
            child = node.get(token)
            if child is None:
                child = node[token] = {}
            node = child
        leaf: _Leaf[R] | None = node.get(LEAF)
        if leaf is None:
            leaf = node[LEAF] = _Leaf()
        return leaf

    def _find(self, tokens: tuple[str, ...]) -> _Leaf[R] | None:
        node = self._root
        for token in tokens:
            child = node.get(token)
            if child is None:
                return None
            node = child
        leaf: _Leaf[R] | None = node.get(LEAF)
        return leaf

    def _prune(self, tokens: tuple[str, ...]) -> None:
        """Forget the leaf of a pattern if it is empty, and what leads to nothing else."""
        path = [self._root]
        for token in tokens:
            path.append(path[-1][token])
        if path[-1][LEAF]:
            return
        del path[-1][LEAF]
        for parent, token, child in reversed(list(zip(path, tokens, path[1:], strict=False))):
            if child:
                break
            del parent[token]

    def resolve(self, topic: str) -> Route[R]:
        """Who gets what is published to `topic`, in the order of their subscriptions.

        Raises TopicError. A route is good until the next `add` or `remove`.
        """
        route = self.routes.get(topic)
        if route is None:
            route = self._route(self._matching(parse_topic(topic)))
            self._remember(topic, route)
        return route

    def _matching(self, tokens: tuple[str, ...]) -> list[_Leaf[R]]:
        leaves: list[_Leaf[R]] = []
        nodes = [self._root]
        for token in tokens:
            following: list[_Node] = []
            for node in nodes:
                if REST in node:
                    leaves.append(node[REST][LEAF])
                if token in node:
                    following.append(node[token])
                if ANY in node:
                    following.append(node[ANY])
            if not following:
                return leaves
            nodes = following
        leaves += [node[LEAF] for node in nodes if LEAF in node]
        return leaves

    def _route(self, leaves: list[_Leaf[R]]) -> Route[R]:
        if not leaves:
            return self._nobody
        if len(leaves) == 1:
            receivers = tuple(leaves[0].direct)  # in the order in which they came
        else:
            copies = [item for leaf in leaves for item in leaf.direct.items()]
            copies.sort(key=_came)
            receivers = tuple([receiver for receiver, _ in copies])
        far: tuple[str, ...] = ()
        if self.wanted:
            far = tuple(dict.fromkeys(node for leaf in leaves for node in leaf.far))
        return Route(receivers, self._choices(leaves) if self._groups else (), far)

    def _choices(self, leaves: list[_Leaf[R]]) -> tuple[Choice[R], ...]:
        groups: dict[str, dict[R | Seat, int]] = {}
        for leaf in leaves:
            for name, members in leaf.groups.items():
                merged = groups.setdefault(name, {})
                for receiver, came in members.items():
                    merged[receiver] = min(came, merged.get(receiver, came))
        return tuple(
            self._groups[name].choice(tuple(r for r, _ in sorted(merged.items(), key=_came)))
            for name, merged in groups.items()
        )

    def _remember(self, topic: str, route: Route[R]) -> None:
        self._taken += route.size
        self.routes[topic] = route
        while self._taken > self._places and len(self.routes) > 1:
            oldest = next(iter(self.routes))
            self._taken -= self.routes.pop(oldest).size

    def _forget_routes(self, pattern: str, tokens: tuple[str, ...], group: str | None) -> None:
        if group is None and is_literal(tokens):
            route = self.routes.pop(pattern, None)
            if route is not None:
                self._taken -= route.size
            return
        self.routes.clear()
        self._taken = 0
        if group is not None and group in self._groups:
            self._groups[group].choices.clear()
