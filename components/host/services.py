"""Acts: the functions of `host-services`: log, clock, sleep, and which components there are.

All but the last two are always allowed. What a guest says is bounded and escaped before it goes
anywhere; it is a field of a log record and never its format.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, ClassVar

from airssys_wasm.components.engine.guest_text import shown
from airssys_wasm.components.engine.values import Err, Ok, Variant
from airssys_wasm.components.host.functions import Functions
from airssys_wasm.components.host.log_record import log_record
from airssys_wasm.components.identity import ComponentId, id_problem
from airssys_wasm.components.message import WitTimestamp, wit_timestamp
from airssys_wasm.components.security.rate import Rate

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from airssys_wasm.components.directory import Directory
    from airssys_wasm.components.host.caller import Caller

INTERFACE = "airssys:core/host-services"

LOG_RATE = 100  # records a second; the rest is counted

guest_log = logging.getLogger("airssys_wasm.guest")

LEVELS = {
    "trace": 5,  # Python has no name for it; below debug
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
}


class Services:
    """`host-services` for one incarnation."""

    __slots__ = ("_caller", "_directory", "_rate", "_told")

    def __init__(self, caller: Caller, directory: Directory) -> None:
        self._caller = caller
        self._directory = directory
        self._rate = Rate(LOG_RATE)
        self._told = 0

    @property
    def log_records_dropped(self) -> int:
        """How many records were over the rate."""
        return self._rate.refused

    def log(self, level: str, message: str, context: list[tuple[str, str]] | None) -> None:
        """`log`: a record of the logger `airssys_wasm.guest`.

        The record has the fields `component` and `guest_context`, (key, value) pairs in the order
        of the guest; all texts together are at most 8 KiB.
        """
        if not self._rate.admits(self._caller.kernel.platform.now()):
            return
        self.tell_dropped()
        if not guest_log.isEnabledFor(LEVELS[level]):
            return
        text, pairs = log_record(message, context)
        extra = {"component": str(self._caller.id), "guest_context": pairs}
        guest_log.log(LEVELS[level], "%s: %s", self._caller.id, text, extra=extra)

    def tell_dropped(self) -> None:
        """Say how many records were dropped since this was last said."""
        dropped = self._rate.refused - self._told
        if dropped:
            self._told = self._rate.refused
            guest_log.warning(
                "%s: %d log records dropped, more than %d in a second",
                self._caller.id,
                dropped,
                LOG_RATE,
                extra={"component": str(self._caller.id), "dropped": dropped},
            )

    def current_time(self) -> WitTimestamp:
        """`current-time`: the wall clock of the platform."""
        return wit_timestamp(self._caller.kernel.platform.timestamp())

    def current_time_millis(self) -> int:
        """`current-time-millis`: the same in milliseconds."""
        return int(self._caller.kernel.platform.timestamp() * 1000)

    def sleep_millis(self, duration_ms: int) -> Awaitable[None]:
        """`sleep-millis`: the guest waits, others run. `host_call` bounds it."""
        caller = self._caller
        return caller.sleep_until(caller.kernel.platform.now() + duration_ms / 1000)

    def list_components(self) -> list[ComponentId]:
        """`list-components`: those that the grants to send or ask reach, in order."""
        gate = self._caller.gate
        return [id for id in self._directory.ids() if gate.reaches(id)]

    def get_component_metadata(self, target: tuple[str, str, str]) -> Ok | Err:
        """`get-component-metadata`: what a component said of itself when it started."""
        id = ComponentId(*target)
        problem = id_problem(id)
        if problem is not None:
            text = f"{shown(str(id), 256)!r} is no component id: {problem}"
            return Err(Variant("invalid-state", text))
        gate = self._caller.gate
        if not gate.reaches(id):
            refusal = gate.refusal("host-services.get-component-metadata", "request", id)
            if refusal is not None:
                return Err(Variant("invalid-state", refusal.text))
        entry = self._directory.find(id)
        if entry is None:
            return Err(Variant("invalid-state", f"no component {id} is running"))
        return Ok((id, entry.name, entry.version, entry.health))

    FUNCTIONS: ClassVar[Functions] = {
        "log": log,
        "current-time": current_time,
        "current-time-millis": current_time_millis,
        "sleep-millis": sleep_millis,
        "list-components": list_components,
        "get-component-metadata": get_component_metadata,
    }
