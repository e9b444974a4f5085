"""The tree in which the supervisors of the model live, and its leaves, which do as told.

What does a tree do when a child dies? The model says it without running anything:

>>> from airssys_wasm.testing.model_supervisor import Design, Tree
>>> world = ModelWorld()
>>> world.begin(Tree("rest_for_one", 1, 5000, "never", (Design("a"), Design("b"))))
>>> world.run()
>>> world.die(world.bodies["root/a"], "boom")
>>> world.run()
>>> world.log["root"][4:]
['ended a boom True', 'stop b', 'stopped b shutdown', 'start a', 'up a', 'start b', 'up b']
>>> world.processes["root"].left()
0
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import Any

from airssys_wasm.testing.model_supervisor import Body, Kid, Process, Tree


@dataclass
class ModelWorld:
    """Supervisors, and leaves that start and stop as they are told to.

    `outcomes` are, by path (`root/a`), how the next starts of a leaf go, `ok`, `ignore` or `fail`,
    each once, then `ok`; anything else leaves it starting. Leaves in `stubborn` do not end when
    they are asked to. `now` is in milliseconds. `log` has what each supervisor did, by its path;
    `end` reason and cause of the root's end.
    """

    outcomes: dict[str, list[str]] = field(default_factory=dict)
    stubborn: set[str] = field(default_factory=set)
    now: int = 0
    log: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    answers: dict[object, object] = field(default_factory=dict)
    bodies: dict[str, Body] = field(default_factory=dict)
    processes: dict[str, Process] = field(default_factory=dict)
    agenda: deque[tuple[Process, Any]] = field(default_factory=deque)
    end: tuple[object, object] | None = None

    def begin(self, tree: Tree) -> None:
        """Start the root; `run` lets it happen, as all that follows."""
        self.processes["root"] = Process(self, "root", tree, None)
        self.post(self.processes["root"], ("begin",))

    def post(self, process: Process, signal: Any) -> None:
        self.agenda.append((process, signal))

    def run(self) -> None:
        """Until nothing is left to happen at this time."""
        while self.agenda:
            process, signal = self.agenda.popleft()
            process.deliver(signal)

    def pass_time(self, milliseconds: int) -> None:
        """Let time pass, and happen what falls due."""
        until = self.now + milliseconds
        while due := [(p.deadline, p.path, p) for p in self.living() if p.deadline is not None]:
            at, _, process = min(due, key=lambda one: one[:2])
            if at > until:
                break
            self.now = at
            process.deadline = None
            self.post(process, ("timer",))
            self.run()
        self.now = until

    def living(self) -> list[Process]:
        return [process for process in self.processes.values() if not process.over]

    def launch(self, owner: Process, kid: Kid) -> Body:
        path = f"{owner.path}/{kid.id}"
        body = self.bodies[path] = Body(path, owner, kid)
        if kid.design.tree is not None:
            body.process = self.processes[path] = Process(self, path, kid.design.tree, body)
            self.post(body.process, ("begin",))
            return body
        planned = self.outcomes.get(path)
        self.started(body, planned.pop(0) if planned else "ok")
        return body

    def started(self, body: Body, outcome: str) -> None:
        match outcome:
            case "ok":
                body.state = "running"
                self.post(body.owner, ("up", body))
            case "ignore":
                body.state, body.reason = "dead", "normal"
                self.post(body.owner, ("ignored", body))
            case "fail":
                self.die(body, "no disk")

    def die(self, body: Body, reason: object, cause: object = None) -> None:
        """Let a child end by itself."""
        if body.state != "dead":
            body.state, body.reason, body.cause = "dead", reason, cause
            self.post(body.owner, ("exit", body))

    def exit(self, body: Body) -> None:
        if body.process is not None:
            self.post(body.process, ("stop", "shutdown"))
        elif body.path not in self.stubborn:
            self.die(body, "shutdown")

    def kill(self, body: Body) -> None:
        self.die(body, "killed")
        self.bury(body)

    def bury(self, body: Body) -> None:
        """All below a killed supervisor is dead, and nobody is left to be told."""
        if body.process is not None and not body.process.over:
            body.process.over = True
            for kid in body.process.kids:
                if isinstance(kid.pid, Body):
                    kid.pid.state = "dead"
                    self.bury(kid.pid)

    def is_up(self, process: Process) -> None:
        if process.body is not None and process.body.state == "starting":
            process.body.state = "running"
            self.post(process.body.owner, ("up", process.body))

    def is_over(self, process: Process, reason: object, cause: object) -> None:
        process.over = True
        if process.body is None:
            self.end = (reason, cause)
        else:
            self.die(process.body, reason, cause)
