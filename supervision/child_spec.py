"""What a supervisor must know to start, restart and stop one child.

Pure. A spec that exists is valid, and its defaults are filled in: a worker gets 5 s to stop, a
supervisor as long as it takes.

Source: Erlang/OTP, supervisor(3), "child_spec()".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal, get_args

from airssys_wasm.kernel.mailbox import Mailbox
from airssys_wasm.supervision.errors import InvalidSpec

Restart = Literal["permanent", "transient", "temporary"]
ChildType = Literal["worker", "supervisor"]
Shutdown = float | Literal["infinity", "brutal_kill"]
StartTimeout = float | Literal["infinity"]

WORKER_SHUTDOWN = 5.0  # seconds; as in OTP


@dataclass(frozen=True, slots=True, init=False)
class ChildSpec:
    """A child with an id that is unique under its supervisor, and how to start it.

    `start` is a behaviour (a class, a process function, a description) and `args` its arguments.

    - `name`: registered for each incarnation before its init; None registers nothing.
    - `restart`: `permanent` always, `transient` after an abnormal end, `temporary` never.
    - `shutdown`: seconds to stop in before a kill; `infinity`; `brutal_kill`: a kill at once. When
      left out, 5 s for a worker and infinity for a supervisor.
    - `type`: `worker` or `supervisor`; when left out, what `start` is.
    - `significant`: its own end may end the supervisor, as `auto_shutdown` says.
    - `mailbox`: what the mailbox is like; None is unbounded.
    - `start_timeout`: seconds for `init` before a kill, or `infinity`.
    - `attach`: called with the ref of each incarnation before its init runs, unless it took over
      the mailbox of the one before.

    Raises InvalidSpec, which names the field and the value.

    >>> ChildSpec("store", dict).shutdown, ChildSpec("store", dict, shutdown="brutal_kill").shutdown
    (5.0, 'brutal_kill')
    """

    id: str
    start: Any
    args: tuple[Any, ...]
    name: str | None
    restart: Restart
    shutdown: Shutdown
    type: ChildType
    significant: bool
    mailbox: Mailbox | None
    start_timeout: StartTimeout
    attach: Callable[[Any], None] | None

    def __init__(
        self,
        id: str,
        start: Any,
        *,
        args: Iterable[Any] = (),
        name: str | None = None,
        restart: Restart = "permanent",
        shutdown: Shutdown | None = None,
        type: ChildType | None = None,
        significant: bool = False,
        mailbox: Mailbox | None = None,
        start_timeout: StartTimeout = "infinity",
        attach: Callable[[Any], None] | None = None,
    ) -> None:
        if type is None:
            type = getattr(start, "child_type", "worker")
        if shutdown is None:
            shutdown = WORKER_SHUTDOWN if type == "worker" else "infinity"
        if isinstance(args, str | bytes) or not isinstance(args, Iterable):
            raise InvalidSpec("args", args, "is not a sequence of arguments")
        values = {
            "id": id,
            "start": start,
            "args": tuple(args),
            "name": name,
            "restart": restart,
            "shutdown": shutdown,
            "type": type,
            "significant": significant,
            "mailbox": mailbox,
            "start_timeout": start_timeout,
            "attach": attach,
        }
        for field, value in values.items():
            object.__setattr__(self, field, value)
        self._check()

    def _check(self) -> None:
        _text("id", self.id)
        if self.name is not None:
            _text("name", self.name)
        if not callable(self.start) and not callable(getattr(self.start, "incarnate", None)):
            raise InvalidSpec("start", self.start, "is not a behaviour")
        one_of("restart", self.restart, get_args(Restart), "a restart type")
        one_of("type", self.type, get_args(ChildType), "a child type")
        if self.shutdown not in ("infinity", "brutal_kill"):
            seconds("shutdown", self.shutdown, "'infinity' or 'brutal_kill'")
        if self.start_timeout != "infinity":
            seconds("start_timeout", self.start_timeout, "'infinity'", zero=False)
        if not isinstance(self.significant, bool):
            raise InvalidSpec("significant", self.significant, "is not True or False")
        if self.significant and self.restart == "permanent":
            raise InvalidSpec(
                "significant", True, "does not go with restart='permanent', which always comes back"
            )
        if self.mailbox is not None and not isinstance(self.mailbox, Mailbox):
            raise InvalidSpec("mailbox", self.mailbox, "is not a Mailbox")
        if self.attach is not None and not callable(self.attach):
            raise InvalidSpec("attach", self.attach, "is not a function")

    @property
    def keeps_mailbox(self) -> bool:
        """Whether the mailbox goes from one incarnation to the next."""
        return self.mailbox is not None and self.mailbox.keep_on_restart


def one_of(field: str, value: object, allowed: tuple[str, ...], what: str) -> None:
    """Raise InvalidSpec unless `value` is one of `allowed`."""
    if not isinstance(value, str) or value not in allowed:
        raise InvalidSpec(field, value, f"is not {what} ({', '.join(allowed)})")


def seconds(field: str, value: object, words: str, *, zero: bool = True) -> None:
    """Raise InvalidSpec unless `value` is a finite number of seconds, not negative."""
    wanted = f"seconds, {'0 or more' if zero else 'more than 0'}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidSpec(field, value, f"is not {wanted}{', or ' + words if words else ''}")
    if not math.isfinite(value) or value < 0 or (value == 0 and not zero):
        raise InvalidSpec(field, value, f"is not {wanted}{', or ' + words if words else ''}")


def _text(field: str, value: object) -> None:
    if not isinstance(value, str):
        raise InvalidSpec(field, value, "is not a string")
    if not value:
        raise InvalidSpec(field, value, "is empty")
