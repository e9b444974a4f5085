"""What the type of a field can say beyond Python's types, for values that come from a text.

Pure. The marks go into `Annotated`, and type checkers see through them:

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Budget:
        period: Duration = 5.0                                  # `5s`, `500ms`, `1h`, seconds
        intensity: Annotated[int, AtLeast(0)] = 1
        strategy: Annotated[Literal["all", "one"], Named("strategy")] = "one"

Fields may have the types str, bool, int, float, Path, None, Literal, Duration, Size, object
(anything that JSON can say), tuple[X, ...] (a list), Mapping[str, X], dataclasses, and unions
of these. A default makes the key optional; it stands in the dataclass and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, TypeAlias


@dataclass(frozen=True, slots=True)
class Named:
    """What a person calls such a value: "restart type".

    `elsewhere` are words that people know from other programs, each with the one that it is here.
    """

    noun: str
    elsewhere: tuple[tuple[str, str], ...] = ()

    @property
    def with_article(self) -> str:
        return f"{'an' if self.noun[:1] in 'aeiou' else 'a'} {self.noun}"


@dataclass(frozen=True, slots=True)
class AtLeast:
    low: int | float


@dataclass(frozen=True, slots=True)
class AtMost:
    high: int | float


@dataclass(frozen=True, slots=True)
class MostItems:
    """How long a list may be."""

    number: int


@dataclass(frozen=True, slots=True)
class Checked:
    """A rule for text: None when it holds, else what is wrong, to follow the quoted text.

    `pattern` is a regular expression that all right texts match, for those who have only the JSON
    Schema; it may let pass what the rule does not.
    """

    rule: Callable[[str], str | None]
    pattern: str


@dataclass(frozen=True, slots=True)
class Verbatim:
    """No `${NAME}` is replaced in this value or below it, and none may stand there."""


@dataclass(frozen=True, slots=True)
class KindByKey:
    """Of a union of dataclasses: which one it is shows in which of these keys is there."""

    keys: tuple[str, ...]
    noun: str


@dataclass(frozen=True, slots=True)
class InOtherFile:
    """The value may be the root of another file, a `record`, whose path stands under `key`.

    Whoever calls the reader puts the other file's root in the place of its path; `record` is a
    subclass of the field's type.
    """

    key: str
    record: type


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number that may be written with a unit."""

    of: str  # "duration" or "size"


Duration: TypeAlias = Annotated[float, Quantity("duration")]
Size: TypeAlias = Annotated[int, Quantity("size")]
