"""What an application is made of, and how YAML says it."""

from airssys_wasm.config.loading import Loaded, load, load_text
from airssys_wasm.config.surroundings import FoundActor, FoundComponent, Missing, Surroundings
from airssys_wasm.config.tree import (
    ActorConfig,
    CapabilitiesConfig,
    Child,
    ChildConfig,
    ComponentConfig,
    ComponentsConfig,
    LimitsConfig,
    MailboxConfig,
    MessagingConfig,
    StorageConfig,
    SubscriptionConfig,
    SupervisorChild,
    SupervisorConfig,
    TreeConfig,
    walk,
)

__all__ = [
    "ActorConfig",
    "CapabilitiesConfig",
    "Child",
    "ChildConfig",
    "ComponentConfig",
    "ComponentsConfig",
    "FoundActor",
    "FoundComponent",
    "LimitsConfig",
    "Loaded",
    "MailboxConfig",
    "MessagingConfig",
    "Missing",
    "StorageConfig",
    "SubscriptionConfig",
    "SupervisorChild",
    "SupervisorConfig",
    "Surroundings",
    "TreeConfig",
    "load",
    "load_text",
    "walk",
]
