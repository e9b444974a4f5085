"""What a supervisor is to be, as a value that users write.

The actor that it describes is in `supervisor_actor.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from airssys_wasm.supervision.child_spec import ChildSpec
from airssys_wasm.supervision.events import SupervisionEvent
from airssys_wasm.supervision.flags import Flags, check_children
from airssys_wasm.supervision.strategy import AutoShutdownMode, Strategy
from airssys_wasm.supervision.supervisor_actor import SupervisorActor

Observer = Callable[[SupervisionEvent], None]


@dataclass(frozen=True, slots=True)
class Supervisor:
    """What a supervisor is to be: spawn it, or make it a child of another.

    `strategy` says who is restarted with a failed child: `one_for_one` nobody, `one_for_all` all,
    `rest_for_one` those started after it. When more than `intensity` restarts would fall into any
    `period` seconds, it gives up: it stops its children in reverse and ends with `"shutdown"`, with
    a `GaveUp` as `ref.cause`. `auto_shutdown` ends it, too, when a significant child ends by itself
    for good: `never`, `any_significant` or `all_significant` (the last of them).

    `label` is what it is called in reports, where it has no registered name. `observer` is called
    with what happens, as it happens; it must not raise.

    Raises InvalidSpec, which names the field and the value.
    """

    strategy: Strategy = "one_for_one"
    intensity: int = 1
    period: float = 5.0
    auto_shutdown: AutoShutdownMode = "never"
    children: Sequence[ChildSpec] = ()
    label: str | None = None
    observer: Observer | None = field(default=None, compare=False, repr=False)

    child_type: ClassVar[str] = "supervisor"

    def __post_init__(self) -> None:
        object.__setattr__(self, "children", tuple(self.children))
        check_children(self.children, self.flags.auto_shutdown)

    @property
    def flags(self) -> Flags:
        """What concerns it as a whole."""
        return Flags(self.strategy, self.intensity, self.period, self.auto_shutdown)

    def incarnate(self) -> SupervisorActor:
        """A fresh supervisor with this description."""
        return SupervisorActor(self)
