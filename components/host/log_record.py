"""What becomes of a guest's log record: bounded, escaped, its context as fields.

Pure.
"""

from __future__ import annotations

from collections.abc import Sequence

from airssys_wasm.components.engine.guest_text import MAX_GUEST_TEXT, shown

MAX_PAIRS = 64

Pairs = tuple[tuple[str, str], ...]


def log_record(
    message: str, context: Sequence[tuple[str, str]] | None, limit: int = MAX_GUEST_TEXT
) -> tuple[str, Pairs]:
    r"""Message and (key, value) pairs in the order of the guest, together at most `limit` bytes.

    The first pair that does not fit whole is cut, and those after it are left out.

    >>> log_record("two\nlines", [("user", "7")])
    ('two\\nlines', (('user', '7'),))
    >>> log_record("1234", [("abc", "defgh"), ("i", "j")], limit=11)
    ('1234', (('abc', 'd…'),))
    """
    text = shown(message, limit)
    room = limit - len(text.encode())
    pairs: list[tuple[str, str]] = []
    for key, value in (context or ())[:MAX_PAIRS]:
        if room <= 0:
            break
        name = shown(key, room)
        room -= len(name.encode())
        content = shown(value, room)
        room -= len(content.encode())
        pairs.append((name, content))
    return text, tuple(pairs)
