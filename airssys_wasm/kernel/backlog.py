"""Acts: tells, once an actor, that its unbounded mailbox has grown beyond all reason.

Looked at where a long mailbox is worked off, once an activation, so that `send` pays nothing. An
actor that never comes back from its handler is not looked at: the watchdog names that.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from airssys_wasm.kernel.mailbox import WARN_LENGTH
from airssys_wasm.kernel.states import WARNED

if TYPE_CHECKING:
    from airssys_wasm.kernel.ref import ActorRef

log = logging.getLogger("airssys_wasm.kernel")


def long_mailbox(ref: ActorRef[Any], length: int) -> None:
    """`ref` has `length` messages queued: a warning, unless it is bounded or had one."""
    if length < WARN_LENGTH or ref._traits & WARNED or ref.capacity is not None:
        return
    ref._traits |= WARNED
    ref._scheduler.long_mailboxes += 1
    log.warning(
        "%s has %s messages in its unbounded mailbox: it is slower than those who send to it; "
        "Mailbox(capacity=…) bounds it",
        ref,
        f"{length:,}",
    )
