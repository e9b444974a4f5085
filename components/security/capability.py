"""What a component may do: nothing but what its grants say.

Pure. A denial says what was asked, of whom, and which line of the tree file would have allowed it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from airssys_wasm.broker.topic import parse_pattern
from airssys_wasm.components.identity import ComponentId, parse_id
from airssys_wasm.components.security.pattern import (
    covers_topic,
    matches_name,
    name_pattern_problem,
)
from airssys_wasm.components.security.quota import UNBOUNDED, RateLimit

Action = Literal[
    "send", "request", "spawn", "publish", "subscribe", "read", "write", "time", "random"
]
Access = Literal["read", "read-write"]

DEFAULT_QUOTA = 10 * 1024 * 1024  # bytes; ten values of the largest size

_DOING: dict[Action, str] = {
    "send": "send to",
    "request": "ask",
    "spawn": "spawn what is installed as",
    "publish": "publish to",
    "subscribe": "subscribe to",
    "read": "read",
    "write": "write to",
    "time": "read the time by",
    "random": "take randomness from",
}


def _patterns(field: str, given: object) -> tuple[str, ...]:
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise TypeError(f"messaging.{field}: write a list of patterns, not {given!r}")
    for pattern in given:
        if not isinstance(pattern, str):
            raise TypeError(f"messaging.{field}: {pattern!r} is no pattern")
    return tuple(given)


@dataclass(frozen=True, slots=True)
class MessagingGrant:
    """Whom it may send to and ask, by patterns of names; where it may publish and subscribe, by
    patterns of topics; of which dynamic supervisors it may start children, by patterns of names.
    What the patterns mean is told in `pattern.py`. `rate` bounds what one incarnation sends, asks
    and publishes: each target is a message of its own.

    Raises ValueError for what is no pattern, TypeError for what is no list of them.
    """

    send: Sequence[str] = ()
    request: Sequence[str] = ()
    publish: Sequence[str] = ()
    subscribe: Sequence[str] = ()
    spawn: Sequence[str] = ()
    rate: RateLimit = UNBOUNDED

    def __post_init__(self) -> None:
        for field in ("send", "request", "spawn"):
            patterns = _patterns(field, getattr(self, field))
            for pattern in patterns:
                problem = name_pattern_problem(pattern)
                if problem is not None:
                    raise ValueError(f"messaging.{field}: {pattern!r} is no pattern: {problem}")
            object.__setattr__(self, field, patterns)
        for field in ("publish", "subscribe"):
            patterns = _patterns(field, getattr(self, field))
            for pattern in patterns:
                parse_pattern(pattern)
            object.__setattr__(self, field, patterns)


@dataclass(frozen=True, slots=True)
class StorageGrant:
    """A key-value space. `quota` is bytes of keys and values together; `namespace` is a component
    id as text, None for the id of the component itself. Several components use one namespace only
    when all of them say `shared`. `rate` bounds the operations of one incarnation, and the bytes of
    keys and values that it writes.
    """

    access: Access = "read"
    quota: int = DEFAULT_QUOTA
    namespace: str | None = None
    shared: bool = False
    rate: RateLimit = UNBOUNDED

    def __post_init__(self) -> None:
        if self.access not in ("read", "read-write"):
            raise ValueError(f"storage.access: {self.access!r} is not read or read-write")
        if isinstance(self.quota, bool) or not isinstance(self.quota, int):
            raise TypeError(f"storage.quota: {self.quota!r} is not a number of bytes")
        if self.quota < 1:
            raise ValueError(f"storage.quota: {self.quota} is less than 1 byte")
        if self.namespace is not None:
            parse_id(self.namespace)


@dataclass(frozen=True, slots=True)
class Capabilities:
    """All grants of one component.

    `time` and `random` are about clocks and randomness by the interfaces of WASI; the clock of
    `host-services` needs no grant.
    """

    messaging: MessagingGrant = MessagingGrant()
    storage: StorageGrant | None = None
    time: bool = False
    random: bool = False

    def reaches(self, target: ComponentId) -> bool:
        """Whether it may send to `target` or ask it, and so may know that it is there."""
        grant = self.messaging
        return any(matches_name(pattern, target) for pattern in (*grant.send, *grant.request))


@dataclass(frozen=True, slots=True)
class Denial:
    """A component asked for what it was not granted. `grant` is what to add, as YAML on one line.

    >>> print(denial(ComponentId("", "prices", ""), Capabilities(), "send", parse_id("ledger")))
    capability-denied: prices may not send to 'ledger'; add capabilities: {messaging: {send: \
["ledger"]}}
    """

    component: ComponentId
    action: Action
    target: str
    grant: str

    def __str__(self) -> str:
        who = str(self.component) or "this component"
        doing = _DOING[self.action]
        return f"capability-denied: {who} may not {doing} {self.target!r}; add {self.grant}"


def denial(
    component: ComponentId, capabilities: Capabilities, action: Action, target: ComponentId | str
) -> Denial | None:
    """Why `component` may not do this; None when it may.

    The target of `send`, `request` and `spawn` is an id, of `publish` and `subscribe` a topic (a
    pattern of topics to subscribe), of `read` and `write` the text `storage`, of `time` and
    `random` the interface.
    """
    if _granted(capabilities, action, target):
        return None
    asked = str(target)
    if action in ("time", "random"):
        grant = f"capabilities: {{{action}: true}}"
    elif action in ("read", "write"):
        access = "read-write" if action == "write" else "read"
        grant = f"capabilities: {{storage: {{access: {access}}}}}"
    else:
        grant = f"capabilities: {{messaging: {{{action}: [{json.dumps(asked)}]}}}}"
    return Denial(component, action, asked, grant)


def _granted(capabilities: Capabilities, action: Action, target: ComponentId | str) -> bool:
    messaging, storage = capabilities.messaging, capabilities.storage
    match action, target:
        case "send", ComponentId():
            return any(matches_name(pattern, target) for pattern in messaging.send)
        case "request", ComponentId():
            return any(matches_name(pattern, target) for pattern in messaging.request)
        case "spawn", ComponentId():
            return any(matches_name(pattern, target) for pattern in messaging.spawn)
        case "publish", str():
            return any(covers_topic(pattern, target) for pattern in messaging.publish)
        case "subscribe", str():
            return any(covers_topic(pattern, target) for pattern in messaging.subscribe)
        case "read", str():
            return storage is not None
        case "write", str():
            return storage is not None and storage.access == "read-write"
        case "time", str():
            return capabilities.time
        case "random", str():
            return capabilities.random
        case _:
            raise TypeError(f"{target!r} is not a thing to {_DOING[action]}")
