"""A core module from WebAssembly text: a whole one, or the fields that a user writes.

Pure. Fields are completed with the pieces of `wat/airssys.wat` that they call, and what those call.
"""

import re
from collections.abc import Iterator

_NAME = re.compile(r"\$[\w.-]+")
_COMMENT = re.compile(r";;[^\n]*")
_EXPORTED = re.compile(r'\(export "')


def is_whole(text: str) -> bool:
    """Whether it is a module (or a component) rather than fields of one."""
    return re.match(r"\s*\(\s*(module|component)\b", _COMMENT.sub("", text)) is not None


def completed(fields: str, glue: str) -> str:
    """A module of `fields`, with the pieces of `glue` that they need; imports stand first.

    A piece that `fields` define themselves is left out.

    >>> print(completed('(func $f (call $g))', '(func $g)\\n\\n(func $h)'))
    (module
    (func $g)
    (func $f (call $g)))
    """
    pieces = dict(_pieces(glue))
    own = {
        found[1] for found in re.finditer(r"\((?:func|global|memory|data)\s+(\$[\w.-]+)", fields)
    }
    wanted = [name for name, piece in pieces.items() if _EXPORTED.search(piece)]
    wanted += _NAME.findall(_COMMENT.sub("", fields))
    chosen: set[str] = set()
    while wanted:
        name = wanted.pop()
        if name in pieces and name not in own and name not in chosen:
            chosen.add(name)
            wanted += _NAME.findall(pieces[name])
    used = [piece for name, piece in pieces.items() if name in chosen]
    used.sort(key=lambda piece: not piece.lstrip().startswith("(import"))  # imports come first
    return "\n".join(["(module", *used, fields.rstrip() + ")"])


def _pieces(glue: str) -> Iterator[tuple[str, str]]:
    for piece in re.split(r"\n\s*\n", glue):
        code = _COMMENT.sub(lambda note: note[0] if "$over-quota" in note[0] else "", piece).strip()
        if found := _NAME.search(code):
            yield found[0], code
