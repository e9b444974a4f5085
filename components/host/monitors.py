"""Acts: the monitors of one incarnation that have no callback yet.

Always: each gets exactly one callback, or none because it was taken back or the incarnation ended;
the kernel forgets them with their watcher.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from airssys_wasm.components.engine.guest_text import shown
from airssys_wasm.components.message import ComponentMessage, MessageMetadata
from airssys_wasm.components.payload import DOWN
from airssys_wasm.kernel.context import MonitorRef
from airssys_wasm.kernel.reasons import is_orderly

if TYPE_CHECKING:
    from airssys_wasm.components.host.caller import Caller
    from airssys_wasm.components.identity import ComponentId
    from airssys_wasm.kernel.message import Down

MAX_MONITORS = 10_000  # what a component can make the host remember

_WORDS = ("normal", "killed", "noproc")


class Monitors:
    """What is watched. Made for one incarnation."""

    __slots__ = ("_caller", "_watching")

    def __init__(self, caller: Caller) -> None:
        self._caller = caller
        self._watching: dict[str, tuple[ComponentId, MonitorRef]] = {}

    @property
    def has_room(self) -> bool:
        """Whether one more may be watched."""
        return len(self._watching) < MAX_MONITORS

    def begin(self, target: ComponentId) -> str:
        """Watch whoever has that name now; the id that the callback will have."""
        caller = self._caller
        id = caller.kernel.platform.new_id()
        address = caller.find(target) or caller.kernel.named(str(target))
        self._watching[id] = target, caller.kernel.monitor(caller.ref, address, id)
        return id

    def end(self, id: str) -> bool:
        """No callback will come. False when there is no such monitor, or its callback came."""
        _, monitor = self._watching.pop(id, (None, None))
        if monitor is None:
            return False
        self._caller.kernel.demonitor(self._caller.ref, monitor, flush=True)
        return True

    def take(self, down: Down) -> ComponentMessage | None:
        """The callback for this end; None when it is not due."""
        id = str(down.tag)
        target, monitor = self._watching.get(id, (None, None))
        if target is None or monitor is not down.monitor:
            return None
        del self._watching[id]
        now = self._caller.kernel.platform.timestamp()
        payload = msgspec.json.encode({"reason": down_reason(down.reason)})
        return ComponentMessage(target, payload, MessageMetadata(id, None, now, DOWN))


def down_reason(reason: object) -> str:
    """An exit reason as a component is told of it: a word where there is one, else a text.

    >>> down_reason(("shutdown", "upgrade")), down_reason("killed")
    ('shutdown', 'killed')
    """
    if isinstance(reason, str) and reason in _WORDS:
        return reason
    return "shutdown" if is_orderly(reason) else shown(str(reason))
