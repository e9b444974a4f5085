"""One planted fault as a value, and a table of them. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """`old`, which occurs once in `file`, becomes `new`.

    `why` says what is wrong then. `first` are tests likely to notice. With `equivalent` no test can
    notice, for the reason given.
    """

    name: str
    file: str
    old: str
    new: str
    why: str
    first: str = ""
    equivalent: str = ""

    def planted(self, source: str) -> str:
        """`source` with the fault. Raises ValueError unless the old text occurs exactly once.

        >>> Fault("off-by-one", "a.py", "< 3", "<= 3", why="one too many").planted("n < 3")
        'n <= 3'
        """
        count = source.count(self.old)
        if count != 1:
            raise ValueError(f"{self.name}: the old text occurs {count} times in {self.file}")
        return source.replace(self.old, self.new)


@dataclass(frozen=True, slots=True)
class Table:
    """Faults, and the tests (files or folders) that have to notice each of them."""

    tests: tuple[str, ...]
    faults: tuple[Fault, ...]
