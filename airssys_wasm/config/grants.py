"""What a tree file grants its components.

Pure. The keys of a tree file are the fields of these dataclasses, as in `tree.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, TypeAlias

from airssys_wasm.components.security.capability import (
    DEFAULT_QUOTA,
    Capabilities,
    MessagingGrant,
    StorageGrant,
)
from airssys_wasm.config import words
from airssys_wasm.schema import AtLeast, Checked, MostItems, Named, Size

Pattern: TypeAlias = Annotated[str, Checked(words.topic_pattern, words.TOPIC_PATTERN)]
NamePattern: TypeAlias = Annotated[str, Checked(words.name_pattern, words.NAME)]


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagingConfig:
    """Whom a component may send to and ask, and where it may publish and subscribe.

    - `send`: names, or patterns of names, that it may send to.
    - `request`: names, or patterns of names, that it may ask.
    - `publish`: patterns of topics that it may publish to.
    - `subscribe`: patterns of topics that it may get messages of.
    """

    __noun__: ClassVar[str] = "a messaging grant"

    send: Annotated[tuple[NamePattern, ...], MostItems(256)] = ()
    request: Annotated[tuple[NamePattern, ...], MostItems(256)] = ()
    publish: Annotated[tuple[Pattern, ...], MostItems(256)] = ()
    subscribe: Annotated[tuple[Pattern, ...], MostItems(256)] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageConfig:
    """A key-value space of a component's own.

    - `access`: `read` or `read-write`.
    - `quota`: the most that it may keep.
    - `namespace`: whose space it is; its own name, or that of its pool, unless this is given.
    - `shared`: others may use the same space, if they say so as well.
    """

    __noun__: ClassVar[str] = "a storage grant"

    access: Annotated[Literal["read", "read-write"], Named("kind of access")] = "read"
    quota: Annotated[Size, AtLeast(1)] = DEFAULT_QUOTA
    namespace: Annotated[str, Checked(words.component_name, words.NAME)] | None = None
    shared: bool = False

    def grant(self) -> StorageGrant:
        return StorageGrant(self.access, self.quota, self.namespace, self.shared)


@dataclass(frozen=True, slots=True, kw_only=True)
class CapabilitiesConfig:
    """What a component may do. What is not here is denied.

    - `messaging`: whom it may send to and ask, and where it may publish and subscribe.
    - `storage`: a key-value space of its own.
    """

    __noun__: ClassVar[str] = "this block"

    messaging: MessagingConfig = MessagingConfig()
    storage: StorageConfig | None = None

    def grants(self) -> Capabilities:
        return Capabilities(
            MessagingGrant(
                self.messaging.send,
                self.messaging.request,
                self.messaging.publish,
                self.messaging.subscribe,
            ),
            None if self.storage is None else self.storage.grant(),
        )


NOTHING = CapabilitiesConfig()
