"""Acts: memory for the elements of a list that is written for foreign code: kept for the next list.

The values are side by side, as wasmtime reads them; behind all of them is what is nested in each.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence

from airssys_wasm.components.engine.foreign import VALUE_WORDS


class Rows:
    """Room for `count` elements, each as `template` says: a value, then what is nested in it.

    `relocations` are pairs of indices in an element: a word, and what it has to point to.
    """

    __slots__ = ("address", "count", "nested", "words")

    def __init__(
        self, template: Sequence[int], relocations: Sequence[tuple[int, int]], count: int
    ) -> None:
        self.count = count
        self.nested = VALUE_WORDS * count  # the index from which on that lies
        stride = len(template) - VALUE_WORDS
        self.words = words = array("Q", template[:VALUE_WORDS]) * count
        words.extend(array("Q", template[VALUE_WORDS:]) * count)
        self.address = address = words.buffer_info()[0]
        for row in range(count) if relocations else ():
            nested = self.nested + stride * row - VALUE_WORDS
            for index, target in relocations:
                at = VALUE_WORDS * row + index if index < VALUE_WORDS else nested + index
                words[at] = address + 8 * (nested + target)
