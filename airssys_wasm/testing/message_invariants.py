"""Laws of messages and mailboxes: none is lost or handled twice, and none waits for nobody."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from airssys_wasm.kernel.crash import brief
from airssys_wasm.kernel.message import SIGNALS, payload_of
from airssys_wasm.kernel.reasons import says
from airssys_wasm.kernel.ref import ActorRef
from airssys_wasm.kernel.states import DEAD, ENDING, NOTHING, PROCESS, SUSPENDED
from airssys_wasm.testing.invariant import Invariant

if TYPE_CHECKING:
    from airssys_wasm.kernel.kernel import Kernel
    from airssys_wasm.kernel.message import DeadLetter


class MailboxesRun(Invariant):
    """An actor that has messages runs: no wake-up is lost.

    When nothing can run, an actor that waits in no handler and is not suspended has no messages.
    """

    def quiet(self, kernel: Kernel) -> None:
        for ref in kernel.actors():
            if ref._mode & (DEAD | ENDING | SUSPENDED | PROCESS) or not ref.mailbox_length:
                continue
            task = ref._extension.task if ref._extension is not None else None
            if task is None or task.done():
                self.broken(f"{ref} has {ref.mailbox_length} messages, and nothing makes it run")


class MessagesConserved(Invariant):
    """A message is handled once, or waits in its mailbox, or is a dead letter.

    Those that an overflow policy drops, and those that nobody took in time, are dead letters, too.
    What is told by signals (`Down`, `Exit`) is no message.
    """

    def __init__(self) -> None:
        self._waiting: dict[ActorRef[Any], Counter[int]] = {}
        self._kept_alive: dict[int, Any] = {}  # so that no other message gets its id

    def accepted(self, ref: ActorRef[Any], message: Any) -> None:
        self._kept_alive[id(message)] = message
        self._waiting.setdefault(ref, Counter())[id(message)] += 1

    def taken(self, ref: ActorRef[Any], message: Any) -> None:
        if not self._left(ref, message):
            self.broken(f"{ref} gets {brief(message)}, which is not in its mailbox")

    def dead_lettered(self, letter: DeadLetter) -> None:
        ref = letter.to
        if letter.crashed or not isinstance(ref, ActorRef):
            return  # it was taken; or nobody had that name
        if says(letter.reason, "full") and self._count(ref) <= len(_messages(ref)):
            return  # it was refused, and is not the one that made room
        self._left(ref, letter.message)

    def handed_over(self, old: ActorRef[Any], new: ActorRef[Any]) -> None:
        waiting = self._waiting.pop(old, None)
        if waiting is not None:
            self._waiting.setdefault(new, Counter()).update(waiting)

    def quiet(self, kernel: Kernel) -> None:
        for ref in list(self._waiting):
            if ref._scheduler.kernel is not kernel:
                continue
            count, messages = self._count(ref), _messages(ref)
            if count < len(messages):
                self.broken(f"{ref} has {len(messages)} messages, and was sent {count} of them")
            if count > len(messages):
                there = Counter(id(message) for message in messages)
                lost = next(iter((self._waiting[ref] - there).elements()))
                self.broken(
                    f"{brief(self._kept_alive[lost])} to {ref} is lost: "
                    "it was not handled, does not wait, and is no dead letter"
                )
        if not self._waiting:
            self._kept_alive.clear()

    def ended(self, kernel: Kernel) -> None:
        self.quiet(kernel)

    def _count(self, ref: ActorRef[Any]) -> int:
        return self._waiting.get(ref, NONE).total()

    def _left(self, ref: ActorRef[Any], message: Any) -> bool:
        waiting = self._waiting.get(ref, NONE)
        if not waiting[id(message)]:
            return False
        waiting[id(message)] -= 1
        if not waiting[id(message)]:
            del waiting[id(message)]
            if not waiting:
                del self._waiting[ref]
        return True


NONE: Counter[int] = Counter()


def _messages(ref: ActorRef[Any]) -> list[Any]:
    """The messages in the mailbox of an actor that does not run now."""
    extension = ref._extension
    inbox = extension.inbox if extension is not None else None
    entries = [*(inbox._saved if inbox is not None else ()), ref._one, *(ref._queue or ())]
    return [payload_of(e) for e in entries if e is not NOTHING and e.__class__ not in SIGNALS]
