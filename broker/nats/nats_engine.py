"""Acts: the engine over a NATS server, with nats-py.

Keys live in one JetStream bucket of the system. Frames go over core NATS, which may lose some when
a server dies: who sends them numbers them.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import deque
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import nats
import nats.errors
import nats.js.errors
from nats.js.api import KeyValueConfig

from airssys_wasm.broker.engine import MAX_PAYLOAD, Carried, Entry, Stoppable
from airssys_wasm.broker.errors import (
    EngineDown,
    EngineTimeout,
    KeyChanged,
    NoResponders,
    TooLarge,
)

if TYPE_CHECKING:
    from ssl import SSLContext

    from nats.aio.client import Client
    from nats.aio.msg import Msg
    from nats.aio.subscription import Subscription
    from nats.js.kv import KeyValue

    from airssys_wasm.kernel.platform import Platform

CONNECT_TIME = 5.0  # seconds to connect in `open`
ANSWER_TIME = 3.0  # seconds for the server to answer about a key
RECONNECT_WAIT = 0.2  # seconds before the second attempt; nats-py waits 2 s, beside a beat of 1 s
PENDING = 512 * 1024  # frames, as nats-py has it
LONGEST_WAIT = 5.0  # seconds between later attempts: each waits twice as long as the one before
PING = 5  # seconds between two looks at a connection on which nothing comes
FOREVER = -1  # attempts to reconnect
WRONG_REVISION = 10071  # the server's number for a compare-and-set that failed
BUCKET = re.compile(r"[A-Za-z0-9_-]+")
REFUSED = (nats.js.errors.KeyWrongLastSequenceError, nats.js.errors.KeyValueError)
INBOX = "_INBOX"  # how the subjects of replies begin, whoever asked
DOWN = (nats.errors.Error, nats.js.errors.Error, OSError, asyncio.TimeoutError)

log = logging.getLogger(__name__)


class NatsEngine:
    """Implements `Engine`.

        async with ActorSystem("shop", engine=NatsEngine("nats://127.0.0.1:4222")) as system:

    `servers` are one or more URLs. `bucket` names the keys and is the first token of each subject:
    nodes with different ones know nothing of each other. `replicas` is how many servers keep the
    keys: 3 where a server may be lost. `connect_timeout` bounds the first connection, in seconds;
    later ones are tried for ever. `pending` is how many frames may wait here to be handled: what
    comes beyond that is lost, and so are the connections with the nodes that sent it. `tls`,
    `credentials` (a file), `user` with `password`, `token` and `inbox` (how the subjects of replies
    to this node begin: `_INBOX` and anything) are the client's.
    """

    def __init__(
        self,
        servers: str | list[str],
        *,
        bucket: str = "airssys",
        replicas: int = 1,
        connect_timeout: float = CONNECT_TIME,
        pending: int = PENDING,
        tls: SSLContext | None = None,
        credentials: str | None = None,
        user: str | None = None,
        password: str | None = None,
        token: str | None = None,
        inbox: str = INBOX,
    ) -> None:
        if not BUCKET.fullmatch(bucket):
            raise ValueError(f"bucket: {bucket!r} is not of letters, digits, '_' and '-'")
        if replicas < 1:
            raise ValueError(f"replicas: {replicas} is below 1")
        if not inbox.startswith(INBOX):
            raise ValueError(f"inbox: {inbox!r} does not begin with {INBOX}")
        if pending < 1:
            raise ValueError(f"pending: {pending} is below 1")
        self._pending = pending
        self._prefix = f"{bucket}."
        self._inbox = inbox
        self._troubles: list[str] = []  # of not being connected: what the client said, each once
        self._refusal = ""  # what the server said of us: it may hang up after that
        self._servers = [servers] if isinstance(servers, str) else list(servers)
        self._bucket = bucket
        self._replicas = replicas
        self._connect_timeout = connect_timeout
        options = {
            "tls": tls,
            "user_credentials": credentials,
            "user": user,
            "password": password,
            "token": token,
        }
        self._options = {name: value for name, value in options.items() if value is not None}
        self._client: Client | None = None
        self._keys: KeyValue | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._watches: list[_Watch] = []
        self._outgoing: deque[tuple[str, bytes, str]] = deque()
        self._wakes = asyncio.Event()

    @property
    def client(self) -> Client:
        """The client, for what only NATS has. Raises EngineDown while the engine is not open."""
        return self._connected()

    @property
    def bucket(self) -> str:
        """The name under which the system's keys and mailboxes are kept at the server."""
        return self._bucket

    @property
    def replicas(self) -> int:
        """How many servers keep them."""
        return self._replicas

    @property
    def max_payload(self) -> int:
        """How many bytes one frame may have: what the server says, once it is connected."""
        return self._client.max_payload if self._client is not None else MAX_PAYLOAD

    async def open(self, node: str, platform: Platform) -> None:
        """See `Engine.open`."""
        try:
            # The client itself would try for ever.
            async with asyncio.timeout(self._connect_timeout):
                self._client = client = await nats.connect(
                    self._servers,
                    name=node,
                    max_reconnect_attempts=FOREVER,
                    reconnect_time_wait=RECONNECT_WAIT,
                    ping_interval=PING,
                    inbox_prefix=self._inbox.encode(),
                    error_cb=self._told,
                    disconnected_cb=self._left,
                    reconnected_cb=self._back,
                    **self._options,
                )
        except DOWN as error:
            where = ", ".join(_without_secrets(url) for url in self._servers)
            why = self._refusal or str(error) or "".join(self._troubles[-1:]) or "silence"
            raise EngineDown(f"no NATS server takes us at {where}: {why}") from error
        try:
            stream = client.jetstream(timeout=ANSWER_TIME)
            try:
                self._keys = await stream.key_value(self._bucket)
            except nats.js.errors.NotFoundError:
                config = KeyValueConfig(bucket=self._bucket, replicas=self._replicas)
                with suppress(nats.js.errors.BadRequestError):  # another node made it meanwhile
                    await stream.create_key_value(config)
                self._keys = await stream.key_value(self._bucket)
        except DOWN as error:
            self._client = None
            await client.close()
            if isinstance(error, nats.js.errors.ServiceUnavailableError):
                why = "start it with -js, and allow JetStream to the account"
            else:
                why = str(error) or "no answer"
            raise EngineDown(f"the NATS server has no JetStream for keys: {why}") from error
        self._pump = self._start(self._publish_all(client))

    async def close(self) -> None:
        """See `Engine.close`."""
        client, self._client = self._client, None
        if client is not None and client.is_connected:
            await self._drain(client)
        for watch in self._watches:
            watch.stop()
        for task in list(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)
        if client is not None and not client.is_closed:
            if client.is_connected:
                with suppress(*DOWN):
                    await client.flush(timeout=1)
            # Of a connection that breaks just now: RuntimeError is uvloop's, TypeError is 3.12's.
            with suppress(RuntimeError, TypeError, *DOWN):
                await client.close()

    def send(self, subject: str, body: bytes, reply: str | None = None) -> None:
        """See `Engine.send`."""
        client = self._client
        if client is None or client.is_closed:
            return
        if len(body) > client.max_payload:
            raise TooLarge(len(body), client.max_payload)
        self._outgoing.append((self._at_server(subject), body, reply or ""))
        self._wakes.set()

    async def subscribe(
        self, pattern: str, receive: Callable[[Carried], None], group: str | None = None
    ) -> Stoppable:
        """See `Engine.subscribe`."""

        subscribed = _Subscribed(self)

        async def take(message: Msg) -> None:
            if subscribed.active:
                subject = message.subject.removeprefix(self._prefix)
                receive(Carried(subject, message.data, message.reply or None))

        client = self._connected()
        subscribed.at_server = await client.subscribe(
            self._prefix + pattern, queue=group or "", cb=take, pending_msgs_limit=self._pending
        )
        return subscribed

    async def request(self, subject: str, body: bytes, timeout: float) -> bytes:
        """See `Engine.request`."""
        client = self._connected()
        try:
            return (await client.request(self._at_server(subject), body, timeout=timeout)).data
        except nats.errors.NoRespondersError:
            raise NoResponders(subject) from None
        except TimeoutError:
            raise EngineTimeout(subject, timeout) from None
        except DOWN as error:
            raise EngineDown(str(error)) from error

    # --- keys

    async def get(self, key: str) -> Entry | None:
        """See `Engine.get`."""
        try:
            found = await self._bucket_of_keys().get(key)
        except (nats.js.errors.KeyNotFoundError, nats.js.errors.KeyDeletedError):
            return None
        except DOWN as error:
            raise EngineDown(f"the key {key!r} can't be read: {error}") from error
        return Entry(key, found.value or b"", found.revision or 0)

    async def create(self, key: str, value: bytes) -> int:
        """See `Engine.create`."""
        return await self._change(key, self._bucket_of_keys().create(key, value))

    async def update(self, key: str, value: bytes, revision: int) -> int:
        """See `Engine.update`."""
        return await self._change(key, self._bucket_of_keys().update(key, value, last=revision))

    async def delete(self, key: str, revision: int) -> None:
        """See `Engine.delete`."""
        await self._change(key, self._bucket_of_keys().delete(key, last=revision))

    async def _change(self, key: str, change: Coroutine[Any, Any, Any]) -> int:
        try:
            return int(await change)
        except nats.js.errors.KeyWrongLastSequenceError:
            raise KeyChanged(key) from None
        except nats.js.errors.APIError as error:
            if error.err_code == WRONG_REVISION:
                raise KeyChanged(key) from None
            raise EngineDown(f"the key {key!r} can't be changed: {error}") from error
        except DOWN as error:
            raise EngineDown(f"the key {key!r} can't be changed: {error}") from error

    async def watch(self, pattern: str, changed: Callable[[Entry], None]) -> Stoppable:
        """See `Engine.watch`."""
        try:
            watcher = await self._bucket_of_keys().watch(pattern)
        except DOWN as error:
            raise EngineDown(f"the keys {pattern!r} can't be watched: {error}") from error
        watch = _Watch(changed)
        watch.task = self._start(watch.go_on(watcher))
        self._watches.append(watch)
        return watch

    # --- its own

    def _at_server(self, subject: str) -> str:
        """Replies go where the client of another node said; all else is below the bucket."""
        return subject if subject.startswith(INBOX) else self._prefix + subject

    async def _told(self, error: Exception) -> None:
        """The client has trouble: what it lost shows by a gap, what it can't reach by silence."""
        trouble = str(error) or type(error).__name__
        client = self._client
        connected = client is not None and client.is_connected
        if connected or trouble not in self._troubles:  # not once more for each attempt
            lost = isinstance(error, nats.errors.SlowConsumerError)
            log.log(logging.WARNING if lost else logging.INFO, "NATS: %s", trouble)
        if not connected:
            self._troubles = [each for each in self._troubles if each != trouble] + [trouble]
        if "authorization" in trouble.lower():
            self._refusal = f"{trouble}; are credentials, user, password or token right?"
        if client is not None and not connected:
            wait = client.options.get("reconnect_time_wait", RECONNECT_WAIT)
            client.options["reconnect_time_wait"] = min(2 * wait, LONGEST_WAIT)

    async def _left(self) -> None:
        if self._client is not None:  # else it is this node that leaves
            log.warning("the NATS server is not reached")

    async def _back(self) -> None:
        log.warning("the NATS server is reached again")
        self._troubles.clear()
        self._refusal = ""
        if self._client is not None:
            self._client.options["reconnect_time_wait"] = RECONNECT_WAIT

    async def _publish_all(self, client: Client) -> None:
        while True:
            await self._wakes.wait()
            self._wakes.clear()
            await self._drain(client)

    async def _drain(self, client: Client) -> None:
        outgoing = self._outgoing
        while outgoing:
            subject, body, reply = outgoing.popleft()
            with suppress(*DOWN):  # what is lost leaves a gap in the numbers of who sent it
                await client.publish(subject, body, reply)

    def _connected(self) -> Client:
        if self._client is None or self._client.is_closed:
            raise EngineDown("the engine is not open")
        return self._client

    def _bucket_of_keys(self) -> KeyValue:
        self._connected()
        assert self._keys is not None
        return self._keys

    def _start(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def unsubscribe(self, subscription: Subscription) -> None:
        """End a subscription at the server, when there is one."""
        if self._client is not None and not self._client.is_closed:
            self._start(_unsubscribed(subscription))


def _without_secrets(url: str) -> str:
    """The URL as it may be shown: without user, password and token.

    >>> _without_secrets("nats://me:secret@10.0.0.5:4222")
    'nats://10.0.0.5:4222'
    """
    scheme, _, rest = url.rpartition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}" if scheme else rest.rpartition("@")[2]


class _Subscribed:
    at_server: Subscription

    def __init__(self, engine: NatsEngine) -> None:
        self._engine = engine
        self.active = True

    def stop(self) -> None:
        """No call from now on."""
        if self.active:
            self.active = False
            self._engine.unsubscribe(self.at_server)


class _Watch:
    task: asyncio.Task[Any]

    def __init__(self, changed: Callable[[Entry], None]) -> None:
        self._changed = changed

    def stop(self) -> None:
        """No call from now on."""
        self.task.cancel()

    async def go_on(self, watcher: Any) -> None:
        """Tell each change."""
        try:
            async for found in watcher:
                if found is None:
                    continue  # all that was there has been told
                value = None if found.operation in ("DEL", "PURGE") else found.value or b""
                self._changed(Entry(found.key, value, found.revision or 0))
        finally:
            with suppress(*DOWN):
                await watcher.stop()


async def _unsubscribed(subscription: Subscription) -> None:
    with suppress(*DOWN):
        await subscription.unsubscribe()
