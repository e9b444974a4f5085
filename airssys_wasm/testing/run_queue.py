"""The run queue of a simulated kernel: who comes next is chosen, not fixed."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

GOES_ON = 64  # activations of one turn, after which production lets the loop have its turn
AGAIN = 8  # activations of one actor in a row, which production would have been one batch


class SimulatedRunQueue:
    """Implements `RunQueue`. `pick` chooses among several; `taken` is told who runs.

    An actor that has more to do is put first again: production would have gone on with it.
    """

    def __init__(self, pick: Callable[[list[Any]], int], taken: Callable[[Any], None]) -> None:
        self._actors: deque[Any] = deque()
        self._pick = pick
        self._taken = taken
        self._last: Any = None
        self._again = 0
        self._activations = 0
        self.chosen: Any = None

    def append(self, actor: Any, /) -> None:
        if actor is self._last and self._again < AGAIN:
            self._again += 1
            self._actors.appendleft(actor)
        else:
            self._actors.append(actor)

    def popleft(self) -> Any:
        actors = self._actors
        if self.chosen is not None:
            actor, self.chosen = self.chosen, None
        elif len(actors) < 2:
            actor = actors[0]
        else:
            actor = actors[self._pick(list(actors))]
        actors.remove(actor)
        if actor is not self._last:
            self._last, self._again = actor, 0
        self._taken(actor)
        return actor

    def goes_on(self) -> bool:
        """Whether production would go on with this turn, since its time is not up."""
        self._activations += 1
        return bool(self._activations % GOES_ON)

    def clear(self) -> None:
        self._actors.clear()

    def __iter__(self) -> Iterator[Any]:
        return iter(self._actors)

    def __len__(self) -> int:
        return len(self._actors)
