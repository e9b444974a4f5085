"""One planted fault as a value, and a table of them. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import dedent, indent


@dataclass(frozen=True, slots=True)
class Fault:
    """`old`, which occurs once in `file`, becomes `new`.

    Text of one line is a part of a line. Text of several lines is whole lines, however deep they
    are in their file; it may begin and end with a line break. `why` says what is wrong then.
    `first` are tests likely to notice. With `equivalent` no test can notice, for the reason given.
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
        if "\n" not in self.old:
            places = {(self.old, self.new): source.count(self.old)}
        else:
            old, new = _lines(self.old), _lines(self.new)
            depths = {line[: len(line) - len(line.lstrip())] for line in source.splitlines()}
            pairs = [(indent(old, depth), indent(new, depth)) for depth in depths]
            places = {(a, b): f"\n{source}".count(f"\n{a}") for a, b in pairs}
        count = sum(places.values())
        if count != 1:
            raise ValueError(f"{self.name}: the old text occurs {count} times in {self.file}")
        (old, new) = next(pair for pair, count in places.items() if count)
        return source.replace(old, new)


def _lines(text: str) -> str:
    lines = dedent(text).strip("\n")
    return f"{lines}\n" if lines else ""


@dataclass(frozen=True, slots=True)
class Table:
    """Faults, and the tests (files or folders) that have to notice each of them."""

    tests: tuple[str, ...]
    faults: tuple[Fault, ...]
