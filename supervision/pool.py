"""Equal children behind one address, as a value that users write.

The actor that it describes is in `pool_actor.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Unpack, get_args

from airssys_wasm.supervision.child_spec import ChildSpec
from airssys_wasm.supervision.errors import InvalidSpec
from airssys_wasm.supervision.fields import one_of
from airssys_wasm.supervision.flags import Flags
from airssys_wasm.supervision.pool_actor import PoolActor
from airssys_wasm.supervision.routing import Route
from airssys_wasm.supervision.supervisor import Observer
from airssys_wasm.supervision.template import SpecOptions, template_of

Key = Callable[[Any], object] | str

FIELDS = tuple(field.name for field in fields(ChildSpec))


@dataclass(frozen=True, slots=True, init=False)
class Pool:
    """`size` equal children under one supervisor, which gives each message to one of them.

    What is sent to the pool, or asked of it, goes to a child as `route` says:

    - `round_robin`: one after the other;
    - `least_loaded`: who has least to do, counting what waits in its mailbox and what it has not
      answered yet; equals take turns;
    - `by_key`: the same key to the same child, in every run, as long as the size is the same. `key`
      is a function of the message, or the name of a field (an attribute, or a key of a mapping),
      and gives a str, bytes, int, float, None or a tuple of such.

    A reply goes from the child straight to who asked. A child that is being restarted, or has no
    room, is passed over; when none is left, a send is a dead letter, and a request raises
    MailboxFull or ActorExited. By key no other child will do, and so it is for each child alone:
    unless its mailbox is kept over restarts (`Mailbox(keep_on_restart=True)`), where what comes
    waits for its next incarnation.

    `template` is a behaviour with `args` and the options of `ChildSpec`, or a ChildSpec without a
    name; the children have its id and a number. The pool is a one_for_one supervisor to
    `SupervisorRef`, with its `intensity`, `period`, `label` and `observer`; no child can be added.
    Raises InvalidSpec, which names the field and the value.
    """

    template: ChildSpec
    size: int
    route: Route
    key: Key | None
    intensity: int
    period: float
    label: str | None
    observer: Observer | None = field(compare=False, repr=False)

    child_type: ClassVar[str] = "supervisor"

    def __init__(
        self,
        template: Any,
        *,
        size: int,
        args: Iterable[Any] = (),
        route: Route = "round_robin",
        key: Key | None = None,
        intensity: int = 1,
        period: float = 5.0,
        label: str | None = None,
        observer: Observer | None = None,
        **options: Unpack[SpecOptions],
    ) -> None:
        one_of("route", route, get_args(Route), "a route")
        if isinstance(size, bool) or not isinstance(size, int):
            raise InvalidSpec("size", size, "is not a number of children")
        if size < 1:
            raise InvalidSpec("size", size, "is less than 1 child")
        if (route == "by_key") != (key is not None):
            raise InvalidSpec("key", key, "goes with route='by_key', and that with a key")
        if key is not None and not isinstance(key, str) and not callable(key):
            raise InvalidSpec("key", key, "is neither a function nor the name of a field")
        spec = template_of(template, args, options)
        if spec.significant:
            raise InvalidSpec("significant", True, "is for children that may end, not for a pool")
        flags = Flags("one_for_one", intensity, period)
        values = {
            "template": spec,
            "size": size,
            "route": route,
            "key": key,
            "intensity": flags.intensity,
            "period": flags.period,
            "label": label,
            "observer": observer,
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)

    @property
    def flags(self) -> Flags:
        """What concerns its supervisor as a whole."""
        return Flags("one_for_one", self.intensity, self.period)

    @property
    def children(self) -> tuple[ChildSpec, ...]:
        """The specs of the children: the template, each with an id of its own."""
        return tuple(_numbered(self.template, number) for number in range(1, self.size + 1))

    def incarnate(self) -> PoolActor:
        """A fresh pool with this description."""
        return PoolActor(self)


def _numbered(template: ChildSpec, number: int) -> ChildSpec:
    values: dict[str, Any] = {name: getattr(template, name) for name in FIELDS}
    values["id"] = f"{template.id}-{number}"
    return ChildSpec(**values)
