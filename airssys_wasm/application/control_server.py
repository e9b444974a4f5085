"""Acts: answers requests on the control socket of a running system.

Each client has one request and a task of its own. What a client does, or does not do, harms only
its connection: a line that is too long or no request is answered with a failure, one who does not
speak or does not read is let go after a while, and beyond MOST_CLIENTS nobody is let in. The system
waits for none of them.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

import anyio

from airssys_wasm.application.control_paths import Listening
from airssys_wasm.application.control_protocol import (
    LARGEST_REQUEST,
    Answer,
    BadRequest,
    Failure,
    Progress,
    Request,
    Result,
    line_of,
    request_of,
)

log = logging.getLogger(__name__)

MOST_CLIENTS = 32
PATIENCE = 30.0  # seconds for a client to send its request, or to take an answer
_TELL = 1.0  # seconds; a line of progress fits into the buffers of a client that reads at all
_PIECE = 64 * 1024
_CREDENTIALS = struct.Struct("3i")  # pid, uid, gid

Tell: TypeAlias = Callable[[str], Awaitable[None]]
Handle: TypeAlias = Callable[[Request, Tell], Awaitable[Any]]


class RequestFailed(Exception):
    """Raised by a handler: the failure that the client is to get."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


@asynccontextmanager
async def serving(listening: Listening, handle: Handle) -> AsyncIterator[None]:
    """While the block runs, answer with what `handle` returns; afterwards the socket is gone.

    Nothing that happens here ends the block.
    """
    task = asyncio.get_running_loop().create_task(_serve(listening.socket, handle))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait((task,))
        listening.close()


async def _serve(listener: socket.socket, handle: Handle) -> None:
    loop = asyncio.get_running_loop()
    clients = 0

    async def look_after(client: socket.socket) -> None:
        nonlocal clients
        clients += 1
        try:
            await _Connection(client, loop).answer(handle, full=clients > MOST_CLIENTS)
        except (OSError, TimeoutError) as error:
            log.debug("a client of the control socket is gone: %r", error)
        except Exception:
            log.exception("a request on the control socket failed")
        finally:
            clients -= 1
            client.close()

    async with anyio.create_task_group() as group:
        while True:
            try:
                client, _ = await loop.sock_accept(listener)
            except OSError as error:  # out of file descriptors, for one: others may end
                log.warning("the control socket cannot let anybody in: %s", error)
                await anyio.sleep(1)
                continue
            if not is_owner(client):
                client.close()
                continue
            group.start_soon(look_after, client)


def is_owner(client: socket.socket) -> bool:
    """Whether the process at the other end belongs to the user of this one, where that is known."""
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:
        return True  # the modes of directory and socket have to do
    _, user, _ = _CREDENTIALS.unpack(
        client.getsockopt(socket.SOL_SOCKET, option, _CREDENTIALS.size)
    )
    return bool(user == os.geteuid())


class _Connection:
    def __init__(self, client: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        client.setblocking(False)
        self.client = client
        self.loop = loop
        self.listens = True

    async def answer(self, handle: Handle, *, full: bool) -> None:
        if full:
            await self.send(Failure("busy", f"{MOST_CLIENTS} clients are being answered already"))
            return
        try:
            request = request_of(await self.line())
        except BadRequest as error:
            await self.send(Failure("request", str(error)))
            return
        answer: Answer
        try:
            answer = Result(await handle(request, self.tell))
        except RequestFailed as failed:
            answer = failed.failure
        except (OSError, TimeoutError):
            raise
        except Exception as error:
            log.exception("%s on the control socket failed", request.do)
            answer = Failure("internal", f"{type(error).__name__}: {error}")
        if self.listens:
            await self.send(answer)

    async def line(self) -> bytes:
        """The request; empty when the client ends before it has one."""
        data = bytearray()
        with anyio.fail_after(PATIENCE):
            while b"\n" not in data:
                if len(data) > LARGEST_REQUEST:
                    raise BadRequest(f"a request has at most {LARGEST_REQUEST} bytes")
                piece = await self.loop.sock_recv(self.client, _PIECE)
                if not piece:
                    break
                data += piece
        return bytes(data.partition(b"\n")[0])

    async def tell(self, text: str) -> None:
        """Say how far the work is, which goes on when nobody listens any more."""
        if not self.listens:
            return
        try:
            with anyio.fail_after(_TELL):
                await self.send(Progress(text))
        except (OSError, TimeoutError):
            self.listens = False

    async def send(self, answer: Answer) -> None:
        with anyio.fail_after(PATIENCE):
            await self.loop.sock_sendall(self.client, line_of(answer))
