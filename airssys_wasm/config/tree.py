"""What an application is made of, as values.

Pure. The keys of a tree file are the fields of these dataclasses, in the same words, and
their defaults are the defaults of the file. Durations are seconds, sizes bytes; YAML may
write them with units.

Source: Erlang/OTP, supervisor(3), for the words and defaults of supervision.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar, Literal, TypeAlias

from airssys_wasm.components.engine.limits import Limits
from airssys_wasm.components.security.capability import (
    DEFAULT_QUOTA,
    Capabilities,
    MessagingGrant,
    StorageGrant,
)
from airssys_wasm.config import words
from airssys_wasm.schema import (
    AtLeast,
    AtMost,
    Checked,
    Duration,
    KindByKey,
    MostItems,
    Named,
    Size,
    Verbatim,
)

Strategy: TypeAlias = Literal["one_for_one", "one_for_all", "rest_for_one"]
AutoShutdown: TypeAlias = Literal["never", "any_significant", "all_significant"]
Restart: TypeAlias = Literal["permanent", "transient", "temporary"]
Overflow: TypeAlias = Literal["block", "reject", "drop_new", "drop_old"]
Order: TypeAlias = Literal["fifo", "priority"]
Codec: TypeAlias = Literal["raw", "json", "msgpack"]
EnginePath: TypeAlias = Literal["auto", "fast", "slow"]

Name: TypeAlias = Annotated[str, Checked(words.name)]
NamePattern: TypeAlias = Annotated[str, Checked(words.name_pattern)]
Pattern: TypeAlias = Annotated[str, Checked(words.topic_pattern)]
Shutdown: TypeAlias = Duration | Literal["infinity", "brutal_kill"]

SAME_AS_ID = "\0id"  # no name can be this: it stands for a key `name` that is not there
_LIMITS = Limits()


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxConfig:
    """How many messages may wait for an actor, and what happens to one too many."""

    __noun__: ClassVar[str] = "a mailbox"

    capacity: Annotated[int, AtLeast(1)] | None = None
    overflow: Annotated[Overflow, Named("overflow policy")] = "block"
    keep_on_restart: bool = False
    order: Annotated[Order, Named("order")] = "fifo"


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionConfig:
    """A subscription in which each message goes to one member of the group."""

    __noun__: ClassVar[str] = "a subscription"

    topic: Pattern
    group: Name | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildConfig:
    """What all children have. `name` is the id unless it is given; None registers nothing."""

    __noun__: ClassVar[str] = "a child"

    id: Name
    name: Name | None = SAME_AS_ID
    restart: Annotated[Restart, Named("restart type")] = "permanent"
    shutdown: Shutdown = 5.0
    significant: bool = False
    start_timeout: Duration | Literal["infinity"] = "infinity"

    def __post_init__(self) -> None:
        if self.name == SAME_AS_ID:
            object.__setattr__(self, "name", self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActorConfig(ChildConfig):
    """A child written in Python. `actor` is `module:Name` of a class or process function."""

    __noun__: ClassVar[str] = "an actor child"

    actor: Annotated[str, Checked(words.import_path), Verbatim()]
    args: Mapping[str, object] | tuple[object, ...] = ()
    mailbox: MailboxConfig = MailboxConfig()
    subscribe: Annotated[tuple[Pattern | SubscriptionConfig, ...], MostItems(256)] = ()

    def arguments(self) -> tuple[tuple[object, ...], dict[str, object]]:
        """Positional and keyword arguments, copied, so that no incarnation can spoil the next's."""
        if isinstance(self.args, Mapping):
            return (), copy.deepcopy(dict(self.args))
        return copy.deepcopy(tuple(self.args)), {}


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsConfig:
    """Bounds of one incarnation of a component; what they mean is told at `Limits`."""

    __noun__: ClassVar[str] = "limits"

    memory: Annotated[Size, AtLeast(1)] = _LIMITS.memory
    fuel: Annotated[int, AtLeast(1)] | None = _LIMITS.fuel
    call: Annotated[Duration, AtLeast(0.001)] = _LIMITS.call
    call_total: Annotated[Duration, AtLeast(0.001)] | None = _LIMITS.call_total
    host_call: Annotated[Duration, AtLeast(0.001)] = _LIMITS.host_call
    payload: Annotated[Size, AtLeast(1)] = _LIMITS.payload

    def bounds(self) -> Limits:
        return Limits(
            memory=self.memory,
            fuel=self.fuel,
            call=self.call,
            call_total=self.call_total,
            host_call=self.host_call,
            payload=self.payload,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagingConfig:
    """Whom a component may send to and ask, and where it may publish and subscribe."""

    __noun__: ClassVar[str] = "a messaging grant"

    send: Annotated[tuple[NamePattern, ...], MostItems(256)] = ()
    request: Annotated[tuple[NamePattern, ...], MostItems(256)] = ()
    publish: Annotated[tuple[Pattern, ...], MostItems(256)] = ()
    subscribe: Annotated[tuple[Pattern, ...], MostItems(256)] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageConfig:
    """A key-value space of a component's own; `namespace` is the component's id by default."""

    __noun__: ClassVar[str] = "a storage grant"

    access: Annotated[Literal["read", "read-write"], Named("kind of access")] = "read"
    quota: Annotated[Size, AtLeast(1)] = DEFAULT_QUOTA
    namespace: Annotated[str, Checked(words.component_name)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CapabilitiesConfig:
    """What a component may do. What is not here is denied."""

    __noun__: ClassVar[str] = "this block"

    messaging: MessagingConfig = MessagingConfig()
    storage: StorageConfig | None = None

    def grants(self) -> Capabilities:
        storage = self.storage
        return Capabilities(
            MessagingGrant(
                self.messaging.send,
                self.messaging.request,
                self.messaging.publish,
                self.messaging.subscribe,
            ),
            StorageGrant(storage.access, storage.quota, storage.namespace) if storage else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentConfig(ChildConfig):
    """A child that is a WebAssembly component. `component` is the path of its binary."""

    __noun__: ClassVar[str] = "a component child"

    component: Annotated[Path, Verbatim()]
    config: Mapping[str, object] | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    limits: LimitsConfig = LimitsConfig()
    capabilities: Annotated[CapabilitiesConfig, Verbatim()] = CapabilitiesConfig()
    codec: Annotated[Codec, Named("codec")] = "raw"
    strict_imports: bool = False
    mailbox: MailboxConfig = MailboxConfig()
    subscribe: Annotated[tuple[Pattern | SubscriptionConfig, ...], MostItems(256)] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisorConfig:
    """Children that are kept alive together."""

    __noun__: ClassVar[str] = "a supervisor"

    strategy: Annotated[Strategy, Named("strategy")] = "one_for_one"
    intensity: Annotated[int, AtLeast(0)] = 1
    period: Annotated[Duration, AtLeast(0.001)] = 5.0
    auto_shutdown: Annotated[AutoShutdown, Named("kind of automatic shutdown")] = "never"
    children: tuple[Child, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisorChild(ChildConfig):
    """A child that is a supervisor itself."""

    __noun__: ClassVar[str] = "a supervisor child"

    supervisor: SupervisorConfig
    shutdown: Shutdown = "infinity"


Child: TypeAlias = Annotated[
    ActorConfig | ComponentConfig | SupervisorChild,
    KindByKey(("actor", "component", "supervisor"), "a child"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentsConfig:
    """How the system runs components: which path, where compiled code is kept, how large a stack.

    `cache` is a directory, "default" the user's cache directory, None no cache on disk; a
    `stack` of None is the engine's own default.
    """

    __noun__: ClassVar[str] = "this block"

    path: Annotated[EnginePath, Named("engine path")] = "auto"
    cache: Path | Literal["default"] | None = "default"
    stack: Annotated[Size, AtLeast(64 * 1024), AtMost(2 * 1024 * 1024)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeConfig(SupervisorConfig):
    """A whole application: the root supervisor and the settings of the system."""

    __noun__: ClassVar[str] = "a tree file"

    version: Annotated[Literal[1], Named("version of the tree format")]
    name: Name
    components: ComponentsConfig = ComponentsConfig()


def walk(supervisor: SupervisorConfig) -> Iterator[ActorConfig | ComponentConfig | SupervisorChild]:
    """All children of a tree, in the order of the file."""
    for child in supervisor.children:
        yield child
        if isinstance(child, SupervisorChild):
            yield from walk(child.supervisor)
