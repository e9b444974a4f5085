"""What happened in a run, as data in which nothing depends on the process that ran it.

Pure. No addresses, no paths, no hash values: two runs of one seed give the same text, byte for
byte, in another process and with another hash seed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, NamedTuple

ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+|(?<=cancel scope )[0-9a-f]+.*")
FAILED = "failed"  # the kind of the entry where a run went wrong
LONGEST = 120  # characters of one value
PLAIN = (int, float, bool, str, bytes, type(None))


class Entry(NamedTuple):
    """One thing that happened: when (virtual seconds), what kind of thing, to whom, and what."""

    time: float
    kind: str
    actor: str
    what: str

    def __str__(self) -> str:
        return f"{self.time:12.6f}  {self.kind:8} {self.actor}  {self.what}".rstrip()


@dataclass(frozen=True, slots=True)
class Difference:
    """Where two traces part. `first` or `second` is empty where that trace had ended."""

    place: int
    first: str
    second: str
    actor: str


def difference(first: list[Entry], second: list[Entry]) -> Difference | None:
    """The first place at which two traces differ; None when they are equal.

    >>> difference([Entry(0.0, "run", "a#1", "'x'")], []).place
    0
    """
    for place in range(max(len(first), len(second))):
        one = first[place] if place < len(first) else None
        other = second[place] if place < len(second) else None
        if one != other:
            who = one or other
            assert who is not None
            return Difference(place, str(one or ""), str(other or ""), who.actor)
    return None


def describe(value: object) -> str:
    """`value` in few words that are the same in every process.

    >>> describe({"b", "a"}), describe(object())
    ("{'a', 'b'}", '<object>')
    """
    text = ADDRESS.sub("", _described(value, 0))
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def _described(value: Any, depth: int) -> str:
    if isinstance(value, PLAIN):
        return repr(value)
    kind = type(value)
    if depth > 3:
        return f"<{kind.__name__}>"
    deeper = depth + 1
    if isinstance(value, tuple | list):
        inner = ", ".join(_described(item, deeper) for item in value[:20])
        if kind is list:
            return f"[{inner}]"
        name = kind.__name__ if hasattr(value, "_fields") else ""
        return f"{name}({inner}{',' if len(value) == 1 and not name else ''})"
    if isinstance(value, Mapping):
        pairs = [f"{_described(k, deeper)}: {_described(v, deeper)}" for k, v in value.items()]
        return "{" + ", ".join(pairs[:20]) + "}"
    if isinstance(value, Set):
        return "{" + ", ".join(sorted(_described(item, deeper) for item in value)[:20]) + "}"
    if isinstance(value, BaseException):
        return ADDRESS.sub("", f"{kind.__name__}({', '.join(map(str, value.args))})")
    if is_dataclass(value) and not isinstance(value, type):
        shown = [f.name for f in fields(value) if f.repr and f.name not in ("stack", "exception")]
        inner = ", ".join(f"{n}={_described(getattr(value, n, None), deeper)}" for n in shown)
        return f"{kind.__name__}({inner})"
    if isinstance(value, type):
        return value.__name__
    text = repr(value)
    if " object at 0x" in text:
        return f"<{kind.__name__}>"
    return ADDRESS.sub("", text)
