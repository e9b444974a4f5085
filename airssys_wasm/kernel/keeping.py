"""What a dead child keeps for its next incarnation: its mailbox, its name, its places.

With `keep_on_restart` these belong to the child; its supervisor hands them over or gives them up.

Plain synchronous code, so that nothing comes between two steps.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from airssys_wasm.kernel.bounded_ref import BoundedRef
from airssys_wasm.kernel.message import SIGNALS
from airssys_wasm.kernel.states import GONE, HeldQueue

if TYPE_CHECKING:
    from airssys_wasm.kernel.kernel import Kernel
    from airssys_wasm.kernel.ref import ActorRef


class Keeping:
    """The kept mailboxes of one kernel."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def messages_of(self, entries: Iterable[Any], ref: ActorRef[Any], reason: object) -> list[Any]:
        """What the next incarnation may have: signals are about what this one alone had done."""
        messages = []
        for entry in entries:
            if entry.__class__ in SIGNALS:
                self._kernel.reporting.dead_letter(entry, ref, reason)
            else:
                messages.append(entry)
        return messages

    def release_identity(self, ref: ActorRef[Any], successor: ActorRef[Any] | None) -> None:
        """Free or hand over the name, and tell those who asked with `on_exit`."""
        extension = ref._extension
        if extension is None:
            return
        if extension.name is not None:
            if successor is None:
                self._kernel.registry.unregister(extension.name)
            else:
                self._kernel.registry.hand_over(extension.name, successor)
                successor._ext().name = extension.name
            extension.name = None
        hooks, extension.hooks = extension.hooks, None
        for hook in hooks or ():
            try:
                hook(ref, successor)
            except Exception:  # whoever asked must not hold up the death of another
                self._kernel.reporting.callback_raised(f"for the exit of {ref}")

    def release(self, ref: ActorRef[Any]) -> None:
        """Give up what a dead child holds."""
        queue = ref._queue
        if not isinstance(queue, HeldQueue):
            return
        ref._queue = GONE
        rest = deque(queue)
        if isinstance(ref, BoundedRef):
            rest.extend(ref._give_up_putters())
        self._kernel.remains.bury(rest, ref, ref.exit_reason)
        self.release_identity(ref, None)
        ref._extension = None

    def adopt(self, old: ActorRef[Any], new: ActorRef[Any]) -> None:
        """Hand over what the dead incarnation `old` holds to `new`, which has not run yet."""
        queue = old._queue
        if not isinstance(queue, HeldQueue):
            return
        old._queue = GONE
        # A group that it watched may have changed since its death.
        entries = self.messages_of(queue, old, old.exit_reason)
        entries.extend(new._queue or ())
        if entries:
            new._queue = new._queue_of(entries)
        if isinstance(old, BoundedRef) and isinstance(new, BoundedRef):
            new._load, old._load = old._load, 0
            new._putters, old._putters = old._putters, new._putters
        self.release_identity(old, new)
        old._extension = None
