"""Which tools made a binary, as its `producers` sections tell.

Pure, and never raises: the sections are for people, anyone can write anything into them, and what
is damaged is left out.

Source: WebAssembly tool conventions, "ProducersSection.md"; Component Model, "Binary.md".
"""

from __future__ import annotations

from collections.abc import Iterator

_PREAMBLE = 8
_CUSTOM, _CORE_MODULE, _COMPONENT = 0, 1, 4
_DEEPEST = 8  # components within components
_MOST = 64  # tools that are named
_LONGEST = 200  # characters of a name or version


def producers(data: bytes) -> tuple[str, ...]:
    r"""`field: tool version` of each tool, each once, in the order of the file.

    >>> name, field, tool, version = (b"\x09producers", b"\x08language", b"\x01C", b"\x0217")
    >>> section = name + b"\1" + field + b"\1" + tool + version
    >>> producers(b"\0asm\x0d\0\1\0" + b"\0" + bytes([len(section)]) + section)
    ('language: C 17',)
    """
    found: dict[str, None] = {}
    for tool in _tools(memoryview(data), 0):
        found[tool] = None
        if len(found) >= _MOST:
            break
    return tuple(found)


def _tools(binary: memoryview, depth: int) -> Iterator[str]:
    is_component = bytes(binary[4:8]) == b"\x0d\0\1\0"
    try:
        for kind, content in _sections(binary):
            if kind == _CUSTOM:
                yield from _listed(content)
            elif is_component and kind in (_CORE_MODULE, _COMPONENT) and depth < _DEEPEST:
                yield from _tools(content, depth + 1)
    except (IndexError, ValueError):
        return


def _sections(binary: memoryview) -> Iterator[tuple[int, memoryview]]:
    at = _PREAMBLE
    while at < len(binary):
        kind = binary[at]
        size, at = _number(binary, at + 1)
        yield kind, binary[at : at + size]
        at += size


def _listed(content: memoryview) -> Iterator[str]:
    name, at = _text(content, 0)
    if name != "producers":
        return
    fields, at = _number(content, at)
    for _ in range(fields):
        field, at = _text(content, at)
        values, at = _number(content, at)
        for _ in range(values):
            tool, at = _text(content, at)
            version, at = _text(content, at)
            yield f"{field}: {tool} {version}".rstrip()


def _text(content: memoryview, at: int) -> tuple[str, int]:
    size, at = _number(content, at)
    if at + size > len(content):
        raise ValueError("cut off")
    text = bytes(content[at : at + min(size, _LONGEST)]).decode(errors="replace")
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text), at + size


def _number(content: memoryview, at: int) -> tuple[int, int]:
    """An unsigned LEB128 number of at most 32 bits, and where the next thing begins."""
    value = 0
    for shift in range(0, 35, 7):
        byte = content[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("a number of more than 32 bits")
