"""Acts: stands before every host function: capability, quota, rate, in this order; then it acts.

Each decision is reported to the audit. A denial is never silent: the first of its kind in an
incarnation is a warning in the log, with the line that would allow it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Literal, NamedTuple

from airssys_wasm.components.engine.guest_text import shown
from airssys_wasm.components.identity import ComponentId
from airssys_wasm.components.security.audit import AuditRecord, Listener
from airssys_wasm.components.security.capability import Action, Capabilities, Denial, denial
from airssys_wasm.components.security.rate import Rate

log = logging.getLogger("airssys_wasm.components")

Family = Literal["messaging", "storage"]

MAX_TARGET = 256  # bytes of a target in texts: an id has at most 194
DECISIONS = 1_000  # kept for each incarnation; a guest that asks for more is decided anew
WARNINGS = 20  # different denials that one incarnation may warn of

FAMILIES: dict[Action, Family] = {
    "send": "messaging",
    "request": "messaging",
    "publish": "messaging",
    "subscribe": "messaging",
    "read": "storage",
    "write": "storage",
}


class Refusal(NamedTuple):
    """Why a host function does not act; `text` is for the guest."""

    kind: Literal["denied", "quota", "rate"]
    text: str


class Gate:
    """The gate of one incarnation. `rates` bounds the calls of a family; none by default."""

    __slots__ = (
        "_audit",
        "_capabilities",
        "_clock",
        "_component",
        "_decided",
        "_rates",
        "_warned",
        "denied",
    )

    def __init__(
        self,
        component: ComponentId,
        capabilities: Capabilities,
        audit: Listener,
        clock: Callable[[], float],
        rates: Mapping[Family, Rate] | None = None,
    ) -> None:
        self._component = component
        self._capabilities = capabilities
        self._audit = audit
        self._clock = clock
        self._rates = dict(rates or {})
        self._decided: dict[tuple[Action, object], Denial | None] = {}
        self._warned: set[str] = set()
        self.denied = 0

    def refusal(
        self,
        function: str,
        action: Action,
        target: ComponentId | str,
        *,
        within_quota: bool = True,
    ) -> Refusal | None:
        """None when the function may act. `function` is `interface.function`, for the audit.

        `within_quota` is what the caller has found of its own quota.
        """
        denied = self._decide(action, target)
        if denied is not None:
            self.denied += 1
            text = shown(str(denied))
            self._record(function, target, "denied", text)
            self._warn(text)
            return Refusal("denied", text)
        if not within_quota:
            self._record(function, target, "over quota", "")
            return Refusal("quota", f"{function} is over its quota")
        rate = self._rates.get(FAMILIES[action])
        if rate is not None and not rate.admits(self._clock()):
            self._record(function, target, "over rate", "")
            return Refusal("rate", f"{function} is over {rate.limit} in {rate.period:g} s")
        self._record(function, target, "granted", "")
        return None

    def reaches(self, target: ComponentId) -> bool:
        """Whether the grants let it know of `target`. Not audited: nothing is acted upon."""
        return self._capabilities.reaches(target)

    def _decide(self, action: Action, target: ComponentId | str) -> Denial | None:
        key = (action, target)
        try:
            return self._decided[key]
        except KeyError:
            pass
        if len(self._decided) >= DECISIONS:
            self._decided.clear()
        decided = denial(self._component, self._capabilities, action, target)
        self._decided[key] = decided
        return decided

    def _record(
        self,
        function: str,
        target: ComponentId | str,
        outcome: Literal["granted", "denied", "over quota", "over rate"],
        detail: str,
    ) -> None:
        self._audit(
            AuditRecord(self._component, function, shown(str(target), MAX_TARGET), outcome, detail)
        )

    def _warn(self, text: str) -> None:
        if text not in self._warned and len(self._warned) < WARNINGS:
            self._warned.add(text)
            log.warning("%s", text, extra={"component": str(self._component)})
