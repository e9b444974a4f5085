"""Acts: the conservation of messages: what was sent is counted where it is sent, not by the kernel.

The law, between two activations and while no handler is suspended:

    sent = handled + queued + dead letters (those dropped by an overflow policy are among them)

A message whose sender was cancelled or timed out while it waited may have been queued or not; such
messages are counted as `unsure`, and the law holds within that number. The kernel counts signals
(`Down`, `Exit`) as handled, too: say how many arrived, or watch systems without any.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

from airssys_wasm.kernel import (
    ActorExited,
    ActorRef,
    Kernel,
    MailboxFull,
    RequestTimeout,
    SelfRequest,
)


@dataclass(frozen=True, slots=True)
class Balance:
    """Where the messages of a system are.

    >>> Balance(sent=5, unsure=0, handled=3, queued=1, dead=1).holds
    True
    """

    sent: int
    unsure: int
    handled: int
    queued: int
    dead: int

    @property
    def missing(self) -> int:
        """Messages that are nowhere; below 0: that are in two places."""
        return self.sent - self.handled - self.queued - self.dead

    @property
    def holds(self) -> bool:
        """Whether no message is lost or doubled."""
        return -self.unsure <= self.missing <= 0


class Ledger:
    """Counts what is sent through its refs."""

    def __init__(self) -> None:
        self.sent = 0
        self.unsure = 0
        self._refs: dict[ActorRef[Any], None] = {}

    def ref(self, ref: ActorRef[Any]) -> CountingRef:
        """An address of `ref` whose messages are counted here."""
        self._refs[ref] = None
        return CountingRef(ref, self)

    def balance(self, kernel: Kernel, *, signals: int = 0) -> Balance:
        """Where the messages are now; `signals` were handled that nobody sent through a ref."""
        statistics = kernel.statistics()
        queued = sum(ref.mailbox_length for ref in self._refs)
        return Balance(
            sent=self.sent,
            unsure=self.unsure,
            handled=statistics.handled - signals,
            queued=queued,
            dead=kernel.dead_letters.count,
        )


class CountingRef:
    """An address that counts what is sent through it."""

    def __init__(self, ref: ActorRef[Any], ledger: Ledger) -> None:
        self.target = ref
        self._ledger = ledger

    def send(self, message: Any, /, **options: Any) -> None:
        """As `ActorRef.send`; a refused message was not sent."""
        self.target.send(message, **options)
        self._ledger.sent += 1

    async def put(self, message: Any, /, **options: Any) -> None:
        """As `ActorRef.put`."""
        try:
            await self.target.put(message, **options)
        except asyncio.CancelledError:
            self._ledger.unsure += 1
            raise
        self._ledger.sent += 1

    async def request(self, message: Any, /, **options: Any) -> Any:
        """As `ActorRef.request`."""
        alive = self.target.is_alive
        try:
            answer = await self.target.request(message, **options)
        except (SelfRequest, TypeError, ValueError):
            raise
        except MailboxFull:
            self._ledger.unsure += 1  # refused, or dropped and a dead letter
            raise
        except ActorExited:
            self._ledger.unsure += alive  # it may have been about to end, and refused
            raise
        except (RequestTimeout, asyncio.CancelledError):
            self._ledger.unsure += 1
            raise
        except Exception:  # an error that the actor answered with
            self._ledger.sent += 1
            raise
        self._ledger.sent += 1
        return answer
