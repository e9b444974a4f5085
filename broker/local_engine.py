"""Acts: the engine of nodes in one process: a hub that hands frames from one to the other.

It is how several systems of one process find each other, in tests first of all. The simulator
derives from it: there a hub loses, delays and cuts off what goes through it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from airssys_wasm.broker.engine import MAX_PAYLOAD, Carried, Entry, Stoppable
from airssys_wasm.broker.errors import EngineDown, EngineTimeout, NoResponders, TooLarge
from airssys_wasm.broker.store import KeyStore, matches

if TYPE_CHECKING:
    from airssys_wasm.kernel.platform import Platform


class _Listener:
    """One subscription or watch at the hub."""

    def __init__(
        self,
        engine: LocalEngine,
        pattern: str,
        group: str | None,
        forget: Callable[[_Listener], None],
    ) -> None:
        self.engine = engine
        self.pattern = pattern
        self.group = group
        self.active = True
        self._forget = forget
        self.receive: Callable[[Carried], None] = _ignore
        self.changed: Callable[[Entry], None] = _ignore

    def stop(self) -> None:
        """No call from now on."""
        self.active = False
        self._forget(self)


def _ignore(_: object) -> None:
    pass


class LocalHub:
    """What the engines of one process have in common. `engine()` makes one for each node."""

    def __init__(self, max_payload: int = MAX_PAYLOAD) -> None:
        self.max_payload = max_payload
        self.store = KeyStore()
        self._listeners: list[_Listener] = []
        self._watchers: list[_Listener] = []
        self._turns: dict[tuple[str, str], int] = {}

    def engine(self) -> LocalEngine:
        """A new engine at this hub."""
        return LocalEngine(self)

    def reaches(self, engine: LocalEngine) -> bool:
        """Whether the hub and `engine` reach each other now."""
        return True

    def carry(self, source: LocalEngine, target: LocalEngine, deliver: Callable[[], None]) -> None:
        """Have `deliver` called in a later turn, in the order of the calls."""
        target.platform.call_soon(deliver)

    def changed(self, watcher: LocalEngine, deliver: Callable[[], None]) -> None:
        """Have a watcher of keys told in a later turn, in the order of the calls."""
        watcher.platform.call_soon(deliver)

    # --- for its engines

    def listen(self, listener: _Listener) -> None:
        """A new subscription."""
        self._listeners.append(listener)

    def forget(self, listener: _Listener) -> None:
        """One subscription or watch less."""
        for listeners in (self._listeners, self._watchers):
            if listener in listeners:
                listeners.remove(listener)

    def spread(self, source: LocalEngine, carried: Carried) -> bool:
        """Hand a frame to all it is for; whether there is anybody."""
        groups: dict[str, list[_Listener]] = {}
        receivers: list[_Listener] = []
        for listener in self._listeners:
            if matches(listener.pattern, carried.subject):
                if listener.group is None:
                    receivers.append(listener)
                else:
                    groups.setdefault(listener.group, []).append(listener)
        for group, members in groups.items():
            place = (group, carried.subject)
            turn = self._turns[place] = self._turns.get(place, -1) + 1
            receivers.append(members[turn % len(members)])
        for listener in receivers:
            self.carry(source, listener.engine, partial(_hand, listener, carried))
        return bool(receivers)

    def watch(self, listener: _Listener) -> None:
        """A new watch: what is there comes first."""
        self._watchers.append(listener)
        for entry in self.store.matching(listener.pattern):
            self.changed(listener.engine, partial(_show, listener, entry))

    def tell(self, entry: Entry) -> None:
        """A key has changed."""
        for listener in self._watchers:
            if matches(listener.pattern, entry.key):
                self.changed(listener.engine, partial(_show, listener, entry))


def _hand(listener: _Listener, carried: Carried) -> None:
    if listener.active:
        listener.receive(carried)


def _show(listener: _Listener, entry: Entry) -> None:
    if listener.active:
        listener.changed(entry)


class LocalEngine:
    """Implements `Engine` for one node, at a hub of this process."""

    platform: Platform

    def __init__(self, hub: LocalHub | None = None) -> None:
        self.hub = LocalHub() if hub is None else hub
        self.node = ""
        self._open = False
        self._listeners: list[_Listener] = []
        self._asked = 0

    @property
    def max_payload(self) -> int:
        """How many bytes one frame may have."""
        return self.hub.max_payload

    async def open(self, node: str, platform: Platform) -> None:
        """See `Engine.open`."""
        self.node, self.platform = node, platform
        self._reach()
        self._open = True

    async def close(self) -> None:
        """See `Engine.close`."""
        self._open = False
        for listener in list(self._listeners):
            listener.stop()

    def send(self, subject: str, body: bytes, reply: str | None = None) -> None:
        """See `Engine.send`."""
        if len(body) > self.hub.max_payload:
            raise TooLarge(len(body), self.hub.max_payload)
        if self._open and self.hub.reaches(self):
            self.hub.spread(self, Carried(subject, body, reply))

    async def subscribe(
        self, pattern: str, receive: Callable[[Carried], None], group: str | None = None
    ) -> Stoppable:
        """See `Engine.subscribe`."""
        listener = _Listener(self, pattern, group, self._forget)
        listener.receive = receive
        self._listeners.append(listener)
        self.hub.listen(listener)
        return listener

    async def request(self, subject: str, body: bytes, timeout: float) -> bytes:
        """See `Engine.request`."""
        self._reach()
        self._asked += 1
        box = f"_reply.{self.node}.{self._asked}"
        future: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

        def receive(carried: Carried) -> None:
            if not future.done():
                future.set_result(carried.body)

        listener = await self.subscribe(box, receive)
        try:
            if not self.hub.spread(self, Carried(subject, body, box)):
                raise NoResponders(subject)
            async with asyncio.timeout(timeout):
                return await future
        except TimeoutError:
            raise EngineTimeout(subject, timeout) from None
        finally:
            listener.stop()

    async def get(self, key: str) -> Entry | None:
        """See `Engine.get`."""
        self._reach()
        return self.hub.store.get(key)

    async def create(self, key: str, value: bytes) -> int:
        """See `Engine.create`."""
        self._reach()
        return self._told(self.hub.store.create(key, value))

    async def update(self, key: str, value: bytes, revision: int) -> int:
        """See `Engine.update`."""
        self._reach()
        return self._told(self.hub.store.update(key, value, revision))

    async def delete(self, key: str, revision: int) -> None:
        """See `Engine.delete`."""
        self._reach()
        self._told(self.hub.store.delete(key, revision))

    async def watch(self, pattern: str, changed: Callable[[Entry], None]) -> Stoppable:
        """See `Engine.watch`."""
        self._reach()
        listener = _Listener(self, pattern, None, self._forget)
        listener.changed = changed
        self._listeners.append(listener)
        self.hub.watch(listener)
        return listener

    def _reach(self) -> None:
        if not self.hub.reaches(self):
            raise EngineDown("the hub can't be reached")

    def _told(self, entry: Entry) -> int:
        self.hub.tell(entry)
        return entry.revision

    def _forget(self, listener: _Listener) -> None:
        if listener in self._listeners:
            self._listeners.remove(listener)
        self.hub.forget(listener)
