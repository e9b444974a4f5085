"""The choices of a simulated run: who chooses, and how what was chosen is written down.

Pure: chance comes from a seeded generator.

At each choice point there are options, of which number zero is what production would do. A run is
known by its deviations from that: each names the choice point by what would have happened there
(the so-many-th time that this actor was next), so that it still means the same when another
deviation is taken away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from random import Random

Kind = Literal["run", "request", "fault", "torn write", "delay"]
StrategyName = Literal["mixed", "fifo", "uniform", "pct"]

CHANGES = 3  # change points of PCT: most races need no more (Burckhardt et al., ASPLOS 2010)
HORIZON = 4_000  # choice points among which PCT places them
PATIENCE = 50  # picks in a row, after which an actor may only wait for others, and has to let them
FAULT_RATES = (0.0002, 0.2)  # of the chances for a fault that a seed takes, least and most
LONG_WAY = 0.2  # of the requests that could be run inline are queued under PCT
SLOW_WAY = 0.2  # of the messages between nodes take longer than usual under PCT


@dataclass(frozen=True, slots=True)
class Deviation:
    """The `nth` time that `usual` was to come (counted from 1), `chosen` came instead."""

    kind: Kind
    usual: str
    nth: int
    chosen: str

    def __str__(self) -> str:
        match self.kind:
            case "run":
                return f"before step {self.nth} of {self.usual}, {self.chosen} runs"
            case "request":
                return f"request {self.nth} of {self.usual} goes through the mailbox"
            case "fault" if " -> " in self.usual:
                return f"{self.chosen}: message {self.nth} of {self.usual}"
            case "fault":
                return f"{self.chosen} at step {self.nth} of {self.usual}"
            case "torn write":
                return f"torn write {self.nth} of {self.usual} is {self.chosen}"
            case "delay":
                return f"message {self.nth} of {self.usual} takes {self.chosen} s"


class Strategy(Protocol):
    """Who decides."""

    def pick(self, kind: Kind, usual: str, nth: int, options: Sequence[Any]) -> int:
        """The index of an option; there are at least two, and the first is what is usual."""
        ...


class Choices:
    """Asks a strategy, and keeps the deviations. `label` names an option."""

    def __init__(self, strategy: Strategy, label: Callable[[Any], str]) -> None:
        self.strategy = strategy
        self.label = label
        self.count = 0
        self.deviations: list[Deviation] = []
        self.over = False  # the run is over, and is only cleared away
        self.widths: list[tuple[int, int]] | None = None  # options and choice, where asked for
        self._seen: dict[tuple[Kind, str], int] = {}

    def pick(self, kind: Kind, usual: str, options: Sequence[Any]) -> int:
        """The index of the option that is to happen."""
        if self.over:
            return 0
        self.count += 1
        place = (kind, usual)
        nth = self._seen[place] = self._seen.get(place, 0) + 1
        picked = self.strategy.pick(kind, usual, nth, options)
        if self.widths is not None:
            self.widths.append((len(options), picked))
        if picked:
            self.deviations.append(Deviation(kind, usual, nth, self.label(options[picked])))
        return picked


class Fifo:
    """What production does: first come, first served, and nothing goes wrong."""

    def pick(self, kind: Kind, usual: str, nth: int, options: Sequence[Any]) -> int:
        return 0


class Faults:
    """Whether a fault comes, and which; how often, is chosen once.

    Under some seeds much breaks; under others so little that in a long run one thing does.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._rate = 0.0

    def pick(self, options: Sequence[Any]) -> int:
        random = self._random
        if not self._rate:
            least, most = FAULT_RATES
            self._rate = least * (most / least) ** random.random()
        if random.random() >= self._rate:
            return 0
        return 1 + int(random.random() * (len(options) - 1))


