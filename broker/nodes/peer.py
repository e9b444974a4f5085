"""One node's view of another: what is said is numbered, so that no loss is silent.

Pure, as h11 is: bytes and time come in, what is to be done comes out. Both sides name the stream of
what they say. A gap in the numbers, a new life of the other node, silence, or a stream that the
other does not know, each ends the connection: `Lost` comes out once, behind everything that was
received before, and nothing of the old streams comes out after it. What is posted then begins a
new connection. Lives are ordered as texts: what an earlier life says late is not heard.

A stream is (node, life, name, numbers from 1):
    Hello(a) ->            <- Welcome(b, to=a)       or Hellos that cross, which are both answered
    Data(a, 1, ...) ->     <- Data(b, 1, ...)
    Beat(a, said=1) ->     <- Beat(b, said=1)        so that the loss of the last one is seen, too
    Reset(b) ->            my side: I have lost something of your stream b
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from airssys_wasm.broker.nodes.node_settings import BEAT, PATIENCE
from airssys_wasm.broker.nodes.wire import Beat, Body, Data, Envelope, Hello, Part, Reset, Welcome


@dataclass(frozen=True, slots=True)
class Transmit:
    """Send this to the other node."""

    envelope: Envelope


@dataclass(frozen=True, slots=True)
class Deliver:
    """The other node said this."""

    body: Body


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection is over; what was posted and not received is lost with it.

    `unsent` is what was never sent, because the other node had not answered yet.
    """

    why: str
    unsent: tuple[Body, ...] = ()


Output = Transmit | Deliver | Lost
Phase = Literal["apart", "calling", "together"]


class Peer:
    """The connection of `node`, in its life `life`, with one other node.

    `new_name` gives a fresh name for a stream.
    """

    def __init__(
        self,
        node: str,
        life: str,
        new_name: Callable[[], str],
        *,
        beat: float = BEAT,
        patience: float = PATIENCE,
    ) -> None:
        self._node = node
        self._life = life
        self._new_name = new_name
        self._beat = beat
        self._patience = patience
        self.phase: Phase = "apart"
        self.announced = False  # whether those who watch the nodes know that they are together
        self.announced_life = ""  # the life that they were told of last
        self.their_life = ""
        self._mine = ""  # my stream
        self._theirs = ""
        self._said = 0
        self._heard = 0
        self._queued: list[Body] = []
        self._called = 0.0  # when the first Hello went out
        self._spoke = 0.0
        self._listened = 0.0

    # --- what comes in

    def post(self, body: Body, now: float) -> list[Output]:
        """Say `body` to the other node: now, or when it has answered."""
        if self.phase == "together":
            return [self._say(body, now)]
        self._queued.append(body)
        return [] if self.phase == "calling" else self._call(now)

    def receive(self, envelope: Envelope, now: float) -> list[Output]:
        """Something came from the other node."""
        outputs: list[Output] = []
        if envelope.life < self.their_life:
            return []  # late words of an earlier life
        if self.phase == "together" and envelope.life != self.their_life:
            outputs += self._lose("it was started anew", tell=False)
        self._listened = now
        match envelope.part:
            case Hello(stream):
                outputs += self._hello(stream, envelope.life, now)
            case Welcome(stream, to):
                outputs += self._welcome(stream, to, envelope.life, now)
            case Data(stream, number, body):
                outputs += self._data(stream, number, body)
            case Beat(stream, said):
                outputs += self._beat_of(stream, said)
            case Reset(stream, why):
                if self.phase == "together" and stream == self._mine:
                    outputs += self._lose(f"it says: {why}", tell=False)
        return outputs

    def tick(self, now: float) -> list[Output]:
        """Time has passed; to be called twice a beat or so."""
        if self.phase == "calling":
            if now >= self._called + self._patience:
                return self._lose("no answer", tell=False)
            if now >= self._spoke + self._beat:
                return [self._transmit(Hello(self._mine), now)]
        if self.phase == "together":
            if now >= self._listened + self._patience:
                return self._lose("silence", tell=True)
            if now >= self._spoke + self._beat:
                return [self._transmit(Beat(self._mine, self._said), now)]
        return []

    def excuse(self, seconds: float) -> None:
        """This node itself was held up for so long: the other's silence does not count."""
        self._listened += seconds
        self._called += seconds

    def close(self, why: str) -> list[Output]:
        """The connection is to end, for a reason on this side. The other is told."""
        return [] if self.phase == "apart" else self._lose(why, tell=True)

    def connect(self, now: float) -> list[Output]:
        """Talk to the other node, though there is nothing to say yet."""
        return self._call(now) if self.phase == "apart" else []

    # --- how connections begin and end

    def _call(self, now: float) -> list[Output]:
        self.phase = "calling"
        self._mine = self._new_name()
        self._called = now
        return [self._transmit(Hello(self._mine), now)]

    def _hello(self, stream: str, life: str, now: float) -> list[Output]:
        outputs: list[Output] = []
        if self.phase == "together":
            if stream == self._theirs:  # our Welcome was lost, or this came twice
                return [self._transmit(Welcome(self._mine, stream), now)]
            outputs += self._lose("it begins anew", tell=False)
        if self.phase == "apart":
            self._mine = self._new_name()
        return outputs + self._join(stream, life, now, answer=True)

    def _welcome(self, stream: str, to: str, life: str, now: float) -> list[Output]:
        if self.phase == "calling" and to == self._mine:
            return self._join(stream, life, now, answer=False)
        return []

    def _join(self, stream: str, life: str, now: float, *, answer: bool) -> list[Output]:
        self.phase = "together"
        self.their_life = life
        self._theirs = stream
        self._said = self._heard = 0
        outputs: list[Output] = []
        if answer:
            outputs.append(self._transmit(Welcome(self._mine, stream), now))
        queued, self._queued = self._queued, []
        return outputs + [self._say(body, now) for body in queued]

    def _lose(self, why: str, *, tell: bool) -> list[Output]:
        outputs: list[Output] = []
        if tell and self._theirs:
            outputs.append(Transmit(self._envelope(Reset(self._theirs, why))))
        self.phase = "apart"
        self._mine = self._theirs = ""
        unsent, self._queued = tuple(self._queued), []
        return [*outputs, Lost(why, unsent)]

    # --- what is said

    def _data(self, stream: str, number: int, body: Body) -> list[Output]:
        if self.phase != "together" or stream != self._theirs:
            return [Transmit(self._envelope(Reset(stream, "this stream is over")))]
        if number <= self._heard:
            return []  # it came twice
        if number > self._heard + 1:
            return self._lose(f"{number - self._heard - 1} frames are lost", tell=True)
        self._heard = number
        return [Deliver(body)]

    def _beat_of(self, stream: str, said: int) -> list[Output]:
        if self.phase != "together" or stream != self._theirs:
            return [Transmit(self._envelope(Reset(stream, "this stream is over")))]
        if said > self._heard:
            return self._lose(f"{said - self._heard} frames are lost", tell=True)
        return []

    def _say(self, body: Body, now: float) -> Transmit:
        self._said += 1
        return self._transmit(Data(self._mine, self._said, body), now)

    def _transmit(self, part: Part, now: float) -> Transmit:
        self._spoke = now
        return Transmit(self._envelope(part))

    def _envelope(self, part: Part) -> Envelope:
        return Envelope(self._node, self._life, part)
