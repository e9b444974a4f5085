"""The last message of each topic that was published with `retain`.

Pure. Every node keeps all of them. What was retained last holds, as each node comes to know in
whatever order it hears: a later time wins, by the clock of the node that published, which never
gives a time that is not above all that it has seen; of two that are equal, the later node's name.

Source: Kulkarni et al., "Logical Physical Clocks" (2014), for the times.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from airssys_wasm.broker.delivery import Published
from airssys_wasm.broker.store import matches
from airssys_wasm.broker.topic import is_literal, parse_pattern

Stamp = tuple[int, str]  # microseconds since 1970 or a bit above, and the node


@dataclass(frozen=True, slots=True)
class Kept:
    """What holds for a topic since `stamp`; `published` is None when it was forgotten then."""

    topic: str
    stamp: Stamp
    published: Published | None


class Retained:
    """What is retained, as far as this node knows.

    >>> kept = Retained().keep("a", Published("a", 1), now=5.0, node="n")
    >>> kept.stamp, Retained().take(kept)
    ((5000000, 'n'), True)
    """

    def __init__(self) -> None:
        self._kept: dict[str, Kept] = {}
        self._latest = 0
        self._forgotten = 0

    def __len__(self) -> int:
        return len(self._kept) - self._forgotten

    def __iter__(self) -> Iterator[Kept]:
        """All there is to know, what was forgotten too."""
        return iter(self._kept.values())

    def keep(self, topic: str, published: Published | None, now: float, node: str) -> Kept:
        """This holds for the topic from now on; `now` is in seconds since 1970."""
        kept = Kept(topic, (max(self._latest + 1, int(now * 1_000_000)), node), published)
        self.take(kept)
        return kept

    def take(self, kept: Kept) -> bool:
        """Somebody says that this holds; whether that is news, and not older than what is here."""
        self._latest = max(self._latest, kept.stamp[0])
        known = self._kept.get(kept.topic)
        if known is not None and known.stamp >= kept.stamp:
            return False
        self._forgotten += kept.published is None
        self._forgotten -= known is not None and known.published is None
        self._kept[kept.topic] = kept
        return True

    def matching(self, pattern: str) -> list[Published]:
        """What is retained for the topics of a pattern, the topics in order. Raises TopicError."""
        if is_literal(parse_pattern(pattern)):
            kept = self._kept.get(pattern)
            return [] if kept is None or kept.published is None else [kept.published]
        return [
            kept.published
            for topic, kept in sorted(self._kept.items())
            if kept.published is not None and matches(pattern, topic)
        ]
