"""Acts: publishes to those who subscribed, here and on other nodes.

    publish(topic) ── cached route ──► send to each receiver ──► its mailbox
                      └ else the trie  full: dead letter, and the next one
                                   └─► each other node that wants it, once: see shared_topics.py
    nobody: dead letter

A publication is handed to all its receivers in one synchronous step, and a mailbox keeps its order:
so what one publisher publishes reaches one subscriber in that order. A subscription is gone in the
step in which the names of its actor are freed, before anyone learns of the death.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from anyio.abc import ObjectReceiveStream

from airssys_wasm.broker.asking import Asking
from airssys_wasm.broker.delivery import (
    NO_HEADERS,
    Published,
    Receiver,
    Route,
    Share,
    frozen_headers,
)
from airssys_wasm.broker.handing import Handing
from airssys_wasm.broker.retained import Kept, Retained
from airssys_wasm.broker.stream import StreamEntrance
from airssys_wasm.broker.subscriptions import Subscriptions
from airssys_wasm.broker.topic import parse_pattern, parse_topic
from airssys_wasm.kernel.checked_ref import send_unchecked
from airssys_wasm.kernel.errors import MailboxFull
from airssys_wasm.kernel.kernel import Kernel
from airssys_wasm.kernel.outside_ref import OutsideRef
from airssys_wasm.kernel.ref import ActorRef

if TYPE_CHECKING:
    from airssys_wasm.broker.shared_topics import SharedTopics

Subscription = tuple[str, str | None]  # pattern and group
Waiting = list[Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class BrokerStatistics:
    """Counts since the start, and what there is now.

    `published` publications; `delivered` copies handed to a mailbox or a stream; `dropped` copies
    that found it full; `undeliverable` publications that nobody took. `sent` copies that went to
    other nodes, one a node; `received` those that came from there; `unsent` publications that could
    not be sent though other nodes want them. `wanted` are patterns that other nodes subscribed to,
    each once a node and group; `retained` topics whose last message is kept.
    """

    published: int
    delivered: int
    dropped: int
    undeliverable: int
    subscriptions: int
    streams: int
    cached_topics: int
    sent: int = 0
    received: int = 0
    unsent: int = 0
    wanted: int = 0
    retained: int = 0


class Broker:
    """Publish and subscribe for the actors of one kernel."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._subscriptions: Subscriptions[Receiver] = Subscriptions()
        self._routes = self._subscriptions.routes
        self._of_actor: dict[ActorRef[Any], dict[Subscription, bool]] = {}  # True: lasting
        self._streams: dict[StreamEntrance, None] = {}
        self._retained = Retained()
        self._elsewhere: SharedTopics | None = None
        self._handing = Handing(kernel)
        self._asking = Asking(self._subscriptions)
        self._published = 0
        self._copies = 0

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

        Of all members of a `group`, whatever pattern brought them and on whichever node they are,
        one gets it, each in turn. To subscribe twice with one pattern and group is to subscribe
        once. A subscription ends with its actor; that of a dead one is none. A `lasting` one goes
        to the next incarnation, if that takes over the mailbox. What is retained for topics of
        `pattern` comes first, except to a group.

        Raises TopicError, TypeError for anything but an ActorRef: a subscription is of one
        incarnation; ValueError for an actor of another node, which subscribes there.
        """
        if not isinstance(ref, ActorRef):
            raise TypeError(f"an ActorRef subscribes, not {ref!r}")
        if isinstance(ref, OutsideRef):
            raise ValueError(f"{ref} subscribes on its own node only")
        if group is not None and not (isinstance(group, str) and group):
            raise TypeError(f"a group is named by a string that is not empty, not {group!r}")
        parse_pattern(pattern)
        if ref.is_alive and self._subscribe(pattern, ref, group, lasting=lasting):
            self._catch_up(pattern, ref, group)

    def _subscribe(
        self, pattern: str, ref: ActorRef[Any], group: str | None, *, lasting: bool
    ) -> bool:
        added = self._add(pattern, ref, group)
        own = self._of_actor.get(ref)
        if own is None:
            self._of_actor[ref] = {(pattern, group): lasting}
            self._kernel.on_exit(ref, self._ended)
        else:
            own[(pattern, group)] = lasting or own.get((pattern, group), False)
        return added

    def _add(self, pattern: str, receiver: Receiver, group: str | None = None) -> bool:
        if not self._subscriptions.add(pattern, receiver, group):
            return False
        if self._elsewhere is not None:
            self._elsewhere.subscribed(pattern, group, 1)
        return True

    def _remove(self, pattern: str, receiver: Receiver, group: str | None = None) -> bool:
        if not self._subscriptions.remove(pattern, receiver, group):
            return False
        if self._elsewhere is not None:
            self._elsewhere.subscribed(pattern, group, -1)
        return True

    def _catch_up(self, pattern: str, receiver: Receiver, group: str | None = None) -> None:
        """Give a new subscriber what was published before and retained."""
        if group is None and len(self._retained):
            for published in self._retained.matching(pattern):
                self._handing.send(receiver, published)

    def unsubscribe(self, pattern: str, ref: ActorRef[Any], group: str | None = None) -> None:
        """No more from now on; what is in the mailbox stays there.

        Harmless when there is no such subscription. Raises TopicError.
        """
        if self._remove(pattern, ref, group):
            del self._of_actor[ref][(pattern, group)]

    def _ended(self, ref: ActorRef[Any], successor: ActorRef[Any] | None) -> None:
        for (pattern, group), lasting in self._of_actor.pop(ref, {}).items():
            self._remove(pattern, ref, group)
            if lasting and successor is not None:
                self._subscribe(pattern, successor, group, lasting=True)

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
        self._add(pattern, entrance)
        self._streams[entrance] = None
        self._catch_up(pattern, entrance)
        try:
            yield entrance.exit
        finally:
            self._streams.pop(entrance, None)
            self._remove(pattern, entrance)
            entrance.end()
            await entrance.exit.aclose()

    # --- publishing

    def publish(
        self,
        topic: str,
        message: object,
        headers: Mapping[str, str] | None = None,
        *,
        retain: bool = False,
    ) -> None:
        """Send `message` to all who subscribed to `topic`, on all nodes. Never waits.

        With `retain` it is kept, in place of the one before, for those who subscribe later, until
        `forget`. Never raises for a subscriber: what finds a mailbox full is a dead letter where
        that is, and so is here what nobody takes, and what other nodes want and can't be sent
        (`"unsent"`). Raises TopicError.
        """
        route = self._routes.get(topic) or self._subscriptions.resolve(topic)
        published = Published(
            topic, message, NO_HEADERS if headers is None else frozen_headers(headers)
        )
        self._published += 1
        receivers = route.receivers
        if len(receivers) > 1:
            self._kernel.scheduler.send_to_each(receivers, published, self._handing.drop)
        elif receivers:
            try:
                send_unchecked(receivers[0], published)
            except MailboxFull as full:
                self._handing.drop(full.target, published)
        self._copies += len(receivers)
        if route.wide or retain:
            self._publish_more(route, published, retain=retain)
        elif route.choices:
            self._copies += len(route.choices)
            for choice in route.choices:
                member = choice.next()
                try:
                    send_unchecked(member, published)
                except MailboxFull:
                    self._handing.drop(member, published)
        elif not receivers:
            self._handing.nobody(published)

    def _publish_more(self, route: Route[Receiver], published: Published, *, retain: bool) -> None:
        """To one of each group, here or elsewhere, and to other nodes."""
        near, far = route.chosen()
        for receiver in near:
            self._handing.send(receiver, published)
        kept = self._keep(published) if retain else None
        if self._elsewhere is not None and (far or kept is not None):
            self._elsewhere.publish(published, far, kept)

    def forget(self, topic: str) -> None:
        """Keep what is retained for a topic no longer, on any node; harmless when nothing is.

        Raises TopicError.
        """
        parse_topic(topic)
        kept = self._retained.keep(topic, None, *self._now())
        if self._elsewhere is not None:
            self._elsewhere.hold(kept)

    def _keep(self, published: Published) -> Kept:
        topic, message, headers = published.topic, published.message, published.headers
        again = Published(topic, message, headers, retained=True)
        return self._retained.keep(topic, again, *self._now())

    def _now(self) -> tuple[float, str]:
        name = self._elsewhere.name if self._elsewhere is not None else ""
        return self._kernel.platform.timestamp(), name

    async def put(
        self, topic: str, message: object, headers: Mapping[str, str] | None = None
    ) -> None:
        """`publish` that waits for room in every bounded mailbox it goes to, on any node.

        All who have room get it at once, the rest as soon as they have; only the caller waits: for
        another node until that says that all have taken it. A subscriber that ends meanwhile is
        waited for no longer, nor is a node that is lost. A mailbox that refuses to be waited for
        (`reject`) makes a dead letter. Who gives up waiting leaves those out that still had no
        room. Raises TopicError.
        """
        route = self._routes.get(topic) or self._subscriptions.resolve(topic)
        published = Published(
            topic, message, NO_HEADERS if headers is None else frozen_headers(headers)
        )
        self._published += 1
        if route.wide:
            await self._put_far(route, published)
            return
        receivers = route.receivers
        if route.choices:
            receivers = (*receivers, *route.chosen()[0])
        elif not receivers:
            self._handing.nobody(published)
        full = self._handing.give(receivers, published)
        if len(full) == 1:
            await self._handing.wait_for(full[0], published)
        elif full:
            await together([self._handing.wait_for(one, published) for one in full])

    async def _put_far(self, route: Route[Receiver], published: Published) -> None:
        """To other nodes, too."""
        near, far = route.chosen()
        full = self._handing.give((*route.receivers, *near), published)
        elsewhere = self._elsewhere
        awaited = elsewhere.put(published, far) if elsewhere is not None and far else []
        try:
            await together([self._handing.wait_for(one, published) for one in full])
            for one in awaited:
                await one.future
        finally:
            if elsewhere is not None:
                elsewhere.give_up(awaited)

    async def request(
        self,
        topic: str,
        message: object,
        timeout: float | None = 5.0,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """The reply of one who subscribed to `topic`, on whichever node, within `timeout` seconds.

        It gets a Published, and answers it as any request. The next member of a group is asked, of
        several groups one of the first; without a group the actor that subscribed first, those of
        this node before others. Raises NoResponders at once when no actor anywhere subscribed;
        TopicError, and what `ActorRef.request` raises.
        """
        parse_topic(topic)
        published = Published(
            topic, message, NO_HEADERS if headers is None else frozen_headers(headers)
        )
        return await self._asking.request(published, timeout, self._elsewhere)

    # --- several nodes; `SharedTopics` calls these

    def share(self, elsewhere: SharedTopics) -> None:
        """Have publications go to other nodes, too."""
        self._elsewhere = elsewhere
        for pattern, group, _ in self._subscriptions:
            elsewhere.subscribed(pattern, group, 1)

    def want(self, pattern: str, node: str, group: str | None, members: int) -> None:
        """See `Subscriptions.want`."""
        self._subscriptions.want(pattern, node, group, members)

    def deliver(self, published: Published, share: Share, *, wait: bool = False) -> Waiting:
        """A publication came from another node, for those of this one that it has chosen.

        It is a dead letter when nobody of these is there any more. Gives who is to be waited for,
        if there is somebody, and `wait`.
        """
        route = self._subscriptions.resolve(published.topic)
        receivers = route.near(share)
        if not receivers:
            self._handing.nobody(published)
        if wait:
            full = self._handing.give(receivers, published)
            return [self._handing.wait_for(receiver, published) for receiver in full]
        for receiver in receivers:
            self._handing.send(receiver, published)
        return []

    def ask(self, published: Published, group: str | None) -> asyncio.Future[Any]:
        """A question came from another node. Raises NoResponders, ActorExited, MailboxFull."""
        return self._asking.here(published, group)

    @property
    def retained(self) -> Iterable[Kept]:
        """All that is retained, and what was forgotten."""
        return self._retained

    def hold(self, kept: Kept, *, tell: bool) -> None:
        """Another node says what is retained; `tell` those who subscribed, if it is news."""
        if self._retained.take(kept) and tell and kept.published is not None:
            for receiver in self._subscriptions.resolve(kept.topic).receivers:
                self._handing.send(receiver, kept.published)

    # --- watching

    def subscriptions(self, ref: ActorRef[Any]) -> tuple[Subscription, ...]:
        """Pattern and group of each subscription of `ref`, in the order in which they were made."""
        return tuple(self._of_actor.get(ref, ()))

    def statistics(self) -> BrokerStatistics:
        """The counts of this broker, as of now."""
        elsewhere = self._elsewhere
        return BrokerStatistics(
            published=self._published,
            delivered=self._copies + self._handing.copies - self._handing.dropped,
            dropped=self._handing.dropped,
            undeliverable=self._handing.undeliverable,
            subscriptions=len(self._subscriptions),
            streams=len(self._streams),
            cached_topics=len(self._routes),
            sent=elsewhere.sent if elsewhere is not None else 0,
            received=elsewhere.received if elsewhere is not None else 0,
            unsent=elsewhere.unsent if elsewhere is not None else 0,
            wanted=self._subscriptions.wanted,
            retained=len(self._retained),
        )

    def close(self) -> None:
        """End all streams: who iterates one gets what is buffered, and then the end."""
        for entrance in self._streams:
            entrance.end()


async def together(waits: Waiting) -> None:
    """Wait for all of them at once."""
    if waits:
        async with asyncio.TaskGroup() as waiting:
            for wait in waits:
                waiting.create_task(wait)
