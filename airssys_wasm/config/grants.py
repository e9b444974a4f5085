"""What a tree file grants its components.

Pure. The keys of a tree file are the fields of these dataclasses, as in `tree.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, TypeAlias

from airssys_wasm.components.security.capability import (
    DEFAULT_QUOTA,
    Capabilities,
    MessagingGrant,
    StorageGrant,
)
from airssys_wasm.components.security.quota import UNBOUNDED, RateLimit
from airssys_wasm.config import words
from airssys_wasm.schema import AtLeast, Checked, MostItems, Named, Size

# Families that no host function asks for. To take a grant in silence would be a promise.
_WHY = "is not served yet: the host has no function that it would allow"
NOT_SERVED = {family: f"'{family}' {_WHY}" for family in ("filesystem", "network", "process")}

Pattern: TypeAlias = Annotated[str, Checked(words.topic_pattern, words.TOPIC_PATTERN)]
NamePattern: TypeAlias = Annotated[str, Checked(words.name_pattern, words.NAME)]


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRate:
    """How much a component may send, ask and publish a second.

    - `messages`: how many; each target of a broadcast is one.
    - `bytes`: of their payloads.
    """

    __noun__: ClassVar[str] = "a rate of messages"

    messages: Annotated[int, AtLeast(1)] | None = None
    bytes: Annotated[Size, AtLeast(1)] | None = None

    def limit(self) -> RateLimit:
        return RateLimit(self.messages, self.bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageRate:
    """How much a component may ask of its storage a second.

    - `operations`: how many calls.
    - `bytes`: of keys and values that it writes.
    """

    __noun__: ClassVar[str] = "a rate of operations"

    operations: Annotated[int, AtLeast(1)] | None = None
    bytes: Annotated[Size, AtLeast(1)] | None = None

    def limit(self) -> RateLimit:
        return RateLimit(self.operations, self.bytes)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagingConfig:
    """Whom a component may send to and ask, and where it may publish and subscribe.

    - `send`: names, or patterns of names, that it may send to.
    - `request`: names, or patterns of names, that it may ask.
    - `publish`: patterns of topics that it may publish to.
    - `subscribe`: patterns of topics that it may get messages of.
    - `spawn`: names, or patterns of names, of dynamic supervisors whose children it may start.
    - `rate`: how many messages and bytes a second; null for no bound.
    """

    __noun__: ClassVar[str] = "a messaging grant"

    send: Annotated[tuple[NamePattern, ...], MostItems(256)] = ()
    request: Annotated[tuple[NamePattern, ...], MostItems(256)] = ()
    publish: Annotated[tuple[Pattern, ...], MostItems(256)] = ()
    subscribe: Annotated[tuple[Pattern, ...], MostItems(256)] = ()
    spawn: Annotated[tuple[NamePattern, ...], MostItems(256)] = ()
    rate: MessageRate | None = None

    def grant(self) -> MessagingGrant:
        rate = UNBOUNDED if self.rate is None else self.rate.limit()
        return MessagingGrant(
            self.send, self.request, self.publish, self.subscribe, self.spawn, rate
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageConfig:
    """A key-value space of a component's own.

    - `access`: `read` or `read-write`.
    - `quota`: the most that it may keep.
    - `namespace`: whose space it is; its own name, or that of its pool, unless this is given.
    - `shared`: others may use the same space, if they say so as well.
    - `rate`: how many operations and bytes a second; null for no bound.
    """

    __noun__: ClassVar[str] = "a storage grant"

    access: Annotated[Literal["read", "read-write"], Named("kind of access")] = "read"
    quota: Annotated[Size, AtLeast(1)] = DEFAULT_QUOTA
    namespace: Annotated[str, Checked(words.component_name, words.NAME)] | None = None
    shared: bool = False
    rate: StorageRate | None = None

    def grant(self) -> StorageGrant:
        rate = UNBOUNDED if self.rate is None else self.rate.limit()
        return StorageGrant(self.access, self.quota, self.namespace, self.shared, rate)


@dataclass(frozen=True, slots=True, kw_only=True)
class CapabilitiesConfig:
    """What a component may do. What is not here is denied.

    - `messaging`: whom it may send to and ask, and where it may publish and subscribe.
    - `storage`: a key-value space of its own.
    - `time`: it may read the clocks of WASI, and wait by them.
    - `random`: it may have random numbers of WASI.
    """

    __noun__: ClassVar[str] = "this block"
    __reserved__: ClassVar[Mapping[str, str]] = NOT_SERVED

    messaging: MessagingConfig = MessagingConfig()
    storage: StorageConfig | None = None
    time: bool = False
    random: bool = False

    def grants(self) -> Capabilities:
        storage = None if self.storage is None else self.storage.grant()
        return Capabilities(self.messaging.grant(), storage, self.time, self.random)


NOTHING = CapabilitiesConfig()
