"""What an application is made of, and how YAML says it."""

from airssys_wasm.config.loading import Loaded, load, load_text
from airssys_wasm.config.surroundings import FoundActor, FoundComponent, Missing, Surroundings
from airssys_wasm.config.tree import (
    ActorConfig,
    Capabilities,
    Child,
    ChildConfig,
    ComponentConfig,
    ComponentsConfig,
    LimitsConfig,
    MailboxConfig,
    MessagingGrant,
    StorageGrant,
    SubscriptionConfig,
    SupervisorChild,
    SupervisorConfig,
    TreeConfig,
    walk,
)

__all__ = [
    "ActorConfig",
    "Capabilities",
    "Child",
    "ChildConfig",
    "ComponentConfig",
    "ComponentsConfig",
    "FoundActor",
    "FoundComponent",
    "LimitsConfig",
    "Loaded",
    "MailboxConfig",
    "MessagingGrant",
    "Missing",
    "StorageGrant",
    "SubscriptionConfig",
    "SupervisorChild",
    "SupervisorConfig",
    "Surroundings",
    "TreeConfig",
    "load",
    "load_text",
    "walk",
]
