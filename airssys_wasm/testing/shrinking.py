"""The fewest deviations from production's order that still fail.

Pure: whether a list of deviations fails is asked of a function.

Source: Zeller, Hildebrandt: "Simplifying and isolating failure-inducing input", IEEE TSE 2002.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeVar

D = TypeVar("D")

MOST_RUNS = 600  # of a failing test, to find the smallest


def without_groups(
    items: Sequence[D],
    group: Callable[[D], object],
    fails: Callable[[Sequence[D]], Sequence[D] | None],
) -> Sequence[D]:
    """`items` without each group of them that is not needed, the largest first.

    A long run has thousands of items, and most often a whole kind of them does not matter. `fails`
    is called once for each group.

    >>> without_groups("aabbbc", str, lambda part: part if "c" in part and "a" in part else None)
    ['a', 'a', 'c']
    """
    left = list(items)
    sizes = Counter(map(group, left))
    for kind, _ in sizes.most_common():
        fewer = [item for item in left if group(item) != kind]
        if fewer and len(fewer) < len(left):
            happened = fails(fewer)
            if happened is not None:
                left = list(happened) if len(happened) < len(fewer) else fewer
    return left


def shrink(
    items: Sequence[D],
    fails: Callable[[Sequence[D]], Sequence[D] | None],
    most: int = MOST_RUNS,
    enough: Callable[[], bool] = lambda: False,
) -> list[D]:
    """A part of `items` that fails, of which no single item can be left out.

    `fails` gives None for a list that does not fail, and else the items that have come to pass,
    which may be fewer. It is called at most `most` times, and not once more when `enough` says so;
    what is left then may not be the least.

    >>> shrink(range(20), lambda part: part if {3, 17} <= set(part) else None)
    [3, 17]
    """
    left = list(items)
    runs = 0
    if not left:
        return left
    nothing = fails([])
    if nothing is not None:
        return []
    size = max(1, len(left) // 2)
    while runs < most and not enough():
        removed = False
        place = 0
        while place < len(left) and runs < most and not enough():
            candidate = left[:place] + left[place + size :]
            runs += 1
            happened = fails(candidate) if candidate else None
            if happened is not None:
                left = list(happened) if len(happened) < len(candidate) else candidate
                removed = True
            else:
                place += size
        if size > 1:
            size = max(1, min(size // 2, len(left) // 2))
        elif not removed:
            break
    return left
