"""Actors whose behaviour is a WebAssembly component."""

from airssys_wasm.components.cbor import CodecUnavailable
from airssys_wasm.components.component import Component
from airssys_wasm.components.engine.limits import Limits
from airssys_wasm.components.engine.traps import Limit, Trap
from airssys_wasm.components.errors import (
    ComponentError,
    ComponentInvalid,
    EngineUnavailable,
    PayloadTooLarge,
)
from airssys_wasm.components.identity import ComponentId, InvalidId
from airssys_wasm.components.imports import UngrantedImports
from airssys_wasm.components.message import ComponentMessage, MessageMetadata
from airssys_wasm.components.payload import PayloadError
from airssys_wasm.components.questions import (
    ComponentMetadata,
    ComponentStatistics,
    HealthCheck,
    MetadataRequest,
    StatisticsRequest,
)
from airssys_wasm.components.security.capability import Capabilities, MessagingGrant, StorageGrant
from airssys_wasm.components.security.quota import RateLimit
from airssys_wasm.components.storage.namespaces import NamespaceConflict
from airssys_wasm.components.storage.places import InMemory, InRocks, InSqlite

__all__ = [
    "Capabilities",
    "CodecUnavailable",
    "Component",
    "ComponentError",
    "ComponentId",
    "ComponentInvalid",
    "ComponentMessage",
    "ComponentMetadata",
    "ComponentStatistics",
    "EngineUnavailable",
    "HealthCheck",
    "InMemory",
    "InRocks",
    "InSqlite",
    "InvalidId",
    "Limit",
    "Limits",
    "MessageMetadata",
    "MessagingGrant",
    "MetadataRequest",
    "NamespaceConflict",
    "PayloadError",
    "PayloadTooLarge",
    "RateLimit",
    "StatisticsRequest",
    "StorageGrant",
    "Trap",
    "UngrantedImports",
]
