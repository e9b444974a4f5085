"""The leases of all nodes, as one node sees them: who is there, who is lost, which terms are over.

Pure: time comes in as `now`. A node is lost when its lease has not been seen to change for the
lease's length and a margin, by the clock of who watches; it counts as lost once its key is removed,
by compare-and-set, so that a change which was not seen here is no loss.

Invariant: a term of which `is_over` says so never counts for anybody again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airssys_wasm.broker.leases.lease import PREFIX, Lease, LeaseTimes, lease_of

if TYPE_CHECKING:
    from airssys_wasm.broker.engine import Entry

REMEMBERED = 1_000  # terms that are over; one that is forgotten has to be asked for again

Term = tuple[str, str, int]  # node, life, number


@dataclass(frozen=True, slots=True)
class Known:
    """A node with a lease: what its key says, at which revision, and when that was seen."""

    lease: Lease
    revision: int
    seen: float


@dataclass(frozen=True, slots=True)
class Up:
    """A node has a lease, in a new term."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class Told:
    """A node says something else of itself."""

    lease: Lease


@dataclass(frozen=True, slots=True)
class Down:
    """A term of a node is over. Nothing that it held in it counts any more.

    `removed` is True when it was this node that has found it lost.
    """

    lease: Lease
    removed: bool = False


@dataclass(frozen=True, slots=True)
class Gone:
    """A term that was spoken of, and never seen here, is over."""

    term: Term


News = Up | Told | Down | Gone


@dataclass(frozen=True, slots=True)
class Remove:
    """Remove the key of a lost node, if it is at this revision still."""

    key: str
    revision: int


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask for the key of a node: one of its terms is spoken of, and was never seen."""

    node: str


class LeaseWatch:
    """What one node knows of the leases of all."""

    def __init__(self, times: LeaseTimes) -> None:
        self._times = times
        self._known: dict[str, Known] = {}
        self._revisions: dict[str, int] = {}  # of each key, also of those that are gone
        self._over: dict[Term, None] = {}
        self._doubtful: dict[Term, float] = {}  # spoken of and not seen: when to ask for it
        self._asked: dict[str, dict[Term, None]] = {}  # by node: for which of them
        self._later: dict[str, float] = {}  # when to try once more to remove a key

    # --- what is known

    def nodes(self) -> list[Known]:
        """Those with a lease, in the order of their names."""
        return [self._known[node] for node in sorted(self._known)]

    def lease(self, node: str) -> Lease | None:
        """The lease of a node; None when it has none."""
        known = self._known.get(node)
        return None if known is None else known.lease

    def is_over(self, term: Term) -> bool:
        """Whether a term has certainly ended."""
        return term in self._over

    def is_current(self, term: Term) -> bool:
        """Whether a term is the one that its node has, as far as is known here."""
        known = self._known.get(term[0])
        return known is not None and known.lease.identity == term

    # --- what comes in

    def seen(self, entry: Entry, now: float) -> list[News]:
        """A key of a lease is as `entry` says."""
        node = entry.key.removeprefix(PREFIX)
        if entry.revision <= self._revisions.get(node, 0):
            return []
        self._revisions[node] = entry.revision
        self._later.pop(node, None)
        lease, known = lease_of(entry), self._known.get(node)
        if lease is not None and self.is_over(lease.identity):
            return []
        news: list[News] = []
        if known is not None and (lease is None or lease.identity != known.lease.identity):
            news += self._down(node)
            known = None
        if lease is None:
            return news
        self._known[node] = Known(lease, entry.revision, now)
        self._doubtful.pop(lease.identity, None)
        if known is None:
            news.append(Up(lease))
        elif known.lease.told != lease.told:
            news.append(Told(lease))
        return news

    def spoken_of(self, term: Term, now: float, length: float) -> None:
        """Something is held in this term, of a lease of that length; it may not be known here."""
        if term not in self._over and term not in self._doubtful and not self.is_current(term):
            self._doubtful[term] = now + length + self._times.margin

    def removed(self, node: str, revision: int) -> list[News]:
        """The key of a lost node was removed: it was at this revision still."""
        known = self._known.get(node)
        if known is None or known.revision != revision:
            return []
        return [Down(each.lease, removed=True) for each in self._down(node)]

    def tried(self, node: str, now: float) -> None:
        """The key of a lost node could not be removed, or not be asked for."""
        self._asked.pop(node, None)
        if node in self._known:
            self._later[node] = now + self._times.grace

    def answered(self, node: str, entry: Entry | None, now: float) -> list[News]:
        """The key of a node, as it is at the engine just now: None when it is not there."""
        news: list[News] = [] if entry is None else self.seen(entry, now)
        current = self.lease(node) if entry is not None else None
        if entry is None and node in self._known and now >= self._silent_at(node):
            news += self._down(node)  # an answer that is older than this is none
        for term in self._asked.pop(node, ()):
            if self._doubtful.pop(term, None) is not None and (
                current is None or current.identity != term
            ):
                self._end(term)
                news.append(Gone(term))
        return news

    def tick(self, now: float) -> list[Remove | Ask]:
        """Time has passed; to be called at `due()`. Each of these is to be answered."""
        outputs: list[Remove | Ask] = []
        for node in sorted(self._known):
            if now >= self._lost_at(node):
                self._later[node] = now + self._times.patience
                outputs.append(Remove(PREFIX + node, self._known[node].revision))
        for term in [term for term, when in self._doubtful.items() if now >= when]:
            self._doubtful[term] = now + self._times.grace  # when it is asked for once more
            if term[0] not in self._asked:
                outputs.append(Ask(term[0]))
            self._asked.setdefault(term[0], {})[term] = None
        return outputs

    def due(self) -> float | None:
        """When `tick` is to be called next."""
        times = [self._lost_at(node) for node in self._known]
        times += self._doubtful.values()
        return min(times, default=None)

    # --- its own

    def _silent_at(self, node: str) -> float:
        known = self._known[node]
        return known.seen + known.lease.length + self._times.margin

    def _lost_at(self, node: str) -> float:
        return max(self._silent_at(node), self._later.get(node, 0.0))

    def _down(self, node: str) -> list[Down]:
        known = self._known.pop(node)
        self._end(known.lease.identity)
        return [Down(known.lease)]

    def _end(self, term: Term) -> None:
        self._over[term] = None
        self._doubtful.pop(term, None)
        if len(self._over) > REMEMBERED:
            del self._over[next(iter(self._over))]
