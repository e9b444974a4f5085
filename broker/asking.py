"""Acts: asks one of those who subscribed to a topic, on whichever node."""

from __future__ import annotations

import asyncio
from asyncio import Future
from typing import TYPE_CHECKING, Any

from airssys_wasm.broker.delivery import Published, Receiver, Seat
from airssys_wasm.broker.errors import NoResponders
from airssys_wasm.kernel.errors import RequestTimeout
from airssys_wasm.kernel.posting import post_request
from airssys_wasm.kernel.ref import ActorRef

if TYPE_CHECKING:
    from airssys_wasm.broker.shared_topics import SharedTopics
    from airssys_wasm.broker.subscriptions import Subscriptions


class Asking:
    """Requests to the topics of one node."""

    def __init__(self, subscriptions: Subscriptions[Receiver]) -> None:
        self._subscriptions = subscriptions

    async def request(
        self, published: Published, timeout: float | None, elsewhere: SharedTopics | None
    ) -> Any:
        """See `Broker.request`."""
        tried: set[str] = set()  # nodes, looked up only
        began = asyncio.timeout(timeout)
        try:
            async with began:
                while True:
                    who, group = self._responder(published.topic, tried)
                    if isinstance(who, ActorRef):
                        return await who.request(published, None)
                    assert elsewhere is not None
                    tried.add(who)
                    try:
                        return await elsewhere.ask(who, group, published)
                    except NoResponders:
                        continue  # they have left meanwhile, or are all streams
        except TimeoutError:
            if not began.expired():
                raise
            raise RequestTimeout(published.topic, timeout or 0.0) from None

    def here(self, published: Published, group: str | None) -> Future[Any]:
        """Ask an actor of this node. Raises NoResponders, ActorExited, MailboxFull."""
        actor = self._actor(published.topic, group)
        if actor is None:
            raise NoResponders(published.topic)
        return post_request(actor, published)

    def _responder(self, topic: str, tried: set[str]) -> tuple[ActorRef[Any] | str, str | None]:
        """An actor, or the node of one, with its group."""
        route = self._subscriptions.resolve(topic)
        for choice in route.choices:
            for _ in choice.members:
                member = choice.next()
                if isinstance(member, ActorRef):
                    return member, None
                if isinstance(member, Seat) and member.node not in tried:
                    return member.node, choice.group
        actor = self._actor(topic, None)
        if actor is not None:
            return actor, None
        for node in route.far:
            if node not in tried:
                return node, None
        raise NoResponders(topic)

    def _actor(self, topic: str, group: str | None) -> ActorRef[Any] | None:
        """The next one of a group here, or the first without one."""
        route = self._subscriptions.resolve(topic)
        if group is None:
            return next((r for r in route.receivers if isinstance(r, ActorRef)), None)
        for choice in route.choices:
            if choice.group == group:
                member = choice.near()
                return member if isinstance(member, ActorRef) else None
        return None
