"""The blocks of settings that children of a tree have: mailboxes, limits, grants, restarts.

Pure. The keys of a tree file are the fields of these dataclasses, in the same words, and
their defaults are the defaults of the file. Durations are seconds, sizes bytes; YAML may
write them with units. The lines ``- `key`: …`` of a docstring describe the keys in editors.

What several kinds of children share stands in classes of its own. They have no slots, because
a child inherits from several of them.

Source: Erlang/OTP, supervisor(3), for the words and defaults of supervision.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, ClassVar, Literal, TypeAlias

from airssys_wasm.broker.durable_settings import DurableSettings
from airssys_wasm.components.engine.limits import Limits
from airssys_wasm.components.multicodec import MulticodecName
from airssys_wasm.config import words
from airssys_wasm.config.grants import NOTHING, CapabilitiesConfig, Pattern
from airssys_wasm.schema import (
    AtLeast,
    AtMost,
    Checked,
    Duration,
    MostItems,
    Named,
    Size,
    Verbatim,
)
from airssys_wasm.supervision.backoff import Backoff
from airssys_wasm.supervision.health import HealthCheck

Restart: TypeAlias = Literal["permanent", "transient", "temporary"]
Overflow: TypeAlias = Literal["block", "reject", "drop_new", "drop_old"]
Order: TypeAlias = Literal["fifo", "priority"]
Codec: TypeAlias = Literal["raw", "json", "msgpack", "cbor"]
RunsOn: TypeAlias = Literal["loop", "thread"]
WhileRestarting: TypeAlias = Literal["fail", "queue"]

Name: TypeAlias = Annotated[str, Checked(words.name, words.NAME)]
Shutdown: TypeAlias = Duration | Literal["infinity", "brutal_kill"]

# What Docker, Kubernetes and systemd call restart types.
_ELSEWHERE = (
    ("always", "permanent"),
    ("unless-stopped", "permanent"),
    ("on-failure", "transient"),
    ("OnFailure", "transient"),
    ("never", "temporary"),
    ("no", "temporary"),
)
_LIMITS = Limits()
_BACKOFF = Backoff()
_CHECK = HealthCheck()
_DURABLE = DurableSettings()


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxConfig:
    """How many messages may wait for an actor, and what happens to one too many.

    - `capacity`: the most messages that may wait; without it there is no bound.
    - `overflow`: a full mailbox lets the sender wait (`block`), refuses (`reject`), or drops the
      new message (`drop_new`) or the oldest (`drop_old`).
    - `keep_on_restart`: messages that wait when the actor dies go to its next incarnation.
    - `order`: `fifo`, or `priority`: what was sent with a higher priority is taken first.
    - `durable`: what is sent to the name is kept by the NATS server of the `engine` until it was
      handled; `capacity` then is how much the server keeps.
    - `max_deliver`: how often a message of a durable mailbox is tried before it is a dead letter.
    - `ack_wait`: how long the server waits for a node that is silent before it gives a message of a
      durable mailbox to another.
    - `max_in_flight`: how many messages of a durable mailbox the server gives to a node at once.
    """

    __noun__: ClassVar[str] = "a mailbox"

    capacity: Annotated[int, AtLeast(1)] | None = None
    overflow: Annotated[Overflow, Named("overflow policy")] = "block"
    keep_on_restart: bool = False
    order: Annotated[Order, Named("order")] = "fifo"
    durable: bool = False
    max_deliver: Annotated[int, AtLeast(1), AtMost(1_000)] = _DURABLE.max_deliver
    ack_wait: Annotated[Duration, AtLeast(0.1), AtMost(3600)] = _DURABLE.ack_wait
    max_in_flight: Annotated[int, AtLeast(1), AtMost(10_000)] = _DURABLE.max_in_flight

    def durable_settings(self) -> DurableSettings | None:
        """How the server is to keep it; None for an ordinary mailbox."""
        if not self.durable:
            return None
        return DurableSettings(
            max_deliver=self.max_deliver,
            ack_wait=self.ack_wait,
            max_in_flight=self.max_in_flight,
            capacity=self.capacity,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionConfig:
    """A subscription in which each message goes to one member of the group.

    - `topic`: a pattern of topics: `orders.*` for one token, `orders.>` for all that follow.
    - `group`: of its members each message goes to one.
    """

    __noun__: ClassVar[str] = "a subscription"

    topic: Pattern
    group: Name | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BackoffConfig:
    """How long a child waits before it is started again.

    - `initial`: the wait before the first restart.
    - `factor`: by how much each further wait is longer.
    - `max`: the longest wait.
    - `jitter`: by which share of itself a wait is longer or shorter by chance, 0 to 1.
    - `healthy_after`: a child that ran this long begins with the first wait again.
    """

    __noun__: ClassVar[str] = "a backoff"

    initial: Annotated[Duration, AtLeast(0.001)] = _BACKOFF.initial
    factor: Annotated[float, AtLeast(1), AtMost(1_000)] = _BACKOFF.factor
    max: Annotated[Duration, AtLeast(0.001)] = _BACKOFF.max
    jitter: Annotated[float, AtLeast(0), AtMost(1)] = _BACKOFF.jitter
    healthy_after: Duration = _BACKOFF.healthy_after

    def waits(self) -> Backoff:
        return Backoff(self.initial, self.factor, self.max, self.jitter, self.healthy_after)


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthConfig:
    """How a child is asked whether it is healthy; too many failures end it as a crash does.

    - `every`: the time between two checks.
    - `timeout`: how long an answer may take.
    - `threshold`: how many failures in a row are too many.
    """

    __noun__: ClassVar[str] = "a health check"

    every: Annotated[Duration, AtLeast(0.001)] = _CHECK.every
    timeout: Annotated[Duration, AtLeast(0.001)] = _CHECK.timeout
    threshold: Annotated[int, AtLeast(1)] = _CHECK.threshold

    def check(self) -> HealthCheck:
        return HealthCheck(self.every, self.timeout, self.threshold)


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsConfig:
    """Bounds of one incarnation of a component.

    - `memory`: of all its linear memories together.
    - `fuel`: a budget of instructions for each message; null for none.
    - `call`: time inside the guest for one message.
    - `call_total`: its time with waits; null for no bound.
    - `host_call`: time for one call of a host function.
    - `payload`: size of one message, either way.
    - `instances`: how many core instances it may be made of; null for as many as it has.
    - `tables`: how many tables it may have, of 4 MiB at the most; null for up to 32.
    """

    __noun__: ClassVar[str] = "a block of limits"

    memory: Annotated[Size, AtLeast(1)] = _LIMITS.memory
    fuel: Annotated[int, AtLeast(1)] | None = _LIMITS.fuel
    call: Annotated[Duration, AtLeast(0.001)] = _LIMITS.call
    call_total: Annotated[Duration, AtLeast(0.001)] | None = _LIMITS.call_total
    host_call: Annotated[Duration, AtLeast(0.001)] = _LIMITS.host_call
    payload: Annotated[Size, AtLeast(1)] = _LIMITS.payload
    instances: Annotated[int, AtLeast(1)] | None = _LIMITS.instances
    tables: Annotated[int, AtLeast(1)] | None = _LIMITS.tables

    def bounds(self) -> Limits:
        return Limits(
            memory=self.memory,
            fuel=self.fuel,
            call=self.call,
            call_total=self.call_total,
            host_call=self.host_call,
            payload=self.payload,
            instances=self.instances,
            tables=self.tables,
        )


@dataclass(frozen=True, kw_only=True)
class RestartSettings:
    """What happens at the start, the end and the restart of a child.

    - `restart`: `permanent`: it is always started again; `transient`: after a crash; `temporary`:
      never.
    - `shutdown`: how long an orderly stop may take before it is killed; `infinity`; `brutal_kill`
      does not ask.
    - `start_timeout`: how long its init may take.
    - `backoff`: waits before it is started again; null for none.
    - `while_restarting`: requests to it fail at once (`fail`) or wait for it (`queue`).
    """

    restart: Annotated[Restart, Named("restart type", _ELSEWHERE)] = "permanent"
    shutdown: Shutdown = 5.0
    start_timeout: Duration | Literal["infinity"] = "infinity"
    backoff: BackoffConfig | None = None
    while_restarting: WhileRestarting = "fail"


@dataclass(frozen=True, kw_only=True)
class WorkerSettings(RestartSettings):
    """What all children have that are no supervisors.

    - `health`: asks it at intervals whether it is healthy; null for never.
    - `mailbox`: how many messages may wait for it.
    """

    health: HealthConfig | None = None
    mailbox: MailboxConfig = MailboxConfig()


@dataclass(frozen=True, slots=True, kw_only=True)
class StandInConfig:
    """What runs in the place of a child in simulations, and only there.

    - `actor`: `module:Name` of the stand-in; the child's own actor unless this is given.
    - `args`: its arguments: a mapping by name, or a list.
    """

    __noun__: ClassVar[str] = "a stand-in"

    actor: Annotated[str, Checked(words.import_path, words.IMPORT_PATH), Verbatim()] | None = None
    args: Mapping[str, object] | tuple[object, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ComponentSettings:
    """How a component is run.

    - `limits`: bounds of memory, time and payloads.
    - `codec`: how Python values become payloads: `raw` (bytes), `json`, `msgpack`,
      `cbor` (the extra `cbor`).
    - `run`: `loop`, among all others; or `thread`, for one that computes for long.
    - `strict_imports`: an import of which nothing is granted is an error, no warning.
    """

    limits: LimitsConfig = LimitsConfig()
    codec: Annotated[Codec, Named("codec")] = "raw"
    run: Annotated[RunsOn, Named("way to run a component")] = "loop"
    strict_imports: bool = False


@dataclass(frozen=True, kw_only=True)
class DefaultsConfig(ComponentSettings, WorkerSettings):
    """Settings for all workers below: actors, components, and those of pools.

    What is nearer to a worker comes first, key by key. Supervisors take nothing from here.
    """

    __noun__: ClassVar[str] = "a block of defaults"


@dataclass(frozen=True, kw_only=True)
class ComponentWorker(ComponentSettings, WorkerSettings):
    """What runs as a WebAssembly component.

    - `component`: the path of its binary, from the directory of the file that names it.
    - `config`: handed to the component's `initialize`, as JSON.
    - `env`: its environment variables; nothing is inherited.
    - `capabilities`: what it may do; what is not here is denied.
    - `trusted`: it is compiled in the system's own process, without bounds.
    - `multicodec`: payloads begin with the code of their codec, one of these; null: they do not.
    """

    component: Annotated[Path, Verbatim()]
    config: Mapping[str, object] | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    capabilities: Annotated[CapabilitiesConfig, Verbatim()] = NOTHING
    trusted: Annotated[bool, Verbatim()] = False
    multicodec: (
        Annotated[tuple[Annotated[MulticodecName, Named("codec")], ...], MostItems(16)] | None
    ) = None


@dataclass(frozen=True, kw_only=True)
class ActorWorker(WorkerSettings):
    """What runs as Python.

    - `actor`: `module:Name` of a class or process function.
    - `args`: its arguments: a mapping by name, or a list.
    """

    actor: Annotated[str, Checked(words.import_path, words.IMPORT_PATH), Verbatim()]
    args: Mapping[str, object] | tuple[object, ...] = ()

    def arguments(self) -> tuple[tuple[object, ...], dict[str, object]]:
        """Positional and keyword arguments, copied, so that no incarnation can spoil the next's."""
        if isinstance(self.args, Mapping):
            return (), copy.deepcopy(dict(self.args))
        return copy.deepcopy(tuple(self.args)), {}
