"""Which messages of a mailbox a component is pushed together with the one in hand.

Always: they keep their order; what stands between two messages (a signal, a stop, a callback, a
question to the host) is not overtaken; together they are no larger than one message may be. What
does not fit stays in the mailbox: nothing that was taken off is put back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from airssys_wasm.components.incoming import Refused, as_text, contents, incoming
from airssys_wasm.components.questions import OWN_QUESTIONS
from airssys_wasm.kernel.message import Envelope
from airssys_wasm.kernel.posting import next_waiting, take_waiting
from airssys_wasm.kernel.states import NOTHING

if TYPE_CHECKING:
    from airssys_wasm.components.host.caller import Caller
    from airssys_wasm.components.message import WitMessage, WitTexts

MOST = 64  # messages in one push: about 0.2 ms of 256 bytes each

_NO_SENT_MESSAGE = OWN_QUESTIONS | {Envelope}


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


class TakenTexts(NamedTuple):
    """Texts of one push: the messages behind the one in hand, and the record that the guest gets,
    in which the one in hand is the first."""

    more: list[Any]
    given: WitTexts


def take_texts(
    caller: Caller, first: WitMessage, refuse: Callable[[Refused], None]
) -> TakenTexts | None:
    """`first`, which was sent, and the texts right behind it in the mailbox, 64 at most; those are
    taken off. None if it is no text, or none follows.

    It ends at the first message that is not as `first`: sent, by the same sender, of the same
    content type, and UTF-8. `refuse` is told of those among them that the component is not given.
    """
    ref = caller.ref
    if next_waiting(ref) is NOTHING:
        return None
    text = as_text(first)
    if text is None:
        return None
    sender, payload, metadata = text
    size, most = len(first[1]), caller.limits.payload
    payloads, ends, more = [payload], [size], []
    for _ in range(MOST - 1):
        message: Any = next_waiting(ref)
        if message is NOTHING or message.__class__ in _NO_SENT_MESSAGE:
            break
        taken = contents(caller, message, None)
        if isinstance(taken, Refused):
            take_waiting(ref)
            refuse(taken)
            continue
        source, sent, content_type = taken
        size += len(sent)
        if size > most or source != sender or content_type != metadata[3]:
            break
        try:
            # Each by itself, and before it is taken off: the halves of a character in two messages
            # are no text, though they would be one when joined.
            payload = sent.decode()
        except UnicodeDecodeError:
            break
        take_waiting(ref)
        payloads.append(payload)
        ends.append(size)
        more.append(message)
    return TakenTexts(more, (sender, "".join(payloads), ends, metadata)) if more else None


def misnumbered(numbers: Iterable[int], count: int) -> str | None:
    """What is wrong with these numbers of messages that failed, out of `count` messages; None if
    they are in range and in rising order.

    >>> misnumbered([0, 2], 3), misnumbered([3], 3), misnumbered([1, 1], 3)
    (None, 'number 3 for 3 messages', 'number 1 after number 1')
    """
    last = -1
    for number in numbers:
        if number >= count:
            return f"number {number} for {count} messages"
        if number <= last:
            return f"number {number} after number {last}"
        last = number
    return None
