"""From the bytes of a file to text that YAML can be read from.

Pure. What is no UTF-8 or no character of a text file is reported with its place and
replaced, so that the other mistakes in the file can be found as well.
"""

from __future__ import annotations

import codecs
import re

from airssys_wasm.schema.problem import Place, Problem, Source

LARGEST_FILE = 1024 * 1024  # bytes; some 10,000 children, and a few seconds to read
_SHOWN = 10  # of each kind; a binary file has thousands
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
_NO_TEXT = re.compile(
    "[^\x09\x0a\x0d\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"
)  # YAML 1.1, section 5.1, "Character Set"


def decode(name: str, data: bytes) -> tuple[Source, str, list[Problem]]:
    """The source, the text to parse and what is wrong with the bytes."""
    if len(data) > LARGEST_FILE:
        source = Source(name)
        limit = f"the limit is {LARGEST_FILE // 1024} KiB"
        message = f"the file is too large to be a tree file ({len(data) // 1024:,} KiB)"
        return (
            source,
            "",
            [Problem.at(Place(source, 1, 1), message, rule="yaml-too-large", hint=limit)],
        )
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        source = Source(name)
        message = "the file is UTF-16 text"
        return (
            source,
            "",
            [
                Problem.at(
                    Place(source, 1, 1), message, rule="yaml-encoding", hint="save it as UTF-8"
                )
            ],
        )
    text = data.removeprefix(codecs.BOM_UTF8).decode("utf-8", "surrogateescape")
    source = Source.of(name, _NO_TEXT.sub(_REPLACEMENT, text))
    problems: list[Problem] = []
    if _NO_TEXT.search(text):
        problems = _foreign_characters(source, text)
    return source, _NO_TEXT.sub(_REPLACEMENT, text), problems


def _foreign_characters(source: Source, text: str) -> list[Problem]:
    problems: list[Problem] = []
    for number, line in enumerate(Source.of("", text).lines, 1):
        for found in _NO_TEXT.finditer(line):
            code = ord(found[0])
            place = Place(source, number, found.start() + 1)
            if 0xDC80 <= code <= 0xDCFF:
                message = f"the byte 0x{code - 0xDC00:02X} is not UTF-8"
                hint = "save the file as UTF-8"
            else:
                name = "a NUL character" if code == 0 else f"the control character U+{code:04X}"
                message, hint = f"{name} is not allowed in a text file", "remove it"
            problems.append(Problem.at(place, message, rule="yaml-encoding", hint=hint))
            if len(problems) == _SHOWN:
                return problems
    return problems