class Uniform:
    """Every runnable actor is as likely as any other."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._faults = Faults(random)

    def pick(self, kind: Kind, usual: str, nth: int, options: Sequence[Any]) -> int:
        random = self._random
        if kind == "fault":
            return self._faults.pick(options)
        return int(random.random() * len(options))


class Pct:
    """Actors have priorities, which change at few places: finds bugs that need few orderings.

    Source: Burckhardt, Kothari, Musuvathi, Nagarakatte: "A randomized scheduler with probabilistic
    guarantees of finding bugs", ASPLOS 2010.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._faults = Faults(random)
        self._priorities: dict[Any, float] = {}
        # Short runs need early change points as much as long ones late ones.
        self._changes = {int(HORIZON ** random.random()) for _ in range(CHANGES)}
        self._lowest = 0.0
        self._count = 0
        self._last: Any = None
        self._row = 0  # how often in a row that one was picked

    def pick(self, kind: Kind, usual: str, nth: int, options: Sequence[Any]) -> int:
        random, priorities = self._random, self._priorities
        if kind == "fault":
            return self._faults.pick(options)
        if kind == "request":
            return int(random.random() < LONG_WAY)
        if kind == "torn write" or (kind == "delay" and random.random() < SLOW_WAY):
            return int(random.random() * len(options))
        if kind == "delay":
            return 0
        best, highest = 0, -1e9
        for index, option in enumerate(options):
            priority = priorities.get(option)
            if priority is None:
                priority = priorities[option] = random.random()
            if priority > highest:
                best, highest = index, priority
        self._count += 1
        self._row = self._row + 1 if options[best] is self._last else 0
        self._last = options[best]
        if self._count in self._changes or self._row > PATIENCE:
            self._row = 0
            self._lowest -= 1.0
            priorities[options[best]] = self._lowest
            return max(range(len(options)), key=lambda index: priorities[options[index]])
        return best


class Replay:
    """Deviates where a list says so, and nowhere else."""

    def __init__(self, deviations: Iterable[Deviation], label: Callable[[Any], str]) -> None:
        self._chosen = {(d.kind, d.usual, d.nth): d.chosen for d in deviations}
        self._label = label

    def pick(self, kind: Kind, usual: str, nth: int, options: Sequence[Any]) -> int:
        chosen = self._chosen.get((kind, usual, nth))
        if chosen is None:
            return 0
        for index, option in enumerate(options):
            if self._label(option) == chosen:
                return index
        return 0  # it can't happen any more, since something before it is another


class Fixed:
    """The given choices, then what is usual: how the exhaustive search goes through all runs."""

    def __init__(self, prefix: Sequence[int]) -> None:
        self._prefix = prefix
        self._count = 0

    def pick(self, kind: Kind, usual: str, nth: int, options: Sequence[Any]) -> int:
        place, self._count = self._count, self._count + 1
        return self._prefix[place] if place < len(self._prefix) else 0


def following(widths: Sequence[tuple[int, int]], depth: int) -> list[int] | None:
    """The choices of the next run in the order of an exhaustive search; None after the last.

    `widths` are the number of options and the choice of each point of the run before. Only the
    first `depth` points are varied.

    >>> following([(2, 0), (3, 2)], depth=10)
    [1]
    >>> following([(2, 1), (3, 0)], depth=10)
    [1, 1]
    >>> following([(2, 1), (3, 2)], depth=10) is None
    True
    """
    choices = [choice for _, choice in widths[:depth]]
    while choices:
        last = len(choices) - 1
        if choices[last] + 1 < widths[last][0]:
            choices[last] += 1
            return choices
        choices.pop()
    return None


def strategy_of(name: StrategyName, seed: int, random: Random) -> Strategy:
    """The strategy of a seed. `mixed` is production's order for seed 0, then each by turns."""
    if name == "fifo" or (name == "mixed" and seed == 0):
        return Fifo()
    if name == "pct" or (name == "mixed" and seed % 2):
        return Pct(random)
    return Uniform(random)
