"""What a node does with the messages of a durable mailbox: which it hands to the actor, and when.

Pure: events in, outputs out; `durable_mailbox.py` carries them out. The server keeps each message
until it is acknowledged and numbers them from 1 without a gap; it may deliver one again.

Invariants:
  - messages are handed on one at a time, in the order of their numbers;
  - one is acknowledged only after its handler returned, after it was buried, or when it was
    handled before;
  - one that was handled here is not handed on again, however often it comes; nor is another one
    with its id, within `window` seconds;
  - one that was tried `max_deliver` times, the last of them in vain, is buried.

How often a message was tried is counted here: the server counts deliveries, also those that nobody
took. The count is noted at the server before a message is tried again, so that it outlives the
process. A message that the server has delivered before, and of which nothing is noted, may have
crashed its process: it counts as tried once.

Source: NATS documentation, "JetStream: Consumers", for acknowledgements and deliveries.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import inf
from typing import Literal

BATCH = 1_000  # messages asked for at once; how many are delivered is bounded by `max_in_flight`
PULL_TIME = 5.0  # seconds after which the server is asked anew: it may have forgotten, or rest
PULL_LASTS = PULL_TIME + 3.0  # seconds for which it keeps in mind what it was asked
ASK_AGAIN = 1.0  # seconds between two looks at which message is the first, or two refusals
REMEMBERED = 100_000  # ids of handled messages at most: those of two minutes at 800 a second


@dataclass(frozen=True, slots=True)
class Delivered:
    """A message as the server delivers it, for the first time or `again`.

    It is acknowledged at `reply`.
    """

    number: int
    id: str
    again: bool
    reply: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Hand:
    """Give it to the actor, for the `tries`th time; `handled`, `failed` or `untaken` follows."""

    message: Delivered
    tries: int


@dataclass(frozen=True, slots=True)
class Note:
    """Keep at the server that this is the `tries`th time; `noted` follows."""

    message: Delivered
    tries: int


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """The server may forget it."""

    message: Delivered


@dataclass(frozen=True, slots=True)
class Return:
    """The server is to deliver it again, after `delay` seconds."""

    message: Delivered
    delay: float


@dataclass(frozen=True, slots=True)
class Extend:
    """It is being worked on: the server is to wait."""

    message: Delivered


@dataclass(frozen=True, slots=True)
class Bury:
    """Keep it among the dead letters, after so many tries; `buried` follows."""

    message: Delivered
    why: object
    tries: int


@dataclass(frozen=True, slots=True)
class Ask:
    """Look up what the server has and what is noted there; `bounds` follows."""


@dataclass(frozen=True, slots=True)
class Pull:
    """Ask the server for messages."""

    batch: int


Output = Hand | Note | Acknowledge | Return | Extend | Bury | Ask | Pull


class Inbox:
    """The messages of one mailbox on one node. `attach` begins it.

    >>> inbox = Inbox(max_deliver=2, ack_wait=30.0, window=120.0)
    >>> inbox.attach(0.0)
    [Pull(batch=1000)]
    >>> first = Delivered(1, "a:1", False, "ack.1", b"hello")
    >>> inbox.arrived(first, 0.0), inbox.bounds(1, 1, (0, 0), 0.0) == [Hand(first, 1)]
    ([Ask()], True)
    >>> inbox.handled(0.1) == [Acknowledge(first)]
    True
    """

    def __init__(self, *, max_deliver: int, ack_wait: float, window: float) -> None:
        self._max_deliver = max_deliver
        self._ack_wait = ack_wait
        self._window = window
        self._actor: Literal["there", "paused", "gone"] = "gone"
        self._next: int | None = None  # the number that comes next; all before it are done
        self._held: dict[int, Delivered] = {}  # not handed on yet
        self._busy: Delivered | None = None  # with the actor
        self._noting: Delivered | None = None  # handed on as soon as its tries are noted
        self._burying: Delivered | None = None
        self._tried = (0, 0)  # the number of the message that was tried last, and how often
        self._done: OrderedDict[str, float] = OrderedDict()  # ids of handled ones, and when
        self._expected = 0  # messages the server was asked for and has not delivered
        self._pull_ends = 0.0
        self._asked: float | None = None  # when the bounds were asked for last
        self._extended = 0.0

    @property
    def in_hand(self) -> int:
        """How many messages are here and not acknowledged."""
        return len(list(self._here()))

    def adjust(self, *, max_deliver: int, ack_wait: float) -> None:
        """Other numbers from now on."""
        self._max_deliver, self._ack_wait = max_deliver, ack_wait

    def attach(self, now: float) -> list[Output]:
        """There is an actor from now on."""
        was, self._actor = self._actor, "there"
        if was == "there":
            return []
        if was == "gone" or now - self._extended >= self._ack_wait:
            self._held.clear()  # the server has given them up
            self._next = None
        self._asked = None
        self._extended = now
        return [*self._go_on(now), *self._pulled(now)]

    def pause(self) -> list[Output]:
        """The actor has ended, and another incarnation may come: what is here waits for it.

        The server waits for as long as it does for an acknowledgement.
        """
        if self._actor == "there":
            self._actor = "paused"
        return []

    def detach(self) -> list[Output]:
        """There is no actor any more: what is here goes back, for another node."""
        self._actor = "gone"
        self._expected = 0
        held, self._held = self._held, {}
        return [Return(held[number], 0.0) for number in sorted(held)]

    def arrived(self, message: Delivered, now: float) -> list[Output]:
        """The server delivered a message."""
        self._expected -= 1
        if self._actor == "gone":
            return [Return(message, 0.0)]
        for place in ("_busy", "_noting", "_burying"):
            held: Delivered | None = getattr(self, place)
            if held is not None and held.number == message.number:
                # It took longer than the server waited: this answer counts from now on.
                setattr(self, place, replace(held, reply=message.reply))
                return self._pulled(now)
        self._held[message.number] = message
        if message.number == min(self._held):
            self._asked = None
        return [*self._go_on(now), *self._pulled(now)]

    def reconnected(self, now: float) -> list[Output]:
        """The connection is a new one: what the server was asked on the old one is forgotten."""
        self._expected = 0
        return self._pulled(now)

    def pull_refused(self, now: float) -> list[Output]:
        """The server can't do now what it was asked: it is asked again, but not at once."""
        self._pull_ends = min(self._pull_ends, now + ASK_AGAIN)
        return []

    def bounds(self, first: int, last: int, tried: tuple[int, int], now: float) -> list[Output]:
        """The server has the messages `first` to `last`, without those that are done.

        `tried` is noted there: the number of the message that was tried last, and how often.
        """
        if self._next is not None and last < self._next - 1:
            self._next = None  # a new stream, which numbers from 1 again
        if not self._is_free:
            return []
        if tried[0] > self._tried[0] or (self._next is None and tried[0] != self._tried[0]):
            self._tried = tried
        outputs: list[Output] = []
        while self._held:
            number = min(self._held)
            if self._next is not None and number < self._next:
                outputs.append(Acknowledge(self._held.pop(number)))  # done before; that was lost
                continue
            if first >= number:
                self._next = number
            break
        return [*outputs, *self._go_on(now)]

    def handled(self, now: float) -> list[Output]:
        """The actor's handler returned."""
        return self._done_with(self._taken_from_actor(), now)

    def failed(self, why: object, now: float) -> list[Output]:
        """The handler did not return, or said that it failed."""
        message, (_, tries) = self._taken_from_actor(), self._tried
        if tries >= self._max_deliver:
            return self._bury(message, why)
        return [Return(message, retry_delay(tries)), *self._go_on(now)]

    def untaken(self, now: float) -> list[Output]:
        """The actor ended before it came to the message: that is the next one's."""
        return self._not_tried(self._taken_from_actor(), now)

    def noted(self, now: float) -> list[Output]:
        """The server knows how often the message is tried with this time."""
        message, self._noting = self._noting, None
        assert message is not None, "no message was to be noted"
        if self._actor != "there":
            return self._not_tried(message, now)
        self._busy = message
        return [Hand(message, self._tried[1])]

    def unreadable(self, why: object) -> list[Output]:
        """What was to be handed on is nothing that this node understands."""
        return self._bury(self._taken_from_actor(), why)

    def buried(self, now: float) -> list[Output]:
        """It is among the dead letters."""
        message, self._burying = self._burying, None
        assert message is not None, "no message was to be buried"
        return self._done_with(message, now)

    def tick(self, now: float) -> list[Output]:
        """Time has passed."""
        outputs: list[Output] = []
        if self._actor == "there" and now - self._extended >= self._ack_wait / 3:
            self._extended = now
            outputs.extend(Extend(message) for message in self._here())
        outputs.extend(self._go_on(now))
        if now >= self._pull_ends:
            self._expected = 0
        return [*outputs, *self._pulled(now)]

    # --- its own

    def _go_on(self, now: float) -> list[Output]:
        """Hand on what is next, if it is here."""
        outputs: list[Output] = []
        while self._held and self._is_free and self._actor == "there":
            number = min(self._held)
            if number != self._next:
                if self._asked is None or now - self._asked >= ASK_AGAIN:
                    self._asked = now
                    outputs.append(Ask())
                break
            message = self._held.pop(number)
            if now - self._done.get(message.id, -inf) < self._window:
                self._next = number + 1
                outputs.append(Acknowledge(message))
            else:
                outputs.append(self._tried_next(message))
        return outputs

    def _tried_next(self, message: Delivered) -> Output:
        number, tries = self._tried
        if number != message.number:
            tries = 1 if message.again else 0
        self._tried = message.number, tries + 1
        if tries >= self._max_deliver:
            self._tried = message.number, tries
            [buried] = self._bury(message, "not acknowledged")
            return buried
        if tries or self._max_deliver == 1:
            self._noting = message
            return Note(message, tries + 1)
        self._busy = message
        return Hand(message, 1)

    def _not_tried(self, message: Delivered, now: float) -> list[Output]:
        self._tried = message.number, self._tried[1] - 1
        if self._actor == "gone":
            return [Return(message, 0.0)]
        self._held[message.number] = message
        return self._go_on(now)

    @property
    def _is_free(self) -> bool:
        return self._busy is None and self._noting is None and self._burying is None

    def _pulled(self, now: float) -> list[Output]:
        if self._actor != "there" or self._expected > 0:
            return []
        self._expected, self._pull_ends = BATCH, now + PULL_TIME
        return [Pull(BATCH)]

    def _taken_from_actor(self) -> Delivered:
        message, self._busy = self._busy, None
        assert message is not None, "no message was handed on"
        return message

    def _bury(self, message: Delivered, why: object) -> list[Output]:
        self._burying = message
        return [Bury(message, why, self._tried[1])]

    def _done_with(self, message: Delivered, now: float) -> list[Output]:
        self._done[message.id] = now
        self._done.move_to_end(message.id)
        oldest = next(iter(self._done.values()))
        if len(self._done) > REMEMBERED or now - oldest >= self._window:
            self._done.popitem(last=False)
        self._next = message.number + 1
        self._asked = None
        return [Acknowledge(message), *self._go_on(now)]

    def _here(self) -> Iterator[Delivered]:
        for message in (self._busy, self._noting, self._burying):
            if message is not None:
                yield message
        for number in sorted(self._held):
            yield self._held[number]


def retry_delay(tries: int) -> float:
    """Seconds before a message that was tried so often comes again: at once at first.

    >>> [retry_delay(tries) for tries in (1, 2, 3, 4, 20)]
    [0.0, 0.1, 0.2, 0.4, 10.0]
    """
    return 0.0 if tries <= 1 else min(10.0, 0.1 * 2 ** min(tries - 2, 10))
