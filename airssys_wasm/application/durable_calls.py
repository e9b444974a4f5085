"""Acts: the durable mailboxes of a system: opened by name, closed with the system."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from airssys_wasm.kernel.registry import check_name

if TYPE_CHECKING:
    from airssys_wasm.broker.durable_settings import DurableSettings
    from airssys_wasm.broker.engine import Engine
    from airssys_wasm.broker.nats.durable_mailbox import DurableMailbox
    from airssys_wasm.broker.nats.durable_sender import Outgoing
    from airssys_wasm.broker.nodes.node import Node
    from airssys_wasm.kernel import ActorRef, Kernel


class DurableCalls:
    """`durable` of whatever has a kernel and is a node."""

    _mailboxes: dict[str, DurableMailbox] | None = None
    _outgoing: Outgoing | None = None
    _declared: Mapping[str, DurableSettings] | None = None

    @property
    def kernel(self) -> Kernel:
        """What runs the actors."""
        raise NotImplementedError

    @property
    def node(self) -> Node:
        """This system as one of several nodes."""
        raise NotImplementedError

    def durable(self, name: str, settings: DurableSettings | None = None) -> DurableMailbox:
        """The durable mailbox of the actor `name`, on whichever node that is; needs a NatsEngine.

        From now on what this node sends to `named(name)` goes there, too; requests, and what is
        sent to the ref of one incarnation, go to the actor itself. All nodes give one name the same
        settings. Asked again, it is the same mailbox. Never waits: it is made at the server as soon
        as that is reached.

        Raises RuntimeError without a NATS engine, ValueError for other settings than before.
        """
        from airssys_wasm.broker.durable_settings import DurableSettings
        from airssys_wasm.broker.nats.durable_mailbox import DurableMailbox
        from airssys_wasm.broker.nats.durable_sender import Outgoing
        from airssys_wasm.broker.nats.nats_engine import NatsEngine

        check_name(name)
        found = self._mailboxes.get(name) if self._mailboxes is not None else None
        if found is not None:
            if settings is not None and settings != found.settings:
                raise ValueError(f"{name!r} has a durable mailbox with {found.settings}")
            return found
        node = self.node
        if self._outgoing is None:
            self._outgoing = Outgoing()
        if not isinstance(node.engine, NatsEngine):
            raise RuntimeError(
                f"a durable mailbox is kept by a NATS server: {name!r} can't have one on a "
                f"{type(node.engine).__name__}; give the system engine=NatsEngine(...)"
            )
        mailbox = DurableMailbox(
            self.kernel,
            node.engine,
            node,
            name,
            settings or DurableSettings(),
            f"{node.name}.{node.life}",
            self._outgoing,
        )
        if self._mailboxes is None:
            self._mailboxes = {}
        self._mailboxes[name] = self.kernel.entrances[name] = mailbox
        return mailbox

    def declare_durable(self, mailboxes: Mapping[str, DurableSettings]) -> None:
        """Which names have durable mailboxes: opened before the root is started, by tree files."""
        self._declared = dict(mailboxes)

    def open_declared(self, engine: Engine) -> None:
        """Open those that were declared, where `engine` can keep them.

        With the engines of tests and simulations they are ordinary mailboxes.
        """
        if not self._declared:
            return
        try:
            from airssys_wasm.broker.nats.nats_engine import NatsEngine
        except ImportError:  # then `engine` is none
            return
        if isinstance(engine, NatsEngine):
            for name, settings in self._declared.items():
                self.durable(name, settings)

    def feed_durable(self, name: str, settings: DurableSettings, ref: ActorRef[Any]) -> None:
        """Feed `ref` from the durable mailbox `name`, with these settings from now on.

        Nothing where there is none: with the engines of tests and simulations, and without one.
        """
        found = self._mailboxes.get(name) if self._mailboxes is not None else None
        if found is not None:
            found.adjust(settings)
            found.feed(ref)

    async def close_mailboxes(self) -> None:
        """Close all of them; the actors have ended."""
        mailboxes = (self._mailboxes or {}).values()
        await asyncio.gather(*(mailbox.close() for mailbox in mailboxes))
