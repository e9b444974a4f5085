"""Every grant and denial, as an event stream: counted, the latest kept, told to who listens.

Pure: what is kept on disk, and how it is chained, comes with a listener.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Literal, NamedTuple, get_args

from airssys_wasm.components.identity import ComponentId

Outcome = Literal["granted", "denied", "over quota", "over rate", "warning", "critical"]

KEPT = 1_000  # enough to look at after an incident; the counts go on


class AuditRecord(NamedTuple):
    """One decision. `function` is `interface.function`; `detail` says why it was not granted.

    `warning` and `critical` are no decisions: a quota is used up to 80 and to 95 per cent.
    """

    component: ComponentId
    function: str
    target: str
    outcome: Outcome
    detail: str = ""


Listener = Callable[[AuditRecord], None]


class AuditTrail:
    """Takes records as a plain callable: `trail(record)`.

    >>> trail = AuditTrail()
    >>> trail(AuditRecord(ComponentId("", "prices", ""), "storage.get", "storage", "granted"))
    >>> trail.counts["granted"], trail.recent()[0].function
    (1, 'storage.get')
    """

    def __init__(self) -> None:
        self.counts: dict[Outcome, int] = dict.fromkeys(get_args(Outcome), 0)
        self._recent: deque[AuditRecord] = deque(maxlen=KEPT)
        self._listeners: tuple[Listener, ...] = ()

    def __call__(self, record: AuditRecord) -> None:
        self.counts[record.outcome] += 1
        self._recent.append(record)
        for listener in self._listeners:
            listener(record)

    def recent(self) -> tuple[AuditRecord, ...]:
        """The latest 1,000 records, oldest first."""
        return tuple(self._recent)

    def listen(self, listener: Listener) -> None:
        """Call `listener` with each record from now on, before the host function acts."""
        self._listeners = (*self._listeners, listener)
