"""Acts: hands what is published to code that is no actor, through a bounded buffer.

The entrance is a receiver like an actor with a bounded mailbox of policy `block`: `publish` drops
what finds no room, as a dead letter, and `put` waits.
"""

from __future__ import annotations

from typing import Any

import anyio
from anyio.abc import ObjectReceiveStream

from airssys_wasm.broker.delivery import Published
from airssys_wasm.kernel.errors import MailboxFull


class StreamEntrance:
    """Where the broker puts what a stream is to give; `exit` is where the user takes it."""

    __slots__ = ("_sender", "capacity", "exit", "pattern")

    def __init__(self, pattern: str, capacity: int) -> None:
        if isinstance(capacity, bool) or not isinstance(capacity, int):
            raise TypeError(f"capacity: {capacity!r} is not a number of messages")
        if capacity < 1:
            raise ValueError(f"capacity: {capacity} is below 1 message")
        self.pattern = pattern
        self.capacity = capacity
        self.exit: ObjectReceiveStream[Published]
        self._sender, self.exit = anyio.create_memory_object_stream[Any](capacity)

    def send(self, message: Any, /) -> None:
        """Buffer `message`; nothing when the stream has ended. Raises MailboxFull when full."""
        try:
            self._sender.send_nowait(message)
        except anyio.WouldBlock:
            raise MailboxFull(self, self.capacity, message) from None
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            return

    async def put(self, message: Any, /) -> None:
        """Buffer `message` once there is room; nothing when the stream is left meanwhile."""
        try:
            await self._sender.send(message)
        except (anyio.BrokenResourceError, anyio.ClosedResourceError):
            return

    def end(self) -> None:
        """Nothing more comes: who iterates gets what is buffered, and then the end."""
        self._sender.close()

    def __repr__(self) -> str:
        return f"<stream of {self.pattern}>"
