"""The lease of a node, as the node itself sees it: what makes it sure that it counts.

Pure: time comes in as `now`, what is to be done comes out. A lease is the key `nodes.<name>`,
changed by compare-and-set. One unbroken time of it is a term, numbered within a life of the node;
what a node holds, it holds in a term.

Invariants:
  - a term lasts until `length` seconds after the moment *before* its last granted change was asked
    for, by this node's clock; no clock is compared with another's;
  - a term that is over never begins again: the next one has a higher number;
  - one change is under way at a time.

    seeking --Write--> granted: Began --Write every length/3--> granted
                          |                                        |
                          | none for 2/3 of the length: Unsafe     | in time: Safe again
                          v                                        |
                       Unsafe ---------- the length is over, or another has the key ----> Over

Source: Gray and Cheriton, "Leases: An Efficient Fault-Tolerant Mechanism for Distributed File Cache
Consistency", SOSP 1989, of which section 2 has the rule about clocks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from airssys_wasm.broker.engine import Entry

LENGTH = 10.0  # seconds; a server's restart, some 3 s, ends no term
MARGIN = 1.0  # seconds that others wait longer: 10 % between the rates of two clocks
PREFIX = "nodes."
PARTS = 3  # it is renewed each third of its length, and unsafe in the last one
TRIES = 4  # in each part
LATE = "it could not be renewed"
REMOVED = "it was removed"
TAKEN = "another node has the name"


@dataclass(frozen=True, slots=True)
class LeaseTimes:
    """How long a lease is, and how much longer others wait, in seconds.

    Raises ValueError for what could never be right.
    """

    length: float = LENGTH
    margin: float = MARGIN

    def __post_init__(self) -> None:
        if not self.length > 0:
            raise ValueError(f"lease: {self.length!r} s is no time")
        if not self.margin > 0:
            raise ValueError(f"lease: a margin of {self.margin!r} s is no time")

    @property
    def patience(self) -> float:
        """After this time without a change others take the node for lost."""
        return self.length + self.margin

    @property
    def grace(self) -> float:
        """How much of a term is left when what needs it begins to stop."""
        return self.length / PARTS


class Lease(msgspec.Struct, frozen=True, array_like=True):
    """The value of the key. `told` is what the node says of itself."""

    node: str
    life: str
    term: int
    count: int
    length: float
    told: bytes = b""

    @property
    def identity(self) -> tuple[str, str, int]:
        """What names the term everywhere."""
        return self.node, self.life, self.term


def lease_of(entry: Entry) -> Lease | None:
    """The lease that a key says; None when it was deleted, or says something else."""
    if entry.value is None:
        return None
    try:
        lease = msgspec.msgpack.decode(entry.value, type=Lease)
    except msgspec.MsgspecError:
        return None
    return lease if entry.key == PREFIX + lease.node else None


def bytes_of(lease: Lease) -> bytes:
    """The value of its key."""
    return msgspec.msgpack.encode(lease)


@dataclass(frozen=True, slots=True)
class Write:
    """Change the key, or create it if `revision` is None, and say what came of it."""

    lease: Lease
    revision: int | None


@dataclass(frozen=True, slots=True)
class Began:
    """The term has begun."""

    term: int


@dataclass(frozen=True, slots=True)
class Unsafe:
    """The term can't be renewed: what needs it has to stop before its end."""

    term: int


@dataclass(frozen=True, slots=True)
class Safe:
    """The term was renewed after all."""

    term: int


@dataclass(frozen=True, slots=True)
class Over:
    """The term has ended."""

    term: int
    why: str


@dataclass(frozen=True, slots=True)
class Occupied:
    """Another node of this name lives: it has renewed its lease while this one waited for it."""

    life: str


Output = Write | Began | Unsafe | Safe | Over | Occupied
Phase = Literal["closed", "seeking", "held"]


