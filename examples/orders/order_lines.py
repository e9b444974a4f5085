"""A file of orders, a JSON object a line: bytes in any pieces, into lines, into orders.

Pure: `reader.py` reads the file.
"""

import json
from collections.abc import Iterator
from math import isfinite

LONGEST_LINE = 64 * 1024  # bytes; an order has some hundred
MOST_BRACKETS = 100  # an order has one; keeps reading it from recursing deeply

Order = dict[str, object]


class BadLine(ValueError):
    """A line of the file is no order at all. Says where and why, as `file:line:column: why`."""

    def __init__(self, file: str, line: int, column: int, why: str) -> None:
        super().__init__(f"{file}:{line}:{column}: {why}")
        self.line = line
        self.column = column
        self.why = why


class Lines:
    """Puts pieces of a file together into lines; holds no more than one unfinished line.

    >>> lines = Lines("orders.jsonl")
    >>> list(lines.feed(b'{"a":1}\\n{"a"')), list(lines.feed(b":2}\\n"))
    ([(1, b'{"a":1}')], [(2, b'{"a":2}')])
    >>> list(lines.end())
    []
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self._rest = b""
        self.number = 0

    def feed(self, piece: bytes) -> Iterator[tuple[int, bytes]]:
        """The lines that are complete now, each with its number from 1; blank ones are left out.

        Raises BadLine for a line that is longer than LONGEST_LINE.
        """
        *complete, self._rest = (self._rest + piece).split(b"\n")
        for line in complete:
            self.number += 1
            if len(line) > LONGEST_LINE:
                raise self._too_long(self.number)
            if line.strip():
                yield self.number, line
        if len(self._rest) > LONGEST_LINE:
            raise self._too_long(self.number + 1)

    def end(self) -> Iterator[tuple[int, bytes]]:
        """The last line, if the file does not end with a new line."""
        yield from self.feed(b"\n" if self._rest else b"")

    def _too_long(self, line: int) -> BadLine:
        return BadLine(self.file, line, LONGEST_LINE + 1, f"longer than {LONGEST_LINE} bytes")


def read_order(file: str, line: int, text: bytes) -> Order:
    """The object that the line holds. Raises BadLine for anything but one JSON object.

    >>> read_order("orders.jsonl", 3, b'{"quantity":1}')
    {'quantity': 1}
    >>> read_order("orders.jsonl", 3, b'{"quantity"}')  # doctest: +IGNORE_EXCEPTION_DETAIL
    Traceback (most recent call last):
    order_lines.BadLine: orders.jsonl:3:12: not JSON: Expecting ':' delimiter
    """
    if text.count(b"[") + text.count(b"{") > MOST_BRACKETS:
        raise BadLine(file, line, 1, f"not an order: more than {MOST_BRACKETS} lists and objects")
    try:
        order = json.loads(
            text.decode(), parse_int=_integer, parse_float=_float, parse_constant=_constant
        )
        if b"\\u" in text:  # half of a character passes as JSON, but can't be sent as UTF-8
            json.dumps(order, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise BadLine(file, line, error.colno, f"not JSON: {error.msg}") from None
    except UnicodeDecodeError as error:
        raise BadLine(file, line, error.start + 1, "not JSON: not UTF-8") from None
    except UnicodeEncodeError:
        raise BadLine(file, line, 1, "not an order: half of a character in it") from None
    except ValueError as error:
        raise BadLine(file, line, 1, str(error)) from None
    if not isinstance(order, dict):
        raise BadLine(file, line, 1, f"not a JSON object but {_KINDS[type(order)]}")
    return order


_KINDS = {
    list: "a list",
    str: "a string",
    int: "a number",
    float: "a number",
    bool: "true or false",
    type(None): "null",
}


def _integer(digits: str) -> int:
    if len(digits) > 20 or not -(2**63) <= (number := int(digits)) < 2**63:
        raise ValueError(f"not an order: {digits[:24]} does not fit 64 bits")
    return number


def _float(digits: str) -> float:
    if not isfinite(number := float(digits)):
        raise ValueError(f"not an order: {digits[:24]} is too large")
    return number


def _constant(word: str) -> float:
    raise ValueError(f"not JSON: {word} is no number")
