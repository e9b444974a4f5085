"""Acts: messages and requests between actors of two nodes.

A request is answered, or fails: with the end of its target, with the error that it was answered
with, or with `"noconnection"`. Who gives up waiting says so, and a late answer is dropped.
"""

from __future__ import annotations

from asyncio import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airssys_wasm.broker.errors import NotDecodable, NotEncodable, RemoteError, TooLarge
from airssys_wasm.broker.nodes.packing import Packing, text
from airssys_wasm.broker.nodes.remote_refs import Line, RemoteRefs
from airssys_wasm.broker.nodes.wire import (
    Address,
    Answer,
    Ask,
    Body,
    GiveUp,
    Put,
    Send,
    WhoIs,
)
from airssys_wasm.kernel.errors import ActorExited, AirssysError, MailboxFull
from airssys_wasm.kernel.incoming import ask_in, put_in, send_in
from airssys_wasm.kernel.ref import ActorRef

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from airssys_wasm.kernel.kernel import Kernel
    from airssys_wasm.kernel.outside_ref import OutsideRef


@dataclass(slots=True)
class _Asked:
    """What somebody here waits for."""

    target: Any
    future: Future[Any]
    message: Any = None


class RemoteRequests:
    """What the actors of one node ask of those elsewhere, and what is asked of them."""

    def __init__(
        self,
        kernel: Kernel,
        line: Line,
        refs: RemoteRefs,
        packing: Packing,
        here: Callable[[str, Address], ActorRef[Any] | None],
    ) -> None:
        self._kernel = kernel
        self._line = line
        self._refs = refs
        self._packing = packing
        self._here = here
        self._asked: dict[str, dict[int, _Asked]] = {}
        self._serving: dict[str, dict[int, Future[Any]]] = {}
        self._numbers = 0

    # --- what actors here want

    def tell(self, ref: OutsideRef[Any], message: Any, priority: int, ttl: float | None) -> None:
        """See `Outside.tell`."""
        self._line.post(
            ref.place.node, Send(ref.place, self._packing.message(message), priority, ttl)
        )

    def hand(
        self, ref: OutsideRef[Any], message: Any, priority: int, ttl: float | None
    ) -> Future[None]:
        """See `Outside.hand`."""
        packed = self._packing.message(message)
        future: Future[None] = self._kernel.scheduler.future()
        number = self._wait(ref.place.node, _Asked(ref, future, message))
        self._line.post(ref.place.node, Put(ref.place, number, packed, priority, ttl))
        return future

    def ask(
        self,
        ref: OutsideRef[Any],
        message: Any,
        future: Future[Any],
        priority: int,
        ttl: float | None,
    ) -> None:
        """See `Outside.ask`."""
        packed = self._packing.message(message)
        number = self._wait(ref.place.node, _Asked(ref, future, message))
        self._line.post(ref.place.node, Ask(ref.place, number, packed, priority, ttl))

    def whereis(self, name: str, node: str) -> Future[ActorRef[Any] | None]:
        """Who has a name on that node."""
        future: Future[ActorRef[Any] | None] = self._kernel.scheduler.future()
        number = self._wait(node, _Asked(f"{name}@{node}", future))
        self._line.post(node, WhoIs(name, number))
        return future

    def _wait(self, node: str, asked: _Asked) -> int:
        self._numbers += 1
        number = self._numbers
        if not self._line.is_open:
            asked.future.set_exception(ActorExited(asked.target, "noconnection"))
            return number
        waiting = self._asked.setdefault(node, {})
        waiting[number] = asked

        def over(_: Future[Any]) -> None:
            if waiting.pop(number, None) is not None:
                self._line.post(node, GiveUp(number))

        asked.future.add_done_callback(over)
        return number

    # --- what comes from other nodes

    def send(self, node: str, body: Send) -> None:
        """A message has come."""
        ref = self._here(node, body.to)
        try:
            message = self._packing.unpacked(body.message)
        except NotDecodable as problem:
            self._kernel.reporting.dead_letter(body.message.data, ref or _text(body.to), problem)
            raise
        if ref is None:
            self._kernel.reporting.dead_letter(message, _text(body.to), "noproc")
        else:
            send_in(ref, message, body.priority, body.ttl)

    def serve(self, node: str, body: Ask | Put) -> None:
        """A request has come, or a message whose sender waits for room."""
        ref = self._here(node, body.to)
        try:
            message = self._packing.unpacked(body.message)
            if ref is None:
                if isinstance(body, Ask):
                    self._answer(node, body.number, "exited", "noproc")
                else:
                    self._kernel.reporting.dead_letter(message, _text(body.to), "noproc")
                    self._answer(node, body.number, "value", None)
                return
            begin = ask_in if isinstance(body, Ask) else put_in
            future: Future[Any] = begin(ref, message, body.priority, body.ttl)
        except (AirssysError, ValueError) as error:
            self._fail(node, body.number, ref, error)
            return
        serving = self._serving.setdefault(node, {})
        serving[body.number] = future

        def done(_: Future[Any]) -> None:
            if serving.pop(body.number, None) is not None and not future.cancelled():
                error = future.exception()
                if error is None:
                    self._reply(node, body.number, future.result())
                else:
                    self._fail(node, body.number, ref, error)

        future.add_done_callback(done)

    def who_is(self, node: str, body: WhoIs) -> None:
        """Somebody wants to know who has a name here."""
        self._answer(node, body.number, "value", self._kernel.whereis(body.name))

    def give_up(self, node: str, body: GiveUp) -> None:
        """Nobody waits any more."""
        future = self._serving.get(node, {}).pop(body.number, None)
        if future is not None:
            future.cancel()

    def answered(self, node: str, body: Answer) -> None:
        """What somebody here has waited for."""
        asked = self._asked.get(node, {}).pop(body.number, None)
        if asked is None or asked.future.done():
            return  # who asked has given up
        try:
            value = self._packing.unpacked(body.value)
            match body.how:
                case "value":
                    asked.future.set_result(value)
                case "error":
                    kind, said = value
                    asked.future.set_exception(RemoteError(str(kind), str(said)))
                case "exited":
                    asked.future.set_exception(ActorExited(asked.target, value))
                case "full":
                    full = MailboxFull(asked.target, value, asked.message)
                    asked.future.set_exception(full)
        except NotDecodable as problem:
            asked.future.set_exception(problem)
        except (TypeError, ValueError) as problem:
            asked.future.set_exception(NotDecodable(f"no answer: {problem}"))

    def lost(self, node: str, unsent: Iterable[Body]) -> None:
        """The connection is over: nobody is left waiting. `unsent` never went out."""
        for asked in self._asked.pop(node, {}).values():
            if not asked.future.done():
                asked.future.set_exception(ActorExited(asked.target, "noconnection"))
        for future in self._serving.pop(node, {}).values():
            future.cancel()
        for body in unsent:
            if isinstance(body, Send):
                message = self._packing.unpacked(body.message)
                letter_to = self._refs.find(body.to) or _text(body.to)
                self._kernel.reporting.dead_letter(message, letter_to, "noconnection")

    # --- answers

    def _reply(self, node: str, number: int, value: Any) -> None:
        try:
            self._line.post(node, Answer(number, "value", self._packing.message(value)))
        except (NotEncodable, TooLarge) as problem:
            self._fail(node, number, None, problem)

    def _fail(
        self, node: str, number: int, ref: ActorRef[Any] | None, error: BaseException
    ) -> None:
        if isinstance(error, ActorExited) and error.target is ref:
            self._answer(node, number, "exited", error.reason)
        elif isinstance(error, MailboxFull) and error.target is ref:
            self._answer(node, number, "full", error.capacity)
        else:
            self._answer(node, number, "error", [type(error).__name__, text(error)])

    def _answer(self, node: str, number: int, how: Any, value: object) -> None:
        self._line.post(node, Answer(number, how, self._packing.reason(value)))


def _text(address: Address) -> str:
    return f"{address.node}/{address.life}/{address.serial}"