class OwnLease:
    """The lease of `node`, in its life `life`."""

    def __init__(self, node: str, life: str, times: LeaseTimes) -> None:
        self.node, self.life, self.times = node, life, times
        self.phase: Phase = "closed"
        self.term = 0
        self.began = 0.0  # when the term began
        self.until = 0.0  # when it ends
        self.safe = False
        self._count = 0
        self._revision: int | None = None
        self._asked: float | None = None  # since when a change is under way
        self._retry = 0.0
        self._renewed = 0.0  # when the last change that was granted was asked for
        self._told = b""
        self._ended = 0  # the last term that is over
        self._news = False  # `_told` has changed since it was written
        self._other: tuple[str, int] | None = None  # life and count of who has the key

    @property
    def key(self) -> str:
        """The key of the lease."""
        return PREFIX + self.node

    @property
    def revision(self) -> int | None:
        """The key's revision, as far as this node knows it."""
        return self._revision

    def is_valid(self, now: float) -> bool:
        """Whether the term counts. To be asked at the moment at which it matters."""
        return self.phase == "held" and now < self.until

    # --- what comes in

    def open(self, told: bytes, now: float) -> list[Output]:
        """Be a node with a lease from now on."""
        self.phase, self._told, self._retry = "seeking", told, now
        return self.tick(now)

    def close(self) -> list[Over]:
        """Be none any more. What needed the term has stopped; who closes deletes the key."""
        ended = [Over(self.term, "closed")] if self.phase == "held" else []
        self.phase, self.safe = "closed", False
        return ended

    def tell(self, told: bytes, now: float) -> list[Output]:
        """Say something else of this node, at once."""
        if told == self._told:
            return []
        self._told, self._news = told, True
        self._retry = min(self._retry, now)
        return self.tick(now)

    def granted(self, revision: int, now: float) -> list[Output]:
        """The change under way was made."""
        asked, self._asked = self._asked, None
        self._revision, self._other = revision, None
        if asked is None or self.phase == "closed":
            return []
        outputs: list[Output] = []
        if self.phase == "held" and now >= self.until:
            outputs += self._over(LATE)
        until = asked + self.times.length
        if now >= until or self.term == self._ended:  # it was made too late to be of use
            self._retry = now
            return outputs + self.tick(now)
        if self.phase == "seeking":
            self.phase, self.began = "held", now
            outputs.append(Began(self.term))
        elif not self.safe:
            outputs.append(Safe(self.term))
        self.safe = True
        self.until, self._renewed = until, asked
        self._retry = now if self._news else asked + self.times.length / PARTS
        return outputs + self.tick(now)

    def refused(self, entry: Entry | None, now: float) -> list[Output]:
        """The change was not made, for the key was as `entry` says (None: it was not there)."""
        self._asked = None
        if self.phase == "closed":
            return []
        lease = None if entry is None else lease_of(entry)
        if lease is not None and lease.life == self.life:  # ours; its answer was lost
            assert entry is not None
            self._revision, self._retry = entry.revision, now
            return self.tick(now)
        self._revision = None
        outputs: list[Output] = []
        if self.phase == "held":
            outputs += self._over(REMOVED if lease is None else TAKEN)
        if entry is None or entry.value is None:
            self._retry = now
            return outputs + self.tick(now)
        if lease is not None:
            known = self._other
            if known is not None and known[0] == lease.life and known[1] != lease.count:
                outputs.append(Occupied(lease.life))
            self._other = lease.life, lease.count
        self._retry = now + self.times.length / PARTS
        return outputs + self.tick(now)

    def failed(self, now: float) -> list[Output]:
        """Nothing is known of the change."""
        self._asked = None
        self._retry = now + self.times.length / PARTS / TRIES
        return [] if self.phase == "closed" else self.tick(now)

    def seen(self, entry: Entry, now: float) -> list[Output]:
        """The key was seen to be as `entry` says, perhaps some time ago."""
        lease = lease_of(entry)
        if self.phase == "closed" or (lease is not None and lease.life == self.life):
            return []
        outputs: list[Output] = []
        if self.phase == "held" and entry.revision > (self._revision or 0):
            outputs += self._over(REMOVED if lease is None else TAKEN)
            self._revision, self._retry = None, now
        elif self.phase == "seeking" and entry.value is None and self._asked is None:
            self._revision, self._retry = None, now
        return outputs + self.tick(now)

    def tick(self, now: float) -> list[Output]:
        """Time has passed; to be called at `due()`."""
        if self.phase == "closed":
            return []
        outputs = self._passed(now)
        if self._asked is None and now >= self._retry:
            outputs.append(self._write(now))
        return outputs

    def due(self) -> float | None:
        """When `tick` is to be called next."""
        if self.phase == "closed":
            return None
        times = [] if self._asked is not None else [self._retry]
        if self.phase == "held":
            times.append(self.until - self.times.grace if self.safe else self.until)
        return min(times, default=None)

    # --- its own

    def _passed(self, now: float) -> list[Output]:
        if self.phase != "held":
            return []
        if now >= self.until:
            return self._over(LATE)
        if self.safe and now >= self.until - self.times.grace:
            self.safe = False
            return [Unsafe(self.term)]
        return []

    def _over(self, why: str) -> list[Output]:
        self.phase, self.safe, self._ended = "seeking", False, self.term
        return [Over(self.term, why)]

    def _write(self, now: float) -> Write:
        if self.phase == "seeking":
            self.term += 1  # one that was asked for and not granted in time is never used again
        self._count += 1
        self._asked, self._news = now, False
        lease = Lease(self.node, self.life, self.term, self._count, self.times.length, self._told)
        return Write(lease, self._revision)
