"""What a component writes to its standard output and error, line by line into the log.

Pure, but for the log that it is given.
"""

from __future__ import annotations

from collections.abc import Callable

MAX_LINE = 4_096  # bytes; a longer line is more than one record


class LineWriter:
    r"""Hands over whole lines, without their ends.

    >>> lines: list[str] = []
    >>> writer = LineWriter(lines.append)
    >>> writer.write(b"one\ntw"); writer.write(b"o\r\n\n\xff"); writer.end()
    >>> lines
    ['one', 'two', '\ufffd']
    """

    __slots__ = ("_rest", "_write")

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._rest = b""

    def write(self, contents: bytes) -> None:
        """Some bytes of UTF-8; what follows the last line end is kept for the next ones."""
        *lines, self._rest = (self._rest + contents).split(b"\n")
        for line in lines:
            self._give(line)
        while len(self._rest) >= MAX_LINE:
            self._give(self._rest[:MAX_LINE])
            self._rest = self._rest[MAX_LINE:]

    def end(self) -> None:
        """Nothing more comes."""
        rest, self._rest = self._rest, b""
        self._give(rest)

    def _give(self, line: bytes) -> None:
        for start in range(0, len(line), MAX_LINE):
            text = line[start : start + MAX_LINE].decode("utf-8", "replace").rstrip("\r")
            if text:
                self._write(text)
