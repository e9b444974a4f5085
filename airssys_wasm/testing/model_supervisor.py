"""A supervisor as the rules of areas A to I have it, simple enough to be read against them.

It is OTP's: a process that takes one message at a time, and stops and starts its children by
waiting for them, written as a generator that yields while it waits. It shares no code with the
machine in `supervision/`, and is built differently: no job, no state of a child but OTP's pid.
Three rules are ours: a stop does not wait for a start, nor does `terminate_child` of the child that
starts, and reads are answered at any time.

Times are whole milliseconds. The tree that such supervisors make is in
`model_world.py`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airssys_wasm.testing.model_world import ModelWorld

ORDERLY = ("normal", "shutdown", ("shutdown", "x"))


@dataclass(frozen=True)
class Design:
    """What a child is to be; `tree` makes it a supervisor."""

    id: str
    restart: str = "permanent"
    shutdown: Any = "infinity"
    significant: bool = False
    start_timeout: int | None = None
    version: int = 0
    tree: Tree | None = None


@dataclass(frozen=True)
class Tree:
    """What a supervisor is to be."""

    strategy: str
    intensity: int
    period: int
    auto_shutdown: str
    children: tuple[Design, ...]


@dataclass(eq=False)
class Body:
    """One incarnation of a child. What its owner has been told of it is `is_up` and `is_known`."""

    path: str
    owner: Process
    kid: Kid
    process: Process | None = None
    state: str = "starting"  # then "running", then "dead"
    reason: object = None
    cause: object = None
    is_up: bool = False
    is_known: bool = False  # to be dead


@dataclass(eq=False)
class Kid:
    """An entry in the books of a supervisor. `pid` is OTP's: undefined, restarting or a body."""

    design: Design
    pid: Body | str = "undefined"
    reason: object = None
    cause: object = None
    restarts: int = 0

    @property
    def id(self) -> str:
        return self.design.id

    def wants_restart(self, reason: object) -> bool:
        restart = self.design.restart
        return restart == "permanent" or (restart == "transient" and reason not in ORDERLY)


class Over(Exception):
    """The supervisor has to end: `args` are reason and cause."""


Waiting = Generator[None, Any, Any]


