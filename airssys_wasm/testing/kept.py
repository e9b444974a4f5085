"""A run that is kept: what makes it, and what happened in it, as JSON.

Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from airssys_wasm.testing.choices import Deviation
from airssys_wasm.testing.trace import Difference, Entry, difference

FOLDER = ".simulations"  # where runs are kept unless another place is named
MOST_ENTRIES = 20_000  # of a trace that are kept


@dataclass(frozen=True, slots=True)
class Kept:
    """The seed, the deviations from production's order, and the trace, as far as it was kept."""

    seed: int
    deviations: tuple[Deviation, ...]
    trace: tuple[Entry, ...] = ()

    def difference(self, trace: Sequence[Entry]) -> Difference | None:
        """Where the trace of another run parts from this one; None when nothing tells them apart.

        They do when the code has changed since, or is not deterministic.
        """
        if not self.trace:
            return None
        if len(self.trace) < MOST_ENTRIES:
            return difference(list(self.trace), list(trace))
        return difference(list(self.trace), list(trace[: len(self.trace)]))


def kept_text(seed: int, deviations: Iterable[Deviation], trace: Sequence[Entry] = ()) -> str:
    """What is needed to run it again, as JSON."""
    lines = [json.dumps([d.kind, d.usual, d.nth, d.chosen]) for d in deviations]
    entries = [json.dumps(entry) for entry in trace[:MOST_ENTRIES]]
    return (
        f'{{"seed": {seed},\n"deviations": [{_listed(lines)}],\n"trace": [{_listed(entries)}]}}\n'
    )


def _listed(lines: Sequence[str]) -> str:
    return "".join(f"\n  {line}," for line in lines)[:-1] + ("\n" if lines else "")


def kept_from(text: str) -> Kept:
    """A run from its JSON. Raises ValueError when it is none.

    >>> kept_from(kept_text(3, [Deviation("fault", "a#1", 2, "kill")])).deviations[0].chosen
    'kill'
    """
    try:
        saved = json.loads(text)
        seed = saved["seed"]
        if not isinstance(seed, int):
            raise TypeError
        return Kept(
            seed,
            tuple(Deviation(*entry) for entry in saved["deviations"]),
            tuple(Entry(*entry) for entry in saved.get("trace", ())),
        )
    except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
        raise ValueError("this is no saved schedule") from error
