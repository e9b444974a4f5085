"""The tree in which the state machines of supervisors live; the model has one like it."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field
from typing import Any

from airssys_wasm.supervision import ChildSpec, Supervisor, events, steps
from airssys_wasm.supervision.flags import Flags
from airssys_wasm.supervision.tree import SupervisorMachine
from airssys_wasm.testing.model_supervisor import Design, Tree


@dataclass(eq=False)
class Incarnation:
    """A child that a machine has started."""

    owner: Node
    number: int
    path: str
    node: Node | None = None
    state: str = "starting"


@dataclass(eq=False)
class Node:
    """One supervisor: its machine, its timers, and the incarnations that it knows by number."""

    path: str
    machine: SupervisorMachine
    self_: Incarnation | None
    children: dict[int, Incarnation] = field(default_factory=dict)
    timers: dict[int, int] = field(default_factory=dict)
    is_over: bool = False


def plain(reason: Any) -> Any:
    """A reason or a cause in the words of the model."""
    match reason:
        case ("shutdown", events.FailedToStart() as failed):
            return ("shutdown", plain(failed))
        case events.FailedToStart(child, why, cause):
            return ("failed", child, plain(why), plain(cause))
        case events.GaveUp(_, child, why, cause):
            return ("gave up", child, plain(why), plain(cause))
        case events.AutoShutdown(_, child, why, cause):
            return ("auto", child, plain(why), plain(cause))
        case events.StartTimedOut():
            return "timed out"
        case _:
            return reason


def flags(tree: Tree) -> Flags:
    """The flags of a tree, whose words are the same."""
    words: Any = tree
    return Flags(words.strategy, tree.intensity, tree.period / 1000, words.auto_shutdown)


def supervisor(tree: Tree) -> Supervisor:
    """The description of a tree."""
    of = flags(tree)
    children = [spec(design) for design in tree.children]
    return Supervisor(of.strategy, of.intensity, of.period, of.auto_shutdown, children)


def spec(design: Design) -> ChildSpec:
    """The spec of a child."""
    shutdown = design.shutdown
    return ChildSpec(
        design.id,
        list if design.tree is None else supervisor(design.tree),
        args=(design.version,),
        restart=design.restart,  # type: ignore[arg-type]
        shutdown=shutdown / 1000 if isinstance(shutdown, int) else shutdown,
        significant=design.significant,
        start_timeout="infinity" if design.start_timeout is None else design.start_timeout / 1000,
    )


@dataclass
class MachineWorld:
    """What `ModelWorld` is, over the machines."""

    outcomes: dict[str, list[str]] = field(default_factory=dict)
    stubborn: set[str] = field(default_factory=set)
    now: int = 0
    log: defaultdict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    answers: dict[object, object] = field(default_factory=dict)
    bodies: dict[str, Incarnation] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)
    agenda: deque[tuple[Node, steps.Event]] = field(default_factory=deque)
    end: tuple[object, object] | None = None

    def begin(self, tree: Tree) -> None:
        self.launch_node("root", supervisor(tree), None)

    def launch_node(self, path: str, tree: Supervisor, body: Incarnation | None) -> Node:
        machine = SupervisorMachine(tree.flags, tree.children, label=path)
        node = self.nodes[path] = Node(path, machine, body)
        self.agenda.append((node, steps.Begin()))
        return node

    def run(self) -> None:
        while self.agenda:
            node, event = self.agenda.popleft()
            if not node.is_over:
                for action in node.machine.handle(event, self.now / 1000):
                    self.do(node, action)

    def pass_time(self, milliseconds: int) -> None:
        until = self.now + milliseconds
        living = self.nodes.values()
        while due := [
            (at, n.path, t) for n in living if not n.is_over for t, at in n.timers.items()
        ]:
            at, path, timer = min(due)
            if at > until:
                break
            self.now = at
            del self.nodes[path].timers[timer]
            self.agenda.append((self.nodes[path], steps.TimeUp(timer)))
            self.run()
        self.now = until

    def do(self, node: Node, action: steps.Action) -> None:
        match action:
            case steps.Spawn():
                self.launch(node, action)
            case steps.SendExit(number):
                body = node.children[number]
                self.note(node, f"stop {body.path.rsplit('/')[-1]}")
                self.exit(body)
            case steps.Kill(number):
                self.note(node, f"kill {node.children[number].path.rsplit('/')[-1]}")
                self.kill(node.children[number])
            case steps.SetTimer(timer, after):
                node.timers[timer] = self.now + round(after * 1000)
            case steps.CancelTimer(timer):
                del node.timers[timer]
            case steps.Again(child, attempt):
                self.agenda.append((node, steps.Retry(child, attempt)))
            case steps.Answer(token):
                self.answer(token, "ok")
            case steps.AnswerReconfigured(token, new):
                self.answer(token, (new.changed, new.added, new.kept, new.removed))
            case steps.Refuse(token, problem):
                self.answer(token, type(problem).__name__)
            case steps.Report(event):
                self.report(node, event)
            case steps.Ready():
                if node.self_ is not None and node.self_.state == "starting":
                    node.self_.state = "running"
                    self.agenda.append((node.self_.owner, steps.Up(node.self_.number)))
            case steps.End(reason, cause):
                node.is_over = True
                if node.self_ is None:
                    self.end = (plain(reason), plain(cause))
                else:
                    self.die(node.self_, reason, cause)

    def answer(self, token: object, answer: object) -> None:
        assert token not in self.answers, "answered twice"
        self.answers[token] = answer

    def note(self, node: Node, line: str) -> None:
        self.log[node.path].append(line)

    def report(self, node: Node, event: events.SupervisionEvent) -> None:
        match event:
            case events.ChildStarted(child):
                self.note(node, f"up {child}")
            case events.ChildEnded(child, reason, restart):
                self.note(node, f"ended {child} {plain(reason)} {restart}")
            case events.ChildStopped(child, reason):
                self.note(node, f"stopped {child} {plain(reason)}")
            case events.StartFailed(child, reason):
                self.note(node, f"failed {child} {plain(reason)}")

    def launch(self, node: Node, action: steps.Spawn) -> None:
        self.note(node, f"start {action.spec.id}")
        path = f"{node.path}/{action.spec.id}"
        assert path not in self.bodies or self.bodies[path].state == "dead", "two of one child"
        body = self.bodies[path] = Incarnation(node, action.incarnation, path)
        node.children[action.incarnation] = body
        if isinstance(action.spec.start, Supervisor):
            body.node = self.launch_node(path, action.spec.start, body)
            return
        planned = self.outcomes.get(path)
        self.started(body, planned.pop(0) if planned else "ok")

    def started(self, body: Incarnation, outcome: str) -> None:
        match outcome:
            case "ok":
                body.state = "running"
                self.agenda.append((body.owner, steps.Up(body.number)))
            case "ignore":
                body.state = "dead"
                self.agenda.append((body.owner, steps.Declined(body.number)))
            case "fail":
                self.die(body, "no disk")

    def die(self, body: Incarnation, reason: object, cause: object = None) -> None:
        if body.state != "dead":
            body.state = "dead"
            self.agenda.append((body.owner, steps.Gone(body.number, reason, cause)))

    def exit(self, body: Incarnation) -> None:
        if body.node is not None:
            self.agenda.append((body.node, steps.Stop("shutdown")))
        elif body.path not in self.stubborn:
            self.die(body, "shutdown")

    def kill(self, body: Incarnation) -> None:
        self.die(body, "killed")
        self.bury(body)

    def bury(self, body: Incarnation) -> None:
        body.state = "dead"
        if body.node is not None and not body.node.is_over:
            body.node.is_over = True
            for child in body.node.children.values():
                self.bury(child)
