"""Rules for single words of a tree file: ids, names, topics, import paths.

Pure. Each rule gives None, or what is wrong, to follow the quoted word; after `; ` what
would be right.

Source: the entry point grammar `module:attribute` of Python packaging; topics and component
ids are told in their own modules.
"""

from __future__ import annotations

import re

from airssys_wasm.broker.errors import TopicError
from airssys_wasm.broker.topic import parse_pattern
from airssys_wasm.components.identity import InvalidId, parse_id
from airssys_wasm.components.security.pattern import name_pattern_problem

LONGEST_NAME = 200

# What right texts look like, roughly: for the JSON Schema alone. In the dialect of ECMA-262.
NAME = r"^\S{1,200}$"
TOPIC_PATTERN = r"^(>|(\*|[^\s.*>]+)(\.(\*|[^\s.*>]+))*(\.>)?)$"
_WORD = r"[^\s:.,;/\\()\[\]-]+"
IMPORT_PATH = rf"^(?=.{{1,200}}$)(?!\d){_WORD}(\.{_WORD})*:{_WORD}(\.{_WORD})*$"
NATS_URL = r"^(nats|tls|ws|wss)://[^\s/]+/?$"
NODE_NAME = r"^[A-Za-z0-9_-]{1,200}$"
LABEL = r"^\S{1,200}$"
_IMPORT_PATH = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*\Z")


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
    >>> component_name("shop/prices")
    "is not a component id; write 'name' or 'namespace/name/instance'"
    """
    try:
        parse_id(text)
    except InvalidId as error:
        return f"is not a component id; {error.why}"
    return None


def name_pattern(text: str) -> str | None:
    """Why `text` is no pattern over names.

    >>> name_pattern("price*") is None
    True
    """
    problem = name_pattern_problem(text)
    return f"is not a pattern of names; {problem}" if problem is not None else None


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


def nats_url(text: str) -> str | None:
    """Why `text` is not where a NATS server listens.

    >>> nats_url("nats://10.0.0.5:4222") is None
    True
    >>> nats_url("10.0.0.5")
    'is not the URL of a NATS server; write nats://10.0.0.5:4222'
    """
    if re.match(NATS_URL, text):
        return None
    host = re.sub(r"^[a-z]*:?/*", "", text) if "://" in text else text
    plain = re.fullmatch(r"[\w.-]+(:\d+)?/?", host)
    right = (host.rstrip("/") if ":" in host else f"{host}:4222") if plain else "HOST:4222"
    return f"is not the URL of a NATS server; write nats://{right}"


def node_name(text: str) -> str | None:
    """Why a node cannot have this name.

    >>> node_name("shop 1")
    "is not of letters, digits, '_' and '-'; write 'shop-1'"
    """
    if re.match(NODE_NAME, text):
        return None
    if len(text) > LONGEST_NAME:
        return f"is longer than {LONGEST_NAME} characters"
    right = re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-") or "node-1"
    return f"is not of letters, digits, '_' and '-'; write {right!r}"


def bucket(text: str) -> str | None:
    """Why a bucket of keys cannot have this name: as for nodes."""
    return node_name(text)


def label(text: str) -> str | None:
    """Why this is no value of a label: as for names."""
    return name(text)
