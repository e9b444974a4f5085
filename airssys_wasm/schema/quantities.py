"""Durations and sizes as people write them: `500ms`, `1h30m`, `16MiB`, `10MB`.

Pure. A duration is a `float` of seconds, a size an `int` of bytes; a bare number is
already one. Units are exact: `m` is a minute and never a month, `M` is not a unit.
"""

from __future__ import annotations

import re

SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
BYTES = {
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
}
LONGEST = 1e9  # seconds; thirty years: what a timer has to count at most
LARGEST = 2**63 - 1

_STEP = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)(us|ms|s|m|h|d)")
_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,9})?) ?(B|KB|MB|GB|KiB|MiB|GiB)\Z")
_NUMBER_AND_WORD = re.compile(r"(\d{1,15}(?:\.\d{1,9})?) ?([A-Za-zµ]{1,12})\Z")

_TIME_WORDS = {
    "µs": "us",
    "msec": "ms",
    "millis": "ms",
    "milliseconds": "ms",
    "sec": "s",
    "secs": "s",
    "second": "s",
    "seconds": "s",
    "min": "m",
    "mins": "m",
    "minute": "m",
    "minutes": "m",
    "hr": "h",
    "hrs": "h",
    "hour": "h",
    "hours": "h",
    "day": "d",
    "days": "d",
}
_SIZE_WORDS = {"k": "KiB", "m": "MiB", "g": "GiB", "ki": "KiB", "mi": "MiB", "gi": "GiB"}


def duration(text: str) -> float | None:
    """The seconds that `text` names, or None when it is no duration.

    >>> duration("1m30s"), duration("500ms"), duration("5 parsecs")
    (90.0, 0.5, None)
    """
    position, total = 0, 0.0
    while position < len(text):
        step = _STEP.match(text, position)
        if step is None:
            return None
        total += float(step[1]) * SECONDS[step[2]]
        position = step.end()
    return total if text and total <= LONGEST else None


def size(text: str) -> int | None:
    """The bytes that `text` names, or None when it is no size.

    >>> size("16MiB"), size("10MB"), size("16 mib")
    (16777216, 10000000, None)
    """
    found = _SIZE.match(text)
    if found is None:
        return None
    total = (
        float(found[1]) * BYTES[found[2]] if "." in found[1] else int(found[1]) * BYTES[found[2]]
    )
    return int(total) if total == int(total) and total <= LARGEST else None


def intended_duration(text: str) -> str | None:
    """The duration somebody meant who wrote `text`.

    >>> intended_duration("5 seconds")
    '5s'
    """
    found = _NUMBER_AND_WORD.match(text.strip())
    if found is None:
        return None
    word = found[2].lower()
    unit = _TIME_WORDS.get(word, word)
    meant = found[1] + unit if unit in SECONDS else text
    return meant if meant != text else None


def intended_size(text: str) -> str | None:
    """The size somebody meant who wrote `text`.

    >>> intended_size("16mb"), intended_size("64M")
    ('16MB', '64MiB')
    """
    found = _NUMBER_AND_WORD.match(text.strip())
    if found is None:
        return None
    word = found[2].lower()
    by_lower = {unit.lower(): unit for unit in BYTES}
    unit = by_lower.get(word) or _SIZE_WORDS.get(word)
    meant = found[1] + unit if unit else text
    return meant if meant != text else None
