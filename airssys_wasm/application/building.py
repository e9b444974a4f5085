"""Acts: makes the supervision tree that a configuration describes. Imports the actors' modules.

Nothing is started here; the result is a description like one written by hand.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from inspect import iscoroutinefunction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airssys_wasm.components import Component
from airssys_wasm.config import (
    ActorConfig,
    ComponentConfig,
    MailboxConfig,
    SubscriptionConfig,
    SupervisorChild,
    SupervisorConfig,
)
from airssys_wasm.config.modules import import_module
from airssys_wasm.kernel import Actor, ActorRef, Mailbox
from airssys_wasm.kernel.posting import kernel_of
from airssys_wasm.supervision import ChildSpec, Supervisor

if TYPE_CHECKING:
    from airssys_wasm.application.system import ActorSystem


@dataclass(frozen=True, slots=True)
class ConfiguredActor:
    """A behaviour with the arguments of its configuration, made anew for each incarnation."""

    config: ActorConfig
    make: Callable[..., Actor[Any]]

    @property
    def label(self) -> str:
        return self.config.id

    def incarnate(self) -> Actor[Any]:
        args, keywords = self.config.arguments()
        return self.make(*args, **keywords)


def supervisor_of(config: SupervisorConfig, directory: Path, label: str = "root") -> Supervisor:
    """The supervisor that `config` describes; `directory` is where the tree file lies.

    Raises what importing an actor's module raises.
    """
    children = [_child(child, directory) for child in config.children]
    return Supervisor(
        strategy=config.strategy,
        intensity=config.intensity,
        period=config.period,
        auto_shutdown=config.auto_shutdown,
        children=children,
        label=label,
    )


def _child(config: ActorConfig | ComponentConfig | SupervisorChild, directory: Path) -> ChildSpec:
    start: Any
    mailbox: Mailbox | None = None
    attach: Callable[[ActorRef[Any]], None] | None = None
    if isinstance(config, SupervisorChild):
        start = supervisor_of(config.supervisor, directory, config.id)
    else:
        start = _actor(config, directory) if isinstance(config, ActorConfig) else _component(config)
        mailbox = _mailbox(config.mailbox)
        if config.subscribe:
            attach = _attachment(config.subscribe, keep=config.mailbox.keep_on_restart)
    return ChildSpec(
        config.id,
        start,
        name=config.name,
        restart=config.restart,
        shutdown=config.shutdown,
        significant=config.significant,
        start_timeout=config.start_timeout,
        mailbox=mailbox,
        attach=attach,
    )


def _actor(config: ActorConfig, directory: Path) -> Any:
    module, _, attribute = config.actor.partition(":")
    behaviour: Any = reduce(getattr, attribute.split("."), import_module(directory, module))
    if not iscoroutinefunction(behaviour):
        return ConfiguredActor(config, behaviour)

    async def process(inbox: Any) -> None:
        args, keywords = config.arguments()
        await behaviour(inbox, *args, **keywords)

    process.__name__ = config.id
    return process


def _component(config: ComponentConfig) -> Component:
    return Component(
        config.component,
        config=config.config,
        env=config.env,
        limits=config.limits.bounds(),
        capabilities=config.capabilities.grants(),
        codec=config.codec,
        strict_imports=config.strict_imports,
        label=config.id,
    )


def _mailbox(config: MailboxConfig) -> Mailbox | None:
    mailbox = Mailbox(config.capacity, config.overflow, config.keep_on_restart, config.order)
    return None if mailbox == Mailbox() else mailbox


def _attachment(
    subscriptions: tuple[str | SubscriptionConfig, ...], *, keep: bool
) -> Callable[[ActorRef[Any]], None]:
    """Subscribes each incarnation; with a kept mailbox the subscriptions are kept as well."""

    def attach(ref: ActorRef[Any]) -> None:
        system: ActorSystem = kernel_of(ref).system  # type: ignore[assignment]  # composed so
        for entry in subscriptions:
            if isinstance(entry, str):
                system.broker.subscribe(entry, ref, lasting=keep)
            else:
                system.broker.subscribe(entry.topic, ref, group=entry.group, lasting=keep)

    return attach
