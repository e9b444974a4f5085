"""Acts: stands before every host function: capability, quota, rate, in this order; then it acts.

Each decision is reported to the audit, and so is a quota that is nearly used up. A denial is never
silent: the first of its kind in an incarnation is a warning in the log, with the line that would
allow it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from airssys_wasm.components.engine.guest_text import shown
from airssys_wasm.components.identity import ComponentId
from airssys_wasm.components.security.audit import AuditRecord, Listener, Outcome
from airssys_wasm.components.security.capability import Action, Capabilities, Denial, denial
from airssys_wasm.components.security.quota import UNBOUNDED, Alarm, Gauge, Throttle

log = logging.getLogger("airssys_wasm.components")

Family = Literal["messaging", "storage", "time", "random"]

MAX_TARGET = 256  # bytes of a target in texts: an id has at most 194
DECISIONS = 1_000  # kept for each incarnation; a guest that asks for more is decided anew
WARNINGS = 20  # different denials that one incarnation may warn of

FAMILIES: dict[Action, Family] = {
    "send": "messaging",
    "request": "messaging",
    "spawn": "messaging",
    "publish": "messaging",
    "subscribe": "messaging",
    "read": "storage",
    "write": "storage",
    "time": "time",
    "random": "random",
}


class Refusal(NamedTuple):
    """Why a host function does not act; `text` is for the guest."""

    kind: Literal["denied", "quota", "rate"]
    text: str


class Gate:
    """The gate of one incarnation. `audit` and `listener` are told of each decision."""

    __slots__ = (
        "_audit",
        "_capabilities",
        "_clock",
        "_component",
        "_decided",
        "_kept",
        "_listener",
        "_throttles",
        "_warned",
        "denied",
    )

    def __init__(
        self,
        component: ComponentId,
        capabilities: Capabilities,
        audit: Listener,
        clock: Callable[[], float],
        listener: Listener | None = None,
    ) -> None:
        self._component = component
        self._capabilities = capabilities
        self._audit = audit
        self._clock = clock
        self._listener = listener
        self._throttles = _throttles(capabilities)
        self._kept = Gauge()
        self._decided: dict[tuple[Action, object], Denial | None] = {}
        self._warned: set[str] = set()
        self.denied = 0

    def refusal(
        self,
        function: str,
        action: Action,
        target: ComponentId | str,
        *,
        size: int = 0,
        within_quota: bool = True,
    ) -> Refusal | None:
        """None when the function may act. `function` is `interface.function`, for the audit.

        `size` is how many bytes it moves; `within_quota` what the caller has found of its own
        quota.
        """
        return self.refusal_of_any(
            function, action, (target,), size=size, within_quota=within_quota
        )

    def refusal_of_any(
        self,
        function: str,
        action: Action,
        targets: Sequence[ComponentId | str],
        *,
        size: int = 0,
        within_quota: bool = True,
    ) -> Refusal | None:
        """The same for `size` bytes to each of `targets`: to all of them or to none."""
        for target in targets:
            denied = self._decide(action, target)
            if denied is not None:
                self.denied += 1
                text = shown(str(denied))
                self._record(function, target, "denied", text)
                self._warn(text)
                return Refusal("denied", text)
        first = targets[0] if targets else ""
        if not within_quota:
            return self.over_quota(function, first)
        throttle = self._throttles.get(FAMILIES[action])
        if throttle is not None:
            over = throttle.over(self._clock(), len(targets), size * len(targets))
            if over is not None:
                self._record(function, first, "over rate", over)
                return Refusal("rate", f"{function} is over {over}")
            for alarm in throttle.alarms():
                self._alarm(function, first, alarm)
        for target in targets:
            self._record(function, target, "granted", "")
        return None

    def refusal_to_know(
        self, function: str, target: ComponentId, *, within_quota: bool = True
    ) -> Refusal | None:
        """None when the function may tell of `target`: with a grant to send to it or to ask it."""
        sends = self._decide("send", target) is None
        action: Action = "send" if sends else "request"
        return self.refusal(function, action, target, within_quota=within_quota)

    def grants(self, action: Action, target: ComponentId | str) -> bool:
        """Whether the function may act, where it does something else if not. Not audited."""
        return self._decide(action, target) is None

    def deny(self, function: str, why: str) -> None:
        """No grant allows this: counted and told as any denial."""
        self.denied += 1
        self._record(function, function, "denied", why)
        self._warn(f"{self._component}: {function} is denied: {why}")

    def over_quota(self, function: str, target: ComponentId | str) -> Refusal:
        """The function may act, and can't: what it wants does not fit."""
        self._record(function, target, "over quota", "")
        return Refusal("quota", f"{function} is over its quota")

    def now_kept(self, function: str, used: int, quota: int) -> None:
        """The storage holds `used` bytes of its quota. Told when that is nearly all."""
        level = self._kept.risen(used / quota)
        if level is not None:
            what = f"{used / quota:.0%} of {quota} bytes of storage"
            self._alarm(function, "storage", Alarm(level, what))

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
        outcome: Outcome,
        detail: str,
    ) -> None:
        asked = shown(str(target), MAX_TARGET)
        record = AuditRecord(self._component, function, asked, outcome, detail)
        self._audit(record)
        if self._listener is not None:
            self._listener(record)

    def _alarm(self, function: str, target: ComponentId | str, alarm: Alarm) -> None:
        self._record(function, target, alarm.level, alarm.what)
        self._warn(f"{self._component} has used {alarm.what}: {alarm.level}")

    def _warn(self, text: str) -> None:
        if text not in self._warned and len(self._warned) < WARNINGS:
            self._warned.add(text)
            log.warning("%s", text, extra={"component": str(self._component)})


def _throttles(capabilities: Capabilities) -> dict[Family, Throttle]:
    """Of the families whose rate is bounded."""
    messaging, storage = capabilities.messaging, capabilities.storage
    found: dict[Family, Throttle] = {}
    if messaging.rate != UNBOUNDED:
        found["messaging"] = Throttle(messaging.rate, "messages")
    if storage is not None and storage.rate != UNBOUNDED:
        found["storage"] = Throttle(storage.rate, "operations")
    return found
