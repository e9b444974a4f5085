"""The rules of Erlang/OTP that actors here are held to, and what is said of each beforehand.

They are in the TOML files of this folder, a table to a rule:

  - `source`: the suite and case, module or manual page of OTP 25 that pins it;
  - `expected`: what it asks for;
  - at most one of `departs` (another behaviour is intended: why), `not_applicable` (why) and `open`
    (not yet: what is missing);
  - `note`: what a reader should know who comes from Erlang.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Literal, get_args

FOLDER = Path(__file__).parent

AREAS = {
    "A": ("Child specification and supervisor flags", ("SPEC",)),
    "B": ("Start", ("START",)),
    "C": ("Restart types", ("RESTART",)),
    "D": ("Strategies", ("STRAT",)),
    "E": ("Restart intensity and escalation", ("INT",)),
    "F": ("Shutdown", ("SHUT",)),
    "G": ("Administration", ("ADM",)),
    "H": ("Significant children and auto-shutdown", ("AUTO",)),
    "I": ("Changing a running supervisor", ("UPG",)),
    "J": ("Server behaviour", ("GS",)),
    "K": ("State machine", ("FSM",)),
    "L": ("Links and exit signals", ("LINK",)),
    "M": ("Monitors", ("MON",)),
    "N": ("Ordering and delivery", ("ORD",)),
    "O": ("Receive and aliases", ("RCV", "ALIAS")),
    "P": ("Names and groups", ("REG", "PG", "EVT")),
    "Q": ("Timers and hibernation", ("TMR", "HIB")),
    "R": ("Several nodes", ("DIST",)),
}

Status = Literal["passes", "departs", "not applicable", "not yet"]
STATUSES: tuple[Status, ...] = get_args(Status)


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; it passes unless it says why not."""

    id: str
    source: str
    expected: str
    departs: str | None = None
    not_applicable: str | None = None
    open: str | None = None
    note: str | None = None

    def __post_init__(self) -> None:
        if sum(why is not None for why in (self.departs, self.not_applicable, self.open)) > 1:
            raise ValueError(f"{self.id}: only one of departs, not_applicable and open can hold")

    @property
    def status(self) -> Status:
        """What the table says, if the tests of the rule pass."""
        if self.departs is not None:
            return "departs"
        if self.not_applicable is not None:
            return "not applicable"
        return "passes" if self.open is None else "not yet"

    @property
    def why(self) -> str | None:
        """Why it does not simply pass."""
        return self.departs or self.not_applicable or self.open

    @property
    def area(self) -> str:
        """The letter of its area."""
        kind = self.id.partition("-")[0]
        return next(area for area, (_, kinds) in AREAS.items() if kind in kinds)


def all_rules() -> dict[str, Rule]:
    """Every rule by its id, in the order of the areas. Raises ValueError for a wrong file."""
    known = {field.name for field in fields(Rule)}
    rules: dict[str, Rule] = {}
    for name in ("supervision", "kernel", "nodes"):
        text = (FOLDER / f"{name}.toml").read_text(encoding="utf-8")
        for id, table in tomllib.loads(text).items():
            if unknown := table.keys() - known:
                raise ValueError(f"{name}.toml: {id}: unknown keys {sorted(unknown)}")
            rules[id] = Rule(id, **table)
    return rules
