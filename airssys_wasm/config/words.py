"""Rules for single words of a tree file: ids, names, topics, import paths.

Pure. Each rule gives None, or what is wrong, to follow the quoted word; after `; ` what
would be right.

Source: the grammar of NATS subjects; the entry point grammar `module:attribute` of Python
packaging; the grammar of component ids.
"""

from __future__ import annotations

import re

from airssys_wasm.broker.errors import TopicError
from airssys_wasm.broker.topic import parse_pattern

LONGEST_NAME = 200
_IMPORT_PATH = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*\Z")
_ID_PART = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}\Z")


def name(text: str) -> str | None:
    """Why `text` cannot name an actor.

    >>> name("two words")
    'has white space in it'
    """
    if not text:
        return "is empty; give it a word"
    if any(character.isspace() for character in text):
        return "has white space in it"
    if not text.isprintable():
        return "has characters in it that cannot be printed"
    if len(text) > LONGEST_NAME:
        return f"is longer than {LONGEST_NAME} characters"
    return None


def component_name(text: str) -> str | None:
    """Why a component cannot have this name.

    >>> component_name("prices"), component_name("shop/prices/")
    (None, None)
    >>> component_name("Prices")
    "is not a component id; use a-z, 0-9, '.', '_' and '-', beginning with a letter or digit"
    """
    parts = text.split("/")
    if len(parts) == 1:
        parts = ["", text, ""]
    if len(parts) != 3:
        return "is not a component id; write 'name' or 'namespace/name/instance'"
    namespace, middle, instance = parts
    if all(_ID_PART.match(part) for part in (middle, namespace or "x", instance or "x")):
        return None
    allowed = "use a-z, 0-9, '.', '_' and '-', beginning with a letter or digit"
    return f"is not a component id; {allowed}"


def import_path(text: str) -> str | None:
    """Why `text` is no import path.

    >>> import_path("shop.store:Store") is None
    True
    >>> import_path("shop.store.Store")
    "is not an import path; did you mean 'shop.store:Store'?"
    """
    if len(text) > LONGEST_NAME:
        return f"is longer than {LONGEST_NAME} characters"
    if _IMPORT_PATH.match(text):
        return None
    module, _, attribute = text.rpartition(".")
    if _IMPORT_PATH.match(f"{module}:{attribute}"):
        return f"is not an import path; did you mean '{module}:{attribute}'?"
    path, _, attribute = text.partition(":")
    if path.endswith(".py"):
        module = path.removesuffix(".py").strip("./").replace("/", ".")
        return f"is not an import path; write {module}:{attribute or 'Name'}"
    return "is not an import path; write module:Name, as in shop.store:Store"


def topic_pattern(text: str) -> str | None:
    """Why `text` is no pattern over topics.

    >>> topic_pattern("orders.*.created"), topic_pattern("prices.>")
    (None, None)
    >>> topic_pattern("orders..created")
    'is not a topic pattern: token 2 is empty'
    """
    try:
        parse_pattern(text)
    except TopicError as error:
        return f"is not a topic pattern: token {error.position} {error.why}"
    return None


def covers(pattern: str, narrower: str) -> bool:
    """Whether every topic that `narrower` matches is matched by `pattern` too.

    >>> covers("orders.>", "orders.*.created"), covers("orders.*", "orders.>")
    (True, False)
    """
    wide, narrow = pattern.split("."), narrower.split(".")
    for number, token in enumerate(wide):
        if token == ">":
            return len(narrow) > number
        if number >= len(narrow) or narrow[number] == ">":
            return False
        if token != "*" and token != narrow[number]:
            return False
    return len(wide) == len(narrow)
