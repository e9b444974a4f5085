"""The laws of publications: each subscriber gets its copies, once, in the order of the publisher.

Who is to get what is known here by a list of subscriptions, gone through for each publication.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from airssys_wasm.broker import Broker
from airssys_wasm.kernel import ActorRef, DeadLetter, Kernel
from tests.stress.letters import Post

TOPICS = ("orders.new", "orders.old", "prices.new")
PATTERNS = ("orders.new", "orders.*", "*.new", ">", "prices.>")


def fits(pattern: str, topic: str) -> bool:
    """Whether a pattern is for a topic; both have two parts at most."""
    if pattern == ">":
        return True
    (first, second), (one, two) = pattern.split("."), topic.split(".")
    return first in ("*", one) and second in ("*", ">", two)


class Posts:
    """All publications of one storm, and who has subscribed to what."""

    def __init__(
        self, kernel: Kernel, slots: dict[ActorRef[Any], int], broken: Callable[[str], None]
    ) -> None:
        self.broker = Broker(kernel)
        self._kernel = kernel
        self._slots = slots
        self._broken = broken
        self._subscribed: dict[ActorRef[Any], dict[tuple[str, str | None], bool]] = {}
        self._open: dict[Post, None] = {}
        self._gone: Counter[tuple[Post, int]] = Counter()  # dead letters that were not begun
        self._latest: dict[object, int] = {}
        self._number = 0

    # --- subscribing and publishing

    def subscribe(
        self, ref: ActorRef[Any], pattern: str, group: str | None, *, lasting: bool
    ) -> None:
        if not ref.is_alive:
            return
        self.broker.subscribe(pattern, ref, group, lasting=lasting)
        if ref not in self._subscribed:
            self._subscribed[ref] = {}
            self._kernel.on_exit(ref, self._ended)
        own = self._subscribed[ref]
        own[pattern, group] = lasting or own.get((pattern, group), False)

    def unsubscribe(self, ref: ActorRef[Any], pattern: str, group: str | None) -> None:
        self.broker.unsubscribe(pattern, ref, group)
        self._subscribed.get(ref, {}).pop((pattern, group), None)

    def _ended(self, ref: ActorRef[Any], successor: ActorRef[Any] | None) -> None:
        own = self._subscribed.pop(ref)
        if successor is not None and (lasting := {key: True for key in own if own[key]}):
            self._subscribed[successor] = lasting
            self._kernel.on_exit(successor, self._ended)

    def post(self, sender: object, topic: str, *, unsure: bool = False) -> Post:
        """A publication, with all who are to have it as things are."""
        direct: Counter[int] = Counter()
        groups: dict[str, set[int]] = {}
        for ref, own in self._subscribed.items():
            for pattern, group in own:
                if fits(pattern, topic) and group is None:
                    direct[self._slots[ref]] += 1
                elif fits(pattern, topic) and group is not None:
                    groups.setdefault(group, set()).add(self._slots[ref])
        self._number += 1
        post = Post(sender, self._number, direct, tuple(map(frozenset, groups.values())), unsure)
        self._open[post] = None
        return post

    # --- what comes

    def begin(self, ref: ActorRef[Any], post: Post) -> None:
        """A copy is handled."""
        slot = self._slots[ref]
        post.copies[slot] = post.copies.get(slot, 0) + 1
        if post.copies[slot] > post.most(slot):
            self._broken(f"a copy too many at {ref}: {post}")
        if self._latest.get((post.sender, slot), 0) > post.number:
            self._broken(f"out of order at {ref}: {post}")
        self._latest[post.sender, slot] = post.number

    def bury(self, dead: DeadLetter, post: Post) -> None:
        """A copy is a dead letter."""
        if isinstance(dead.to, ActorRef):
            if not dead.crashed:
                self._gone[post, self._slots[dead.to]] += 1
        elif post.direct or post.groups:
            self._broken(f"nobody had it, they say: {post}")

    # --- when it is quiet

    def audit(self, waiting: Iterable[tuple[Post, int]]) -> None:
        """No handler is at work; `waiting` are the copies in mailboxes, and in which."""
        places = Counter(waiting)
        at_rest = {post for post, _ in places}
        for post in list(self._open):
            had: Counter[int] = Counter(post.copies)
            for slot in {*post.direct, *(slot for group in post.groups for slot in group)}:
                had[slot] += places[post, slot] + self._gone[post, slot]
                if had[slot] > post.most(slot):
                    self._broken(f"{had[slot]} copies for mailbox {slot}: {post}")
                if had[slot] < post.direct.get(slot, 0) and not post.unsure:
                    self._broken(f"{had[slot]} copies only for mailbox {slot}: {post}")
            missing = sum(post.direct.values()) + len(post.groups) - had.total()
            if missing and not post.unsure:
                self._broken(f"{missing} copies are missing: {post}")
            if post not in at_rest and not post.unsure:
                del self._open[post]
        self._gone = Counter({key: n for key, n in self._gone.items() if key[0] in self._open})
