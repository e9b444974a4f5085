"""What can be asked of a running component beside its own messages, and the answers.

Ask with `request`: `await ref.request(HealthCheck())`. Like any message they wait in the mailbox.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from airssys_wasm.components.engine.guest_text import shown

MAX_METADATA = 256  # bytes of one text of `metadata`, which goes into lists and tables


@dataclass(frozen=True, slots=True)
class HealthCheck:
    """Calls `health`; the answer is healthy, degraded, unhealthy or unknown."""


@dataclass(frozen=True, slots=True)
class MetadataRequest:
    """Answered with `ComponentMetadata`, as the component gave it when it started."""


@dataclass(frozen=True, slots=True)
class StatisticsRequest:
    """Answered with `ComponentStatistics`."""


OWN_QUESTIONS = frozenset({HealthCheck, MetadataRequest, StatisticsRequest})


@dataclass(frozen=True, slots=True)
class ComponentMetadata:
    """What a component says of itself; texts are bounded and have no control characters."""

    name: str
    version: str
    description: str
    author: str
    license: str
    supported_operations: tuple[str, ...]
    stateful: bool


def metadata_of(record: Any) -> ComponentMetadata:
    """What `metadata` returned."""
    name, version, description, author, license, operations, stateful = record
    return ComponentMetadata(
        shown(name, MAX_METADATA),
        shown(version, MAX_METADATA),
        shown(description, MAX_METADATA),
        shown(author, MAX_METADATA),
        shown(license, MAX_METADATA),
        tuple(shown(operation, MAX_METADATA) for operation in operations[:MAX_METADATA]),
        stateful,
    )


@dataclass(frozen=True, slots=True)
class ComponentStatistics:
    """Counts of one incarnation. Memory in bytes, None where the engine does not know it.

    `errors` are messages and callbacks that it answered with an error, and messages that could not
    be given to it; `pending` its requests without a callback yet. `calls` are those of its exports,
    `seconds` what its guest ran in them, waits not counted, and `fuel` what the last one used.
    `memory_limit` is its bound; `traps` are the incarnations before it, under its name, that ended
    with a trap or a limit.
    """

    messages: int
    callbacks: int
    errors: int
    pending: int
    host_calls: int
    denials: int
    log_records_dropped: int
    memory_used: int | None
    memory_peak: int | None
    calls: int = 0
    seconds: float = 0.0
    fuel: int | None = None
    traps: int = 0
    memory_limit: int = 0
