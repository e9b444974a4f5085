"""What an unquoted word of YAML means: nothing, a truth value, a number or text.

Pure. The core schema of YAML 1.2, except for the words on which YAML 1.1 (which PyYAML
and many editors follow) and 1.2 disagree: `yes no on off`, and numbers such as `010` and `1:30`.
Those are `Ambiguous`; whoever reads them takes the only meaning possible at that place or
refuses them. Dates are text: nothing here takes a date, so that they can be nothing else.

Source: YAML 1.2.2, section 10.3.2, "Tag Resolution"; YAML 1.1, types bool and int.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TypeAlias

SMALLEST_INT = -(2**63)
LARGEST_INT = 2**64 - 1

_TRUTH = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_SWITCHES = {"yes": True, "no": False, "on": True, "off": False}
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9_]*)\Z")
_BASED = re.compile(r"0x[0-9a-fA-F_]+\Z|0o[0-7_]+\Z|0b[01_]+\Z")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9_]+\Z")
_SIXTIES = re.compile(r"([-+]?)([0-9][0-9_]*(?::[0-5]?[0-9])+)(?:\.[0-9_]*)?\Z")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)\Z|\.(?:nan|NaN|NAN)\Z")
_LONGEST_NUMBER = 64


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """A word that is one thing in YAML 1.1 and another in 1.2."""

    text: str
    value: bool | int
    why: str


@dataclass(frozen=True, slots=True)
class OutOfRange:
    """A number beyond what 64 bits hold."""

    text: str


Meaning: TypeAlias = bool | int | float | str | Ambiguous | OutOfRange | None


def meaning(text: str) -> Meaning:
    """What `text` means when it is not quoted.

    >>> meaning("true"), meaning("0x10"), meaning("1.5"), meaning("2024-01-01")
    (True, 16, 1.5, '2024-01-01')
    >>> meaning("no").value
    False
    """
    if text in _NULL:
        return None
    if text in _TRUTH:
        return _TRUTH[text]
    if len(text) <= 3 and text.lower() in _SWITCHES:
        value = _SWITCHES[text.lower()]
        return Ambiguous(text, value, f"YAML 1.1 reads it as {str(value).lower()}")
    if text[0] in "-+.0123456789":
        return _number(text)
    return text


def _number(text: str) -> Meaning:
    whole = _INT.match(text) or _BASED.match(text)
    if len(text) > _LONGEST_NUMBER:
        return OutOfRange(text) if whole or _FLOAT.match(text) else text
    if whole:
        return _whole(text)
    if _LEADING_ZERO.match(text):
        as_octal = text.replace("_", "")
        if not set(as_octal) & {"8", "9"}:
            value = int(as_octal, 8)
            return Ambiguous(text, value, f"YAML 1.1 reads it as the octal number {value}")
        return text
    sixties = _SIXTIES.match(text)
    if sixties:
        value = 0
        for part in sixties[2].split(":"):
            value = value * 60 + int(part.replace("_", "") or "0")
        value = -value if sixties[1] == "-" else value
        return Ambiguous(text, value, f"YAML 1.1 reads it as the number {value}, in base 60")
    if _NOT_FINITE.match(text):
        if text.lower().endswith("nan"):
            return math.nan
        return -math.inf if text[0] == "-" else math.inf
    if _FLOAT.match(text):
        found = float(text)
        return found if math.isfinite(found) else OutOfRange(text)
    return text


def _whole(text: str) -> int | str | OutOfRange:
    try:
        found = int(text, 0) if text[:2] in {"0x", "0o", "0b"} else int(text)
    except ValueError:  # underscores where Python wants none
        return text
    return found if SMALLEST_INT <= found <= LARGEST_INT else OutOfRange(text)
