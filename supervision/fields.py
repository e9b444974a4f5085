"""What the fields of specs and flags are checked with.

Pure.
"""

from __future__ import annotations

import math

from airssys_wasm.supervision.errors import InvalidSpec


def one_of(field: str, value: object, allowed: tuple[str, ...], what: str) -> None:
    """Raise InvalidSpec unless `value` is one of `allowed`."""
    if not isinstance(value, str) or value not in allowed:
        raise InvalidSpec(field, value, f"is not {what} ({', '.join(allowed)})")


def number(field: str, value: object, wanted: str, least: float, most: float = math.inf) -> None:
    """Raise InvalidSpec unless `value` is a finite number in these bounds, both included."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidSpec(field, value, f"is not {wanted}")
    if not math.isfinite(value) or not least <= value <= most:
        raise InvalidSpec(field, value, f"is not {wanted}")


def seconds(field: str, value: object, words: str = "", *, zero: bool = True) -> None:
    """Raise InvalidSpec unless `value` is a finite number of seconds, not negative."""
    wanted = f"seconds, {'0 or more' if zero else 'more than 0'}{', or ' + words if words else ''}"
    number(field, value, wanted, 0.0 if zero else math.ulp(0.0))


def text(field: str, value: object) -> None:
    """Raise InvalidSpec unless `value` is a string that says something."""
    if not isinstance(value, str):
        raise InvalidSpec(field, value, "is not a string")
    if not value:
        raise InvalidSpec(field, value, "is empty")
