"""Which messages of a mailbox a component is pushed together with the one in hand.

Always: they keep their order; what stands between two messages (a signal, a stop, a callback, a
question to the host) is not overtaken; together they are no larger than one message may be.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from airssys_wasm.components.incoming import Refused, incoming
from airssys_wasm.components.questions import OWN_QUESTIONS
from airssys_wasm.kernel.message import Envelope
from airssys_wasm.kernel.posting import next_waiting, take_waiting
from airssys_wasm.kernel.states import NOTHING

if TYPE_CHECKING:
    from airssys_wasm.components.host.caller import Caller
    from airssys_wasm.components.message import WitMessage

MOST = 64  # messages in one push: about 0.2 ms of 256 bytes each


class Taken(NamedTuple):
    """A message, the request that it is if it is one, and the record that the guest gets."""

    message: Any
    request: Envelope | None
    given: WitMessage


def take_batch(caller: Caller, first: Taken, refuse: Callable[[Refused], None]) -> list[Taken]:
    """`first` and what comes after it in the mailbox, 64 at most; that is taken off.

    `refuse` is told of messages among them that the component is not given.
    """
    ref = caller.ref
    batch, size = [first], len(first.given[1])
    for _ in range(MOST - 1):
        entry: Any = next_waiting(ref)
        if entry is NOTHING:
            break
        request = entry if entry.__class__ is Envelope else None
        message = entry if request is None else request.message
        if message.__class__ in OWN_QUESTIONS:
            break
        taken = incoming(caller, message, request)
        if isinstance(taken, Refused):
            take_waiting(ref)
            refuse(taken)
            continue
        size += len(taken[1])
        if size > caller.limits.payload:
            break
        take_waiting(ref)
        batch.append(Taken(message, request, taken))
    return batch
