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
    ActorWorker,
    AnyChild,
    ComponentConfig,
    ComponentWorker,
    DynamicChild,
    HealthConfig,
    MailboxConfig,
    PoolChild,
    SubscriptionConfig,
    SupervisorChild,
    SupervisorConfig,
    walk,
)
from airssys_wasm.config.modules import import_module
from airssys_wasm.config.words import component_name
from airssys_wasm.kernel import Actor, ActorRef, Mailbox
from airssys_wasm.kernel.posting import kernel_of
from airssys_wasm.supervision import ChildSpec, DynamicSupervisor, Pool, Supervisor

if TYPE_CHECKING:
    from airssys_wasm.application.system import ActorSystem
    from airssys_wasm.broker.durable_settings import DurableSettings


@dataclass(frozen=True, slots=True)
class ConfiguredActor:
    """A behaviour with the arguments of its configuration, made anew for each incarnation."""

    config: ActorWorker
    make: Callable[..., Actor[Any]]
    label: str

    def __call__(self, *more: Any) -> Actor[Any]:
        """An actor; `more` are arguments that a dynamic supervisor was asked to start it with."""
        args, keywords = self.config.arguments()
        return self.make(*args, *more, **keywords)


def supervisor_of(config: SupervisorConfig, directory: Path, label: str = "root") -> Supervisor:
    """The supervisor that `config` describes; `directory` is where the tree file lies.

    Raises what importing an actor's module raises.
    """
    children = [child_of(child, directory) for child in config.children]
    return Supervisor(
        strategy=config.strategy,
        intensity=config.intensity,
        period=config.period,
        auto_shutdown=config.auto_shutdown,
        children=children,
        label=label,
    )


def child_of(config: AnyChild, directory: Path) -> ChildSpec:
    """The child that `config` describes.

    Raises what importing an actor's module raises.
    """
    start: Any
    mailbox: MailboxConfig | None = None
    attach: Callable[[ActorRef[Any]], None] | None = None
    health: HealthConfig | None = None
    keep = config.while_restarting == "queue"  # the mailbox goes from one to the next
    match config:
        case SupervisorChild():
            start = supervisor_of(config.supervisor, directory, config.id)
        case DynamicChild():
            start = _dynamic(config, directory)
        case PoolChild():
            start = _pool(config, directory)
            attach = _attachment(config.subscribe, keep=keep)
        case _:
            start = _behaviour(config, directory, config.id)
            mailbox, health = config.mailbox, config.health
            keep = keep or config.mailbox.keep_on_restart
            attach = _attachment(config.subscribe, keep=keep)
            if config.name is not None and config.mailbox.durable:
                attach = _fed(config.name, config.mailbox, attach)
    return ChildSpec(
        config.id,
        start,
        name=config.name,
        restart=config.restart,
        shutdown=config.shutdown,
        significant=config.significant,
        start_timeout=config.start_timeout,
        mailbox=_mailbox(mailbox),
        attach=attach,
        backoff=config.backoff.waits() if config.backoff else None,
        health=health.check() if health else None,
        while_restarting=config.while_restarting,
    )


def _dynamic(config: DynamicChild, directory: Path) -> DynamicSupervisor:
    return DynamicSupervisor(
        _template(config.dynamic, directory, config.id, config.name),
        max_children=config.dynamic.max_children,
        intensity=config.dynamic.intensity,
        period=config.dynamic.period,
        label=config.id,
    )


def _pool(config: PoolChild, directory: Path) -> Pool:
    return Pool(
        _template(config.pool, directory, config.id, config.name),
        size=config.pool.size,
        route=config.pool.route,
        key=config.pool.key,
        intensity=config.pool.intensity,
        period=config.pool.period,
        label=config.id,
    )


def _template(
    config: ActorWorker | ComponentWorker, directory: Path, label: str, pool: str | None
) -> ChildSpec:
    """What all children of a pool or a dynamic supervisor are like."""
    return ChildSpec(
        label,
        _behaviour(config, directory, label, pool),
        restart=config.restart,
        shutdown=config.shutdown,
        start_timeout=config.start_timeout,
        mailbox=_mailbox(config.mailbox),
        backoff=config.backoff.waits() if config.backoff else None,
        health=config.health.check() if config.health else None,
        while_restarting=config.while_restarting,
    )


def _behaviour(
    config: ActorWorker | ComponentWorker, directory: Path, label: str, pool: str | None = None
) -> Any:
    """What is started, with or without more arguments; `pool` is the name of its pool."""
    if isinstance(config, ComponentWorker):
        return _component(config, label, pool)
    module, _, attribute = config.actor.partition(":")
    behaviour: Any = reduce(getattr, attribute.split("."), import_module(directory, module))
    if not iscoroutinefunction(behaviour):
        return ConfiguredActor(config, behaviour, label)

    async def process(inbox: Any, *more: Any) -> None:
        args, keywords = config.arguments()
        await behaviour(inbox, *args, *more, **keywords)

    process.__name__ = label
    return process


def _component(config: ComponentWorker, label: str, pool: str | None) -> Component:
    named = pool is not None and component_name(pool) is None
    return Component(
        config.component,
        config=config.config,
        env=config.env,
        limits=config.limits.bounds(),
        capabilities=config.capabilities.grants(),
        codec=config.codec,
        multicodec=config.multicodec,
        run=config.run,
        strict_imports=config.strict_imports,
        trusted=config.trusted,
        pool=pool if named and config.capabilities.storage is not None else None,
        label=label,
    )


def _mailbox(config: MailboxConfig | None) -> Mailbox | None:
    if config is None or config.durable:
        return None  # what bounds a durable one is at the server
    mailbox = Mailbox(config.capacity, config.overflow, config.keep_on_restart, config.order)
    return None if mailbox == Mailbox() else mailbox


def _fed(
    name: str, mailbox: MailboxConfig, attach: Callable[[ActorRef[Any]], None] | None
) -> Callable[[ActorRef[Any]], None]:
    """Feeds each incarnation from the durable mailbox, beside what else is done for it."""
    settings = mailbox.durable_settings()
    assert settings is not None, "it is durable"

    def fed(ref: ActorRef[Any]) -> None:
        system: ActorSystem = kernel_of(ref).system  # type: ignore[assignment]  # composed so
        system.feed_durable(name, settings, ref)
        if attach is not None:
            attach(ref)

    return fed


def durable_mailboxes(config: SupervisorConfig) -> dict[str, DurableSettings]:
    """The names in a tree that have durable mailboxes, and how those are to be."""
    found = {}
    for child in walk(config):
        if isinstance(child, ActorConfig | ComponentConfig) and child.name is not None:
            settings = child.mailbox.durable_settings()
            if settings is not None:
                found[child.name] = settings
    return found


def _attachment(
    subscriptions: tuple[str | SubscriptionConfig, ...], *, keep: bool
) -> Callable[[ActorRef[Any]], None] | None:
    """Subscribes each incarnation; with a kept mailbox the subscriptions are kept as well."""
    if not subscriptions:
        return None

    def attach(ref: ActorRef[Any]) -> None:
        system: ActorSystem = kernel_of(ref).system  # type: ignore[assignment]  # composed so
        for entry in subscriptions:
            if isinstance(entry, str):
                system.broker.subscribe(entry, ref, lasting=keep)
            else:
                system.broker.subscribe(entry.topic, ref, group=entry.group, lasting=keep)

    return attach
