"""How text that came from a guest is shown to people and put in records.

Pure. Function names, trap text and log messages are chosen by whoever wrote
the component; what leaves here is one line, bounded, and can't steer a
terminal or fake a second log record.
"""

MAX_GUEST_TEXT = 8 * 1024  # bytes a record: a screenful, and no flood of the log


def shown(text: str, limit: int = MAX_GUEST_TEXT) -> str:
    r"""`text` on one line: control characters escaped, at most `limit` bytes of UTF-8.

    What was cut off is replaced by `…`, which counts towards the limit.

    >>> shown("two\nlines\x1b[2J")
    'two\\nlines\\x1b[2J'
    >>> shown("abcdefgh", limit=6)
    'abc…'
    """
    head = text[: limit + 1]
    if not head.isprintable():
        head = "".join(
            c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in head
        )
    encoded = head.encode()
    if len(encoded) <= limit:
        return head
    mark = "…".encode()
    return encoded[: max(limit - len(mark), 0)].decode(errors="ignore") + mark[:limit].decode(
        errors="ignore"
    )
