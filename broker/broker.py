"""Acts: publishes to those who subscribed, within one node.

    publish(topic) ── cached route ──► send to each receiver ──► its mailbox
                      └ else the trie  full: dead letter, and the next one
    nobody: dead letter

A publication is handed to all its receivers in one synchronous step, and a mailbox keeps its order:
so what one publisher publishes reaches one subscriber in that order. A subscription is gone in the
step in which the names of its actor are freed, before anyone learns of the death.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from anyio.abc import ObjectReceiveStream

from airssys_wasm.broker.delivery import (
    NO_HEADERS,
    Published,
    Receiver,
    Route,
    frozen_headers,
)
from airssys_wasm.broker.stream import StreamEntrance
from airssys_wasm.broker.subscriptions import Subscriptions
from airssys_wasm.broker.topic import parse_pattern
from airssys_wasm.kernel.errors import MailboxFull
from airssys_wasm.kernel.kernel import Kernel
from airssys_wasm.kernel.message import DeadLetter
from airssys_wasm.kernel.ref import ActorRef

Subscription = tuple[str, str | None]  # pattern and group


@dataclass(frozen=True, slots=True)
class BrokerStatistics:
    """Counts since the start, and what there is now.

    `published` publications; `delivered` copies handed to a mailbox or a stream; `dropped` copies
    that found it full; `undeliverable` publications that nobody took.
    """

    published: int
    delivered: int
    dropped: int
    undeliverable: int
    subscriptions: int
    streams: int
    cached_topics: int


class Broker:
    """Publish and subscribe for the actors of one kernel."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._subscriptions: Subscriptions[Receiver] = Subscriptions()
        self._routes = self._subscriptions.routes
        self._of_actor: dict[ActorRef[Any], dict[Subscription, bool]] = {}  # True: lasting
        self._streams: set[StreamEntrance] = set()
        self._published = 0
        self._copies = 0
        self._dropped = 0
        self._undeliverable = 0

    # --- subscribing

    def subscribe(
        self,
        pattern: str,
        ref: ActorRef[Any],
        group: str | None = None,
        *,
        lasting: bool = False,
    ) -> None:
        """From now on `ref` gets a Published for each publication to a topic of `pattern`.

        Of all members of a `group`, whatever pattern brought them, one gets it, each in turn. To
        subscribe twice with one pattern and group is to subscribe once. A subscription ends with
        its actor; that of a dead one is none. A `lasting` one goes to the next incarnation, if that
        takes over the mailbox.

        Raises TopicError, and TypeError for anything but an ActorRef: a subscription is of one
        incarnation.
        """
        if not isinstance(ref, ActorRef):
            raise TypeError(f"an ActorRef subscribes, not {ref!r}")
        if group is not None and not (isinstance(group, str) and group):
            raise TypeError(f"a group is named by a string that is not empty, not {group!r}")
        parse_pattern(pattern)
        if not ref.is_alive:
            return
        self._subscriptions.add(pattern, ref, group)
        own = self._of_actor.get(ref)
        if own is None:
            self._of_actor[ref] = {(pattern, group): lasting}
            self._kernel.on_exit(ref, self._ended)
        else:
            own[(pattern, group)] = lasting or own.get((pattern, group), False)

    def unsubscribe(self, pattern: str, ref: ActorRef[Any], group: str | None = None) -> None:
        """No more from now on; what is in the mailbox stays there.

        Harmless when there is no such subscription. Raises TopicError.
        """
        if self._subscriptions.remove(pattern, ref, group):
            del self._of_actor[ref][(pattern, group)]

    def _ended(self, ref: ActorRef[Any], successor: ActorRef[Any] | None) -> None:
        for (pattern, group), lasting in self._of_actor.pop(ref, {}).items():
            self._subscriptions.remove(pattern, ref, group)
            if lasting and successor is not None:
                self.subscribe(pattern, successor, group, lasting=True)

    @asynccontextmanager
    async def stream(
        self, pattern: str, capacity: int = 100
    ) -> AsyncIterator[ObjectReceiveStream[Published]]:
        """What is published to `pattern` while the block runs, for code that is no actor.

            async with broker.stream("prices.>") as prices:
                async for published in prices:
                    ...

        At most `capacity` publications wait in it: then `publish` drops, with a dead letter, and
        `put` waits. What is not taken when the block is left is forgotten.
        """
        parse_pattern(pattern)
        entrance = StreamEntrance(pattern, capacity)
        self._subscriptions.add(pattern, entrance)
        self._streams.add(entrance)
        try:
            yield entrance.exit
        finally:
            self._streams.discard(entrance)
            self._subscriptions.remove(pattern, entrance)
            entrance.end()
            await entrance.exit.aclose()

    # --- publishing

    def publish(
        self, topic: str, message: object, headers: Mapping[str, str] | None = None
    ) -> None:
        """Send `message` to all who subscribed to `topic`. Never waits.

        Never raises for a subscriber: what finds a mailbox full is a dead letter, and so is what
        nobody takes. Raises TopicError.
        """
        route = self._routes.get(topic) or self._subscriptions.resolve(topic)
        published = Published(
            topic, message, NO_HEADERS if headers is None else frozen_headers(headers)
        )
        self._published += 1
        sends = route.sends
        for send in sends:
            try:
                send(published)
            except MailboxFull as full:
                self._drop(full.target, published)
        self._copies += len(sends)
        if route.choices:
            self._copies += len(route.choices)
            for choice in route.choices:
                member = choice.next()
                try:
                    member.send(published)
                except MailboxFull:
                    self._drop(member, published)
        elif not sends:
            self._nobody(published)

    async def put(
        self, topic: str, message: object, headers: Mapping[str, str] | None = None
    ) -> None:
        """`publish` that waits for room in every bounded mailbox it goes to.

        All who have room get it at once, the rest as soon as they have; only the caller waits. A
        subscriber that ends meanwhile is waited for no longer. A mailbox that refuses to be waited
        for (`reject`) makes a dead letter. Raises TopicError.
        """
        route = self._routes.get(topic) or self._subscriptions.resolve(topic)
        published = Published(
            topic, message, NO_HEADERS if headers is None else frozen_headers(headers)
        )
        self._published += 1
        full = self._give(route, published)
        if len(full) == 1:
            await self._put(full[0], published)
        elif full:
            async with asyncio.TaskGroup() as waiting:
                for receiver in full:
                    waiting.create_task(self._put(receiver, published))

    def _give(self, route: Route[Receiver], published: Published) -> list[Receiver]:
        """Send to all who have room; who has to be waited for.

        The last one with a bound is left to be waited for, unless others are: its `put` does not
        wait when there is room, and costs no exception when there is none.
        """
        receivers = (*route.receivers, *(choice.next() for choice in route.choices))
        if not receivers:
            self._nobody(published)
        bounded: list[Receiver] = []
        for receiver in receivers:
            if receiver.capacity is None:
                receiver.send(published)
                self._copies += 1
            else:
                bounded.append(receiver)
        if len(bounded) < 2:
            return bounded
        return [receiver for receiver in bounded if not self._accepts(receiver, published)]

    def _accepts(self, receiver: Receiver, published: Published) -> bool:
        try:
            receiver.send(published)
        except MailboxFull:
            return False
        self._copies += 1
        return True

    async def _put(self, receiver: Receiver, published: Published) -> None:
        try:
            await receiver.put(published)
        except MailboxFull:
            self._drop(receiver, published)
        self._copies += 1

    def _drop(self, target: object, published: Published) -> None:
        self._dropped += 1
        to = target if isinstance(target, ActorRef) else str(target)
        self._kernel.dead_letters.record(DeadLetter(published, to, "full"))

    def _nobody(self, published: Published) -> None:
        self._undeliverable += 1
        self._kernel.dead_letters.record(DeadLetter(published, published.topic, "noproc"))

    # --- watching

    def subscriptions(self, ref: ActorRef[Any]) -> tuple[Subscription, ...]:
        """Pattern and group of each subscription of `ref`, in the order in which they were made."""
        return tuple(self._of_actor.get(ref, ()))

    def statistics(self) -> BrokerStatistics:
        """The counts of this broker, as of now."""
        return BrokerStatistics(
            published=self._published,
            delivered=self._copies - self._dropped,
            dropped=self._dropped,
            undeliverable=self._undeliverable,
            subscriptions=len(self._subscriptions),
            streams=len(self._streams),
            cached_topics=len(self._routes),
        )

    def close(self) -> None:
        """End all streams: who iterates one gets what is buffered, and then the end."""
        for entrance in self._streams:
            entrance.end()
