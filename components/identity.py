"""Who a component is: a namespace, a name and an instance, and how they are written as one name.

Pure. Always:
  - a name and an id are one to one: what is written is what was read;
  - ids are compared part by part, never as joined text;
  - no component is in the namespace `topic`, so that nobody can pass for a publication.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from airssys_wasm.kernel.errors import AirssysError

TOPIC = "topic"

_PART = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}\Z")
_ALLOWED = "1 to 64 of a-z, 0-9, '.', '_' and '-', the first a letter or digit"


class ComponentId(NamedTuple):
    """The id of an actor as components see it; a plain tuple to the engine.

    >>> str(ComponentId("", "prices", "")), str(ComponentId("shop", "prices", ""))
    ('prices', 'shop/prices/')
    """

    namespace: str
    name: str
    instance: str

    def __str__(self) -> str:
        if not self.namespace and not self.instance:
            return self.name
        return f"{self.namespace}/{self.name}/{self.instance}"


class InvalidId(AirssysError, ValueError):
    """A text or three parts that are no component id; `why` says which rule they break."""

    def __init__(self, text: str, why: str) -> None:
        super().__init__(f"{text!r} is no component id: {why}")
        self.text = text
        self.why = why


NOBODY = ComponentId("", "", "")
"""The sender of what no named actor sent."""


def parse_id(name: str) -> ComponentId:
    """The id that an actor's registered name stands for. Raises InvalidId.

    >>> parse_id("prices")
    ComponentId(namespace='', name='prices', instance='')
    >>> parse_id("shop/prices/eu")
    ComponentId(namespace='shop', name='prices', instance='eu')
    """
    parts = name.split("/")
    if len(parts) == 1:
        parts = ["", name, ""]
    elif len(parts) != 3:
        raise InvalidId(name, "write 'name' or 'namespace/name/instance'")
    elif not parts[0] and not parts[2]:
        raise InvalidId(name, f"without namespace and instance it is written {parts[1]!r}")
    found = ComponentId(*parts)
    why = id_problem(found)
    if why is not None:
        raise InvalidId(name, why)
    return found


def id_problem(parts: ComponentId) -> str | None:
    """Which rule these parts break, None if they are an id.

    >>> id_problem(ComponentId("topic", "orders", ""))
    "the namespace 'topic' belongs to publications"
    """
    if not _PART.match(parts.name):
        return f"a name has {_ALLOWED}"
    if parts.namespace and not _PART.match(parts.namespace):
        return f"a namespace is empty, or has {_ALLOWED}"
    if parts.instance and not _PART.match(parts.instance):
        return f"an instance is empty, or has {_ALLOWED}"
    if parts.namespace == TOPIC:
        return f"the namespace {TOPIC!r} belongs to publications"
    return None


def sender_id(name: str | None) -> ComponentId:
    """The id under which an actor of this name sends; NOBODY if that is no id.

    >>> sender_id("ledger"), sender_id("The Ledger") == sender_id(None) == NOBODY
    (ComponentId(namespace='', name='ledger', instance=''), True)
    """
    if name is None:
        return NOBODY
    try:
        return parse_id(name)
    except InvalidId:
        return NOBODY


def publication_id(topic: str) -> ComponentId:
    """The sender of what was published to `topic`: the one exception to the grammar."""
    return ComponentId(TOPIC, topic, "")
