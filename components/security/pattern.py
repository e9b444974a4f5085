"""Patterns of grants: one matcher for every family of capabilities.

Pure. Two grammars, as people write the things themselves:

- Names (`shop/prices/eu`) have parts between `/`, matched one by one. `*` stands for any characters
  of one part, also for none; `price*`, `*-eu` and `a*b` are patterns of a part.
- Topics (`orders.eu.created`) have tokens between `.`. `*` is a token of its own and stands for
  exactly one, a last `>` for one or more (`broker/topic.py` has the grammar).

A name pattern is written like a name: without `/` it is about names without namespace and
instance, else it has three parts. So `*` is every plain name, `shop/*/*` all of the namespace
`shop`, `*/*/*` everybody; an empty part matches an empty part alone.

Always: matching takes time linear in pattern times text, whatever the pattern; a `*` never
crosses a separator.
"""

from __future__ import annotations

import re
from functools import lru_cache

from airssys_wasm.components.identity import ComponentId

_PART_CHARACTERS = re.compile(r"[a-z0-9*._-]*\Z")


def name_pattern_problem(pattern: str) -> str | None:
    """Why `pattern` can't be a pattern of names; None when it can.

    >>> name_pattern_problem("shop/*")
    "write 'name' or 'namespace/name/instance', with '*' where anything may stand"
    """
    parts = pattern.split("/")
    if len(parts) not in (1, 3) or (len(parts) == 3 and not parts[1]) or not pattern:
        return "write 'name' or 'namespace/name/instance', with '*' where anything may stand"
    if not all(_PART_CHARACTERS.match(part) for part in parts):
        return "use a-z, 0-9, '.', '_', '-' and '*'"
    return None


def matches_name(pattern: str, target: ComponentId) -> bool:
    """Whether the grant `pattern` is about `target`.

    >>> matches_name("price*", ComponentId("", "prices", ""))
    True
    >>> matches_name("*", ComponentId("shop", "prices", ""))
    False
    """
    wanted = pattern.split("/")
    if len(wanted) == 1:
        wanted = ["", pattern, ""]
    return all(map(_matches_part, wanted, target))


def covers_topic(pattern: str, topic: str) -> bool:
    """Whether `pattern` is about every topic that `topic`, itself a pattern, stands for.

    >>> covers_topic("orders.>", "orders.eu.created"), covers_topic("orders.*", "orders.>")
    (True, False)
    """
    wide, narrow = pattern.split("."), topic.split(".")
    for place, token in enumerate(wide):
        if token == ">":
            return len(narrow) > place
        if place >= len(narrow) or narrow[place] == ">":
            return False
        if token != "*" and token != narrow[place]:
            return False
    return len(wide) == len(narrow)


def _matches_part(pattern: str, part: str) -> bool:
    if "*" not in pattern:
        return pattern == part
    pieces = _pieces(pattern)
    first, last = pieces[0], pieces[-1]
    if len(part) < len(first) + len(last) or not part.startswith(first) or not part.endswith(last):
        return False
    # Each piece at its first place: if any arrangement fits, this one does.
    place, end = len(first), len(part) - len(last)
    for piece in pieces[1:-1]:
        place = part.find(piece, place, end)
        if place < 0:
            return False
        place += len(piece)
    return True


@lru_cache(maxsize=1024)
def _pieces(pattern: str) -> tuple[str, ...]:
    return tuple(pattern.split("*"))
