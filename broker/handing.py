"""Acts: hands publications to those who get them; what they don't take is a dead letter."""

from __future__ import annotations

from collections.abc import Iterable

from airssys_wasm.broker.delivery import Published, Receiver
from airssys_wasm.kernel.checked_ref import put_unchecked, send_unchecked
from airssys_wasm.kernel.errors import MailboxFull
from airssys_wasm.kernel.kernel import Kernel
from airssys_wasm.kernel.message import DeadLetter
from airssys_wasm.kernel.ref import ActorRef


class Handing:
    """The receivers of one kernel, and the counts of what came to them.

    `copies` were handed to somebody, `dropped` of them found a mailbox full; `undeliverable`
    publications had nobody.
    """

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self.copies = 0
        self.dropped = 0
        self.undeliverable = 0

    def send(self, receiver: Receiver, published: Published) -> None:
        """At once, or never."""
        self.copies += 1
        try:
            send_unchecked(receiver, published)
        except MailboxFull:
            self.drop(receiver, published)

    def give(self, receivers: Iterable[Receiver], published: Published) -> list[Receiver]:
        """Send to all who have room; who has to be waited for.

        The last one with a bound is left to be waited for, unless others are: its `put` does not
        wait when there is room, and costs no exception when there is none.
        """
        bounded: list[Receiver] = []
        for receiver in receivers:
            if receiver.capacity is None:
                send_unchecked(receiver, published)
                self.copies += 1
            else:
                bounded.append(receiver)
        if len(bounded) < 2:
            return bounded
        return [receiver for receiver in bounded if not self._accepts(receiver, published)]

    def _accepts(self, receiver: Receiver, published: Published) -> bool:
        try:
            send_unchecked(receiver, published)
        except MailboxFull:
            return False
        self.copies += 1
        return True

    async def wait_for(self, receiver: Receiver, published: Published) -> None:
        """Give it to somebody once there is room; a dead letter when that can't be waited for."""
        try:
            await put_unchecked(receiver, published)
        except MailboxFull:
            self.drop(receiver, published)
        self.copies += 1

    def drop(self, target: object, published: Published) -> None:
        """A mailbox was full."""
        self.dropped += 1
        to = target if isinstance(target, ActorRef) else str(target)
        self._kernel.dead_letters.record(DeadLetter(published, to, "full"))

    def nobody(self, published: Published) -> None:
        """There is nobody to get it."""
        self.undeliverable += 1
        self._kernel.dead_letters.record(DeadLetter(published, published.topic, "noproc"))
