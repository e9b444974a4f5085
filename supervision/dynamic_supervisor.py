"""What a supervisor of equal children is to be that come and go, as a value that users write.

The actor that it describes is in `dynamic_actor.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Unpack

from airssys_wasm.supervision.child_spec import ChildSpec
from airssys_wasm.supervision.dynamic_actor import DynamicActor
from airssys_wasm.supervision.errors import InvalidSpec
from airssys_wasm.supervision.flags import Flags
from airssys_wasm.supervision.strategy import AutoShutdownMode
from airssys_wasm.supervision.supervisor import Observer
from airssys_wasm.supervision.template import SpecOptions, template_of


@dataclass(frozen=True, slots=True, init=False)
class DynamicSupervisor:
    """A supervisor that begins with no children, and starts them from one template when asked.

    `template` is a behaviour, or a ChildSpec without a name. Each child gets `args` and then the
    arguments of its own `start_child`, at each restart again. More than `max_children` are refused
    (None: any number); one that is being restarted counts. Children do not wait for one another: a
    child is started, restarted and stopped by itself, and the end stops all of them at once, within
    one `shutdown`. What init answers with IGNORE is not kept.

    The options of `ChildSpec` (`restart`, `shutdown`, `mailbox`, ...) are given here, if not with a
    spec. `intensity`, `period`, `auto_shutdown`, `label` and `observer` are as for `Supervisor`;
    all children share the budget. With a significant template every child is significant.

    Ask it through `DynamicSupervisorRef.of(address)`. Raises InvalidSpec, which names the field and
    the value.
    """

    template: ChildSpec
    max_children: int | None
    intensity: int
    period: float
    auto_shutdown: AutoShutdownMode
    label: str | None
    observer: Observer | None = field(compare=False, repr=False)

    child_type: ClassVar[str] = "supervisor"

    def __init__(
        self,
        template: Any,
        *,
        args: Iterable[Any] = (),
        max_children: int | None = None,
        intensity: int = 1,
        period: float = 5.0,
        auto_shutdown: AutoShutdownMode = "never",
        label: str | None = None,
        observer: Observer | None = None,
        **options: Unpack[SpecOptions],
    ) -> None:
        flags = Flags("one_for_one", intensity, period, auto_shutdown)
        spec = template_of(template, args, options)
        if spec.significant and auto_shutdown == "never":
            raise InvalidSpec("auto_shutdown", "never", "does not go with significant children")
        if max_children is not None:
            if isinstance(max_children, bool) or not isinstance(max_children, int):
                raise InvalidSpec("max_children", max_children, "is not a number of children")
            if max_children < 1:
                raise InvalidSpec("max_children", max_children, "is less than 1 child")
        values = {
            "template": spec,
            "max_children": max_children,
            "intensity": flags.intensity,
            "period": flags.period,
            "auto_shutdown": flags.auto_shutdown,
            "label": label,
            "observer": observer,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def flags(self) -> Flags:
        """What concerns it as a whole."""
        return Flags("one_for_one", self.intensity, self.period, self.auto_shutdown)

    def incarnate(self) -> DynamicActor:
        """A fresh supervisor with this description."""
        return DynamicActor(self)
