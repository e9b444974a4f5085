"""The commands that run again what a campaign found.

Pure.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from airssys_wasm.testing.faults import Fault

if TYPE_CHECKING:
    from airssys_wasm.testing.campaign import Failure
    from airssys_wasm.testing.tree_runs import TreeOptions


@dataclass(frozen=True)
class Again:
    """Commands for a shell; the smallest runs are kept in `folder`."""

    options: TreeOptions
    folder: str

    def seed(self, seed: int) -> str:
        """The run of a seed."""
        return shlex.join([*self._words(self.options), "--seed", str(seed)])

    def smallest(self, failure: Failure) -> str:
        """The smallest run that fails so."""
        return shlex.join([*self._words(self.options), "--schedule", self.file(failure)])

    def file(self, failure: Failure) -> str:
        """Where that is kept."""
        name = f"{PurePath(self.options.file).stem}-{failure.kind}"
        return str(PurePath(self.folder) / f"{re.sub(r'[^A-Za-z0-9_.]+', '-', name)}.json")

    def faults(self, faults: Sequence[Fault]) -> str:
        """The run in production's order with just these faults."""
        words = [*self._common(self.options), "--strategy", "fifo"]
        for fault in (*self.options.plan, *faults):
            words += ["--plan", plan_text(fault)]
        return shlex.join(words)

    def _words(self, options: TreeOptions) -> list[str]:
        words = self._common(options)
        if options.faults:
            words += ["--faults", ",".join(options.faults)]
        for fault in options.plan:
            words += ["--plan", plan_text(fault)]
        if options.strategy != "mixed":
            words += ["--strategy", options.strategy]
        return words

    def _common(self, options: TreeOptions) -> list[str]:
        words = ["airssys-wasm", "replay", options.file, "--until", f"{options.until:g}s"]
        for value in options.sets:
            words += ["--set", value]
        return words


def plan_text(fault: Fault) -> str:
    """A planned fault as the command line has it.

    >>> plan_text(Fault("kill", "ledger", nth=3)), plan_text(Fault("failing init", "desk", at=60))
    ('kill:ledger:3', 'failing init:desk@60s')
    """
    place = f":{fault.nth}" if fault.at is None else f"@{fault.at:g}s"
    return f"{fault.kind}:{fault.actor}{place}"
