"""`${NAME}` and `${NAME:-default}` in text, replaced from the environment.

Pure: the environment is a mapping that is handed in. What was put in is not looked at
again. `$${` stands for `${`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_REFERENCE = re.compile(r"\$\$\{|\$\{(?:([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\})?")


@dataclass(frozen=True, slots=True)
class Replaced:
    """The text with its references replaced, or what is wrong with one of them."""

    text: str
    problem: str = ""
    hint: str = ""


def has_reference(text: str) -> bool:
    """Whether the text asks for something of the environment."""
    return any(found[0] != "$${" for found in _REFERENCE.finditer(text))


def replace(text: str, environment: Mapping[str, str]) -> Replaced:
    """The text as it is in this environment.

    >>> replace("${HOST:-localhost}:$${x}", {})
    Replaced(text='localhost:${x}', problem='', hint='')
    >>> replace("${PORT}", {}).problem
    'the environment has no PORT'
    """
    parts: list[str] = []
    end = 0
    for found in _REFERENCE.finditer(text):
        parts.append(text[end : found.start()])
        end = found.end()
        name, default = found[1], found[2]
        if found[0] == "$${":
            parts.append("${")
        elif name is None:
            hint = "write ${NAME}, ${NAME:-default}, or $${ for the characters themselves"
            return Replaced("", "'${' begins no reference to the environment", hint)
        elif environment.get(name) or (default is None and name in environment):
            if not _is_text(environment[name]):
                return Replaced("", f"{name} in the environment is not UTF-8")
            parts.append(environment[name])
        elif default is not None:
            parts.append(default)
        else:
            hint = f"set it, or write ${{{name}:-default}}"
            return Replaced("", f"the environment has no {name}", hint)
    return Replaced("".join([*parts, text[end:]]))


def _is_text(value: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in value)