class Process:
    """One supervisor."""

    def __init__(self, world: ModelWorld, path: str, tree: Tree, body: Body | None) -> None:
        self.world, self.path, self.tree, self.body = world, path, tree, body
        self.kids = [Kid(design) for design in tree.children]
        self.mailbox: deque[Any] = deque()
        self.spent: list[int] = []
        self.waited: Kid | None = None  # whose start or end is waited for
        self.doing = ""  # "starting" or "stopping" it
        self.given_up: list[object] | None = None  # who asked to give up that start
        self.deadline: int | None = None
        self.ending = self.over = False
        self.life = self.live()

    # --- messages

    def deliver(self, signal: Any) -> None:
        """A signal arrives: the one that is waited for goes on, another one waits."""
        if self.over:
            return
        if signal[0] in ("exit", "ignored"):
            signal[1].is_known = True
        match signal:
            case ("begin",):
                self.go_on(None)
            case ("stop", reason):
                if not self.ending:
                    self.ending = True
                    self.go_on(Over(reason, None))
            case ("timer",):
                self.go_on(signal)
            case ("up" | "ignored" | "exit", body) if self.waited and self.waited.pid is body:
                self.go_on(signal)
            case ("terminate", _, id) if self.is_starting(id):
                self.go_on(signal)
            case ("up", body) if self.ending:
                self.is_up(body)
            case ("ignored", body) if self.ending:
                self.lay_down(body.kid)
            case ("exit", body) if self.ending:
                how = "stopped" if body.is_up else "failed"
                self.note(f"{how} {body.kid.id} {body.reason}")
                self.lay_down(body.kid)
            case _ if not self.ending:
                self.mailbox.append(signal)
                if self.waited is None:
                    self.go_on(None)

    def is_starting(self, id: str) -> bool:
        starts = self.doing == "starting" or self.given_up is not None
        return self.waited is not None and self.waited.id == id and starts and not self.ending

    def go_on(self, signal: Any) -> None:
        try:
            if isinstance(signal, Over):
                self.life.throw(signal)
            else:
                self.life.send(signal)
        except StopIteration:
            self.over = True

    def live(self) -> Waiting:
        try:
            yield from self.boot()
            self.world.is_up(self)
            while True:
                while not self.mailbox:
                    yield
                yield from self.handle(self.mailbox.popleft())
        except Over as over:
            self.ending = True
            for kid in reversed(list(self.kids)):
                yield from self.end_of(kid)
            self.world.is_over(self, *over.args)

    def handle(self, signal: Any) -> Waiting:
        match signal:
            case ("exit", body):
                if body.kid.pid is body:
                    yield from self.died(body.kid, body)
            case ("retry", kid, attempt):
                if kid.pid == "restarting" and kid.reason is attempt:
                    yield from self.recover(kid)
            case (call, token, *rest):
                answer = getattr(self, call)(*rest)
                if isinstance(answer, Generator):
                    answer = yield from answer
                self.world.answers[token] = answer

    # --- children

    def start(self, kid: Kid) -> Waiting:
        """ok, ignore, fail, or given up: how the start of a child went."""
        self.note(f"start {kid.id}")
        kid.pid = body = self.world.launch(self, kid)
        signal = yield from self.wait(kid, "starting", kid.design.start_timeout)
        match signal[0]:
            case "up":
                self.is_up(body)
                return "ok"
            case "ignored":
                self.lay_down(kid)
                return "ignore"
            case "terminate":
                self.given_up = [signal[1]]
                yield from self.end_of(kid)
                for token in self.given_up:
                    self.world.answers[token] = "ok"
                self.given_up = None
                return "given up"
            case "timer":
                self.note(f"kill {kid.id}")
                self.world.kill(body)
                yield from self.wait(kid, "stopping", None)
                body.reason, body.cause = "timed out", None
        self.note(f"failed {kid.id} {body.reason}")
        kid.pid, kid.reason, kid.cause = "undefined", body.reason, body.cause
        return "fail"

    def end_of(self, kid: Kid) -> Waiting:
        """Stop a child, whatever it is doing, and lay it down."""
        over = None
        body, limit = kid.pid, kid.design.shutdown
        if isinstance(body, Body) and not body.is_known:
            self.note(f"{'kill' if limit == 'brutal_kill' else 'stop'} {kid.id}")
            if limit == "brutal_kill":
                self.world.kill(body)
            else:
                self.world.exit(body)
            due = self.world.now + limit if isinstance(limit, int) else None
            while not body.is_known:
                left = None if due is None else due - self.world.now
                try:
                    signal = yield from self.wait(kid, "stopping", left)
                except Over as interrupt:
                    over = interrupt
                    continue
                if signal[0] == "timer":
                    self.note(f"kill {kid.id}")
                    self.world.kill(body)
                    due = None
                elif signal[0] == "terminate" and self.given_up is not None:
                    self.given_up.append(signal[1])
        if isinstance(body, Body):
            self.note(f"stopped {kid.id} {body.reason}")
        self.lay_down(kid)
        if over is not None:
            self.given_up = None
            raise over

    def wait(self, kid: Kid, doing: str, limit: int | None) -> Waiting:
        self.waited, self.doing = kid, doing
        self.deadline = None if limit is None else self.world.now + limit
        try:
            return (yield)
        finally:
            self.waited, self.deadline, self.doing = None, None, ""

    def lay_down(self, kid: Kid) -> None:
        kid.pid = "undefined"
        if kid.design.restart == "temporary" and kid in self.kids:
            self.kids.remove(kid)

    def note(self, line: str) -> None:
        self.world.log[self.path].append(line)

    def is_up(self, body: Body) -> None:
        body.is_up = True
        self.note(f"up {body.kid.id}")

    # --- failures

    def boot(self) -> Waiting:
        for kid in list(self.kids):
            if (yield from self.start(kid)) == "fail":
                self.lay_down(kid)
                raise Over(("shutdown", ("failed", kid.id, kid.reason, kid.cause)), None)

    def died(self, kid: Kid, body: Body) -> Waiting:
        kid.reason, kid.cause = body.reason, body.cause
        restart = kid.wants_restart(body.reason)
        self.note(f"ended {kid.id} {body.reason} {restart}")
        if restart:
            yield from self.recover(kid)
            return
        self.lay_down(kid)
        others = [one for one in self.kids if one.design.significant and one.pid != "undefined"]
        mode = self.tree.auto_shutdown
        if kid.design.significant and (
            mode == "any_significant" or (mode == "all_significant" and not others)
        ):
            raise Over("shutdown", ("auto", kid.id, kid.reason, kid.cause))

    def recover(self, kid: Kid) -> Waiting:
        reason = kid.reason[0] if isinstance(kid.reason, Attempt) else kid.reason
        kid.reason = reason
        self.spent = [at for at in self.spent if self.world.now - at <= self.tree.period]
        if len(self.spent) >= self.tree.intensity:
            self.lay_down(kid)
            raise Over("shutdown", ("gave up", kid.id, reason, kid.cause))
        self.spent.append(self.world.now)
        kid.pid = "restarting"
        place = self.kids.index(kid)
        match self.tree.strategy:
            case "one_for_one":
                group = [kid]
            case "one_for_all":
                group = list(self.kids)
            case _:
                group = self.kids[place:]
        for one in reversed(group):
            if one is not kid:
                yield from self.end_of(one)
        for one in [one for one in group if one.design.restart != "temporary"]:
            one.restarts += 1
            if (yield from self.start(one)) == "fail":
                one.pid, one.reason = "restarting", Attempt((one.reason,))
                self.world.post(self, ("retry", one, one.reason))
                return

    # --- what is asked for

    def find(self, id: str) -> Kid | None:
        return next((kid for kid in self.kids if kid.id == id), None)

    def add(self, design: Design) -> Waiting:
        kid = self.find(design.id)
        if kid is not None:
            return "AlreadyUp" if isinstance(kid.pid, Body) else "Present"
        if design.significant and self.tree.auto_shutdown == "never":
            return "Unfit"
        kid = Kid(design)
        self.kids.append(kid)
        how = yield from self.start(kid)
        if how in ("fail", "given up") and kid in self.kids:
            self.kids.remove(kid)
        return "ok" if how in ("ok", "ignore") else "DidNotStart"

    def terminate(self, id: str) -> Waiting:
        kid = self.find(id)
        if kid is None:
            return "NotFound"
        yield from self.end_of(kid)
        return "ok"

    def restart(self, id: str) -> Waiting:
        kid = self.find(id)
        if kid is None or kid.pid != "undefined":
            return "NotFound" if kid is None else self.busy(kid)
        how = yield from self.start(kid)
        if how == "fail":
            self.lay_down(kid)
        return "ok" if how in ("ok", "ignore") else "DidNotStart"

    def delete(self, id: str) -> str:
        kid = self.find(id)
        if kid is None or kid.pid != "undefined":
            return "NotFound" if kid is None else self.busy(kid)
        self.kids.remove(kid)
        return "ok"

    def busy(self, kid: Kid) -> str:
        return "Restarting" if kid.pid == "restarting" else "Running"

    def reconfigure(self, tree: Tree) -> object:
        if tree.auto_shutdown == "never" and any(one.significant for one in tree.children):
            return "Invalid"
        old = {kid.id: kid for kid in self.kids}
        new = [old.pop(design.id, Kid(design)) for design in tree.children]
        known = [kid in self.kids for kid in new]
        same = [kid.design == design for kid, design in zip(new, tree.children, strict=True)]
        for kid, design in zip(new, tree.children, strict=True):
            kid.design = design
        self.tree = tree
        self.kids = new + list(old.values())
        rows = list(zip(new, known, same, strict=True))
        changed = [kid.id for kid, is_known, is_same in rows if is_known and not is_same]
        added = [kid.id for kid, is_known, _ in rows if not is_known]
        kept = [kid.id for kid, is_known, is_same in rows if is_known and is_same]
        return (tuple(changed), tuple(added), tuple(kept), tuple(old))

    # --- what can be seen

    def children(self) -> list[tuple[str, str, int]]:
        """Ids, what they are doing, and their restarts, oldest first."""
        return [(kid.id, self.status(kid), kid.restarts) for kid in self.kids]

    def status(self, kid: Kid) -> str:
        if kid is self.waited:
            return self.doing
        match kid.pid:
            case Body(is_known=True, reason=reason):
                return "restarting" if kid.wants_restart(reason) else "stopped"
            case Body(is_up=up):
                return "running" if up else "starting"
            case pid:
                return "stopped" if pid == "undefined" else pid

    def left(self) -> int:
        """Restarts that the budget still has."""
        window = [at for at in self.spent if self.world.now - at <= self.tree.period]
        return max(0, self.tree.intensity - len(window))


class Attempt(tuple[object]):
    """Why the last attempt to restart a child failed; another one each time."""

    __slots__ = ()
