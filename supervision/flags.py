"""What concerns a supervisor as a whole: its strategy, its budget, and when it ends by itself.

Pure. Flags that exist are valid, each by itself; `check_children` says whether children go with
them.

Source: Erlang/OTP, supervisor(3), "sup_flags()".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import get_args

from airssys_wasm.supervision.child_spec import ChildSpec
from airssys_wasm.supervision.errors import InvalidSpec
from airssys_wasm.supervision.fields import one_of, seconds
from airssys_wasm.supervision.strategy import AutoShutdownMode, Strategy


@dataclass(frozen=True, slots=True)
class Flags:
    """Raises InvalidSpec, which names the field and the value.

    >>> Flags()
    Flags(strategy='one_for_one', intensity=1, period=5.0, auto_shutdown='never')
    """

    strategy: Strategy = "one_for_one"
    intensity: int = 1
    period: float = 5.0
    auto_shutdown: AutoShutdownMode = "never"

    def __post_init__(self) -> None:
        one_of("strategy", self.strategy, get_args(Strategy), "a strategy")
        if isinstance(self.intensity, bool) or not isinstance(self.intensity, int):
            raise InvalidSpec("intensity", self.intensity, "is not a number of restarts")
        if self.intensity < 0:
            raise InvalidSpec("intensity", self.intensity, "is less than 0 restarts")
        seconds("period", self.period, zero=False)
        one_of("auto_shutdown", self.auto_shutdown, get_args(AutoShutdownMode), "a mode")


def check_children(children: Iterable[object], auto_shutdown: AutoShutdownMode) -> None:
    """Raise InvalidSpec unless all are child specs, with different ids, that go with the mode."""
    ids: set[str] = set()
    for spec in children:
        if not isinstance(spec, ChildSpec):
            raise InvalidSpec("children", spec, "is not a ChildSpec")
        if spec.id in ids:
            raise InvalidSpec("children", spec.id, "is a duplicate id")
        if spec.significant and auto_shutdown == "never":
            raise InvalidSpec(
                "auto_shutdown", "never", f"does not go with the significant child {spec.id!r}"
            )
        ids.add(spec.id)
