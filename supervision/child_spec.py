"""What a supervisor must know to start, restart and stop one child.

Pure. A spec that exists is valid, and its defaults are filled in: a worker gets 5 s to stop, a
supervisor as long as it takes.

Source: Erlang/OTP, supervisor(3), "child_spec()".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from inspect import iscoroutinefunction
from typing import Any, Literal, get_args

from airssys_wasm.kernel.mailbox import Mailbox
from airssys_wasm.supervision.backoff import Backoff
from airssys_wasm.supervision.errors import InvalidSpec
from airssys_wasm.supervision.fields import one_of, seconds, text
from airssys_wasm.supervision.health import HealthCheck

Restart = Literal["permanent", "transient", "temporary"]
ChildType = Literal["worker", "supervisor"]
Shutdown = float | Literal["infinity", "brutal_kill"]
StartTimeout = float | Literal["infinity"]
WhileRestarting = Literal["fail", "queue"]

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
    - `backoff`: how long it waits before each restart; None: not at all.
    - `health`: how often it is asked for its health, and when it is ended for it; None: never.
    - `while_restarting`: what happens to messages that come between the end of an incarnation and
      the start of the next: they `fail`, or `queue` for that. A mailbox that is kept on restarts
      queues them in any case.

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
    backoff: Backoff | None
    health: HealthCheck | None
    while_restarting: WhileRestarting

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
        backoff: Backoff | None = None,
        health: HealthCheck | None = None,
        while_restarting: WhileRestarting = "fail",
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
            "backoff": backoff,
            "health": health,
            "while_restarting": while_restarting,
        }
        for field, value in values.items():
            object.__setattr__(self, field, value)
        self._check()

    def _check(self) -> None:
        text("id", self.id)
        if self.name is not None:
            text("name", self.name)
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
        if self.backoff is not None and not isinstance(self.backoff, Backoff):
            raise InvalidSpec("backoff", self.backoff, "is not a Backoff")
        if self.health is not None and not isinstance(self.health, HealthCheck):
            raise InvalidSpec("health", self.health, "is not a HealthCheck")
        if self.health is not None and iscoroutinefunction(self.start):
            raise InvalidSpec("health", self.health, "does not go with a process function")
        words = get_args(WhileRestarting)
        one_of("while_restarting", self.while_restarting, words, "what messages can do")

    @property
    def keeps_mailbox(self) -> bool:
        """Whether the mailbox goes from one incarnation to the next, with all that is in it or
        with what comes in between."""
        kept = self.mailbox is not None and self.mailbox.keep_on_restart
        return kept or self.while_restarting == "queue"
