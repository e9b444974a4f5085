"""What connects nodes: the narrow interface that refs, names and topics between nodes are built on.

An engine carries frames by subject and keeps a few keys that all nodes share. It may lose frames,
and carry one twice; those from one node to another keep their order. What is built on it notices a
loss (`nodes/peer.py`). One suite of tests holds every engine to this:
`tests/broker/test_engines.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from airssys_wasm.kernel.platform import Platform

MAX_PAYLOAD = 1024 * 1024  # bytes of one frame, as a NATS server has it unless told otherwise


@dataclass(frozen=True, slots=True)
class Carried:
    """A frame that has come: its subject, its bytes, and where an answer goes, if one is wanted."""

    subject: str
    body: bytes
    reply: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A key as it is; `value` is None when it was deleted. A later revision is a higher number."""

    key: str
    value: bytes | None
    revision: int


class Stoppable(Protocol):
    """A subscription or a watch."""

    def stop(self) -> None:
        """No call from now on. Does nothing again."""
        ...


class Engine(Protocol):
    """One node's way to the others.

    Subjects, patterns and keys have the grammar of topics. Callbacks are called on the loop.
    """

    @property
    def max_payload(self) -> int:
        """How many bytes one frame may have."""
        ...

    async def open(self, node: str, platform: Platform) -> None:
        """Connect as `node`. Raises EngineDown."""
        ...

    async def close(self) -> None:
        """Be nobody any more: no callback from now on. Does nothing again."""
        ...

    def send(self, subject: str, body: bytes, reply: str | None = None) -> None:
        """Carry a frame to all who subscribed to its subject. Never waits; a frame that can't be
        carried is lost. Raises TooLarge."""
        ...

    async def subscribe(
        self, pattern: str, receive: Callable[[Carried], None], group: str | None = None
    ) -> Stoppable:
        """Call `receive` with each frame; of those with one `group`, one gets each."""
        ...

    async def request(self, subject: str, body: bytes, timeout: float) -> bytes:
        """The answer to a frame. Raises NoResponders at once when nobody listens, EngineTimeout,
        EngineDown."""
        ...

    async def get(self, key: str) -> Entry | None:
        """A key; None when there is none. Raises EngineDown."""
        ...

    async def create(self, key: str, value: bytes) -> int:
        """Take a free key; its revision. Raises KeyChanged when it is taken, EngineDown."""
        ...

    async def update(self, key: str, value: bytes, revision: int) -> int:
        """Change a key that is at `revision`; the new one. Raises KeyChanged, EngineDown."""
        ...

    async def delete(self, key: str, revision: int) -> None:
        """Free a key that is at `revision`. Raises KeyChanged, EngineDown."""
        ...

    async def watch(self, pattern: str, changed: Callable[[Entry], None]) -> Stoppable:
        """Call `changed` with each key of the pattern as it is, then with every change. Raises
        EngineDown."""
        ...
