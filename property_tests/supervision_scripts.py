"""Random scripts for trees of supervisors: the state machine against the model, step by step.

    python -m property_tests.supervision_scripts --scripts 10000 --seed 1

makes so many trees, lets each live through a script, and compares after every step: the children of
each supervisor, their states and order; what it did and reported, in order; its budget; the answers
to what was asked; reasons and causes of ends. The first that differs is printed with its seed.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from dataclasses import replace
from random import Random
from typing import Any

from airssys_wasm.supervision import steps
from airssys_wasm.testing.model_supervisor import Design, Tree
from airssys_wasm.testing.model_world import ModelWorld
from property_tests.supervision_machine_world import MachineWorld, flags, spec

IDS = "abcd"
REASONS = ["normal", "shutdown", ("shutdown", "x"), "boom", "boom", "boom", "killed"]
OUTCOMES = ["ok", "ok", "fail", "fail", "ignore", "hang", "hang"]


# --- scripts

Step = tuple[Any, ...]


def some_design(random: Random, id: str, mode: str, depth: int) -> Design:
    restart = random.choice(["permanent", "permanent", "transient", "temporary"])
    return Design(
        id,
        restart,
        random.choice(["infinity", "brutal_kill", random.randrange(1, 500)]),
        mode != "never" and restart != "permanent" and random.random() < 0.4,
        random.choice([None, None, random.randrange(1, 500)]),
        random.randrange(2),
        some_tree(random, depth - 1) if depth and random.random() < 0.35 else None,
    )


def some_tree(random: Random, depth: int = 2) -> Tree:
    mode = random.choice(["never", "never", "any_significant", "all_significant"])
    ids = random.sample(IDS, random.randrange(len(IDS) + 1))
    return Tree(
        random.choice(["one_for_one", "one_for_all", "rest_for_one"]),
        random.choice([0, 1, 2, 3, 5]),
        random.randrange(1, 1000),
        mode,
        tuple(some_design(random, id, mode, depth) for id in ids),
    )


def some_outcomes(random: Random) -> list[str]:
    """How the coming starts of a leaf go."""
    return [random.choice(OUTCOMES) for _ in range(random.randrange(4))]


def some_step(random: Random, world: MachineWorld) -> Step:
    """A step that makes sense in `world` as it is now; it says all that it needs."""
    running = [path for path, body in world.bodies.items() if body.state == "running"]
    leaves = [path for path in running if world.bodies[path].node is None]
    hanging = [
        path
        for path, body in world.bodies.items()
        if body.state == "starting" and body.node is None
    ]
    nodes = [path for path, node in world.nodes.items() if not node.is_over]
    paths = [f"{node}/{id}" for node in nodes for id in IDS]
    kind = random.randrange(20)
    if kind < 6 and leaves:
        return ("die", random.choice(leaves), random.choice(REASONS), some_outcomes(random))
    if kind == 6 and running:
        return ("kill", random.choice(running))
    if kind in (7, 8) and hanging:
        return ("finish", random.choice(hanging), random.choice(["ok", "fail", "ignore"]))
    if kind in (9, 10) and paths:
        return ("plan", random.choice(paths), some_outcomes(random))
    if kind == 11 and paths:
        return ("stubborn", random.choice(paths), random.random() < 0.6)
    if kind in (12, 13):
        return ("wait", random.randrange(600))
    node = random.choice(nodes)
    id = random.choice(IDS)
    mode = random.choice(["never", "any_significant"])
    match kind:
        case 14:
            return ("ask", node, "add", some_design(random, id, mode, 1))
        case 15 | 16:
            return ("ask", node, "terminate", id)
        case 17:
            return ("ask", node, random.choice(["restart", "delete"]), id)
        case 18:
            new = some_tree(random, 1)
            wrong = replace(new, auto_shutdown="never")
            return ("ask", node, "reconfigure", random.choice([new, new, new, wrong]))
        case _ if random.random() < 0.15:
            return ("stop", node, random.choice(["shutdown", "bye"]))
        case _:
            return ("ask", node, "restart", id)


CHANGES: dict[str, Any] = {
    "terminate": steps.TerminateChild,
    "restart": steps.RestartChild,
    "delete": steps.DeleteChild,
}


class Difference(AssertionError):
    """The machine did something else than the model."""


class Comparison:
    """A tree in both worlds."""

    def __init__(self, tree: Tree, outcomes: dict[str, list[str]]) -> None:
        self.tree, self.outcomes = tree, outcomes
        self.real = MachineWorld({path: list(plan) for path, plan in outcomes.items()})
        self.model = ModelWorld({path: list(plan) for path, plan in outcomes.items()})
        self.steps: list[Step] = []
        self.real.begin(tree)
        self.model.begin(tree)
        self.run()

    def take(self, step: Step) -> None:
        """One step in both, and all that follows from it."""
        self.steps.append(step)
        token = len(self.steps)
        match step:
            case ("die", path, reason, *plan):
                for outcomes in plan:
                    self.real.outcomes[path] = list(outcomes)
                    self.model.outcomes[path] = list(outcomes)
                self.real.die(self.real.bodies[path], reason)
                self.model.die(self.model.bodies[path], reason)
            case ("kill", path):
                self.real.kill(self.real.bodies[path])
                self.model.kill(self.model.bodies[path])
            case ("finish", path, outcome):
                self.real.started(self.real.bodies[path], outcome)
                self.model.started(self.model.bodies[path], outcome)
            case ("plan", path, outcomes):
                self.real.outcomes[path] = list(outcomes)
                self.model.outcomes[path] = list(outcomes)
            case ("stubborn", path, yes):
                for stubborn in (self.real.stubborn, self.model.stubborn):
                    (stubborn.add if yes else stubborn.discard)(path)
            case ("wait", milliseconds):
                self.real.pass_time(milliseconds)
                self.model.pass_time(milliseconds)
            case ("stop", path, reason):
                self.real.agenda.append((self.real.nodes[path], steps.Stop(reason)))
                self.model.post(self.model.processes[path], ("stop", reason))
            case ("ask", path, what, about):
                self.real.agenda.append((self.real.nodes[path], self.change(what, about, token)))
                self.model.post(self.model.processes[path], (what, token, about))
        self.run()

    @staticmethod
    def change(what: str, about: Any, token: object) -> steps.Event:
        if what == "add":
            return steps.AddChild(spec(about), token)
        if what == "reconfigure":
            return steps.Reconfigure(flags(about), tuple(map(spec, about.children)), token)
        return CHANGES[what](about, token)  # type: ignore[no-any-return]

    def run(self) -> None:
        self.real.run()
        self.model.run()
        self.compare()

    def compare(self) -> None:
        """Raise Difference unless all that can be seen is the same in both."""
        self.same("log", dict(self.real.log), dict(self.model.log))
        self.same("answers", self.real.answers, self.model.answers)
        self.same("end", self.real.end, self.model.end)
        living = sorted(path for path, node in self.real.nodes.items() if not node.is_over)
        self.same("supervisors", living, sorted(p.path for p in self.model.living()))
        for path in living:
            machine, process = self.real.nodes[path].machine, self.model.processes[path]
            views = [(v.id, v.status, v.restarts) for v in reversed(machine.which_children())]
            self.same(f"children of {path}", views, process.children())
            left = machine.restarts_left(self.real.now / 1000)
            self.same(f"budget of {path}", left, process.left())
        alive = {path: body.state for path, body in self.real.bodies.items()}
        self.same("bodies", alive, {path: body.state for path, body in self.model.bodies.items()})

    @staticmethod
    def same(what: str, real: object, model: object) -> None:
        if real != model:
            raise Difference(f"{what}:\n  machine {real}\n  model   {model}")


def live_through(random: Random, length: int) -> Comparison:
    """A random tree and a random script of up to `length` steps, compared all the way to its end.

    Raises Difference, which says what differs and after which steps.
    """
    outcomes = {f"root/{id}": some_outcomes(random) for id in IDS if random.random() < 0.15}
    comparison = Comparison(some_tree(random), outcomes)
    try:
        for _ in range(length):
            if comparison.real.end is not None:
                break
            comparison.take(some_step(random, comparison.real))
        if comparison.real.end is None:
            for path in list(comparison.real.stubborn):
                comparison.take(("stubborn", path, False))
            comparison.take(("stop", "root", "shutdown"))
            for path, body in list(comparison.real.bodies.items()):
                if body.state != "dead" and body.node is None:
                    comparison.take(("die", path, "shutdown"))
            comparison.take(("wait", 10_000))
        if comparison.real.end is None:
            raise Difference("it does not end")
    except AssertionError as difference:
        script = "\n  ".join(map(str, comparison.steps))
        raise Difference(
            f"{difference}\n{comparison.tree}\n  {comparison.outcomes}\n  {script}"
        ) from difference
    return comparison


def main() -> int:
    """Run the scripts that the command line asks for; 1 when one of them differs."""
    parser = argparse.ArgumentParser(prog="python -m property_tests.supervision_scripts")
    parser.add_argument("--scripts", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1, help="of the first script; then one more")
    parser.add_argument("--steps", type=int, default=40, help="of the longest script")
    options = parser.parse_args()
    kinds: Counter[str] = Counter()
    did: Counter[str] = Counter()
    ends: Counter[str] = Counter()
    for seed in range(options.seed, options.seed + options.scripts):
        random = Random(seed)
        try:
            comparison = live_through(random, random.randrange(options.steps + 1))
        except Difference as difference:
            print(f"seed {seed} differs: {difference}")
            return 1
        kinds.update(step[2] if step[0] == "ask" else step[0] for step in comparison.steps)
        did.update(line.split()[0] for log in comparison.real.log.values() for line in log)
        assert comparison.real.end is not None
        reason, cause = comparison.real.end
        ends[cause[0] if isinstance(cause, tuple) else str(reason)[:20]] += 1
    print(f"seeds {options.seed} to {options.seed + options.scripts - 1}: none differs")
    for what, counts in (("steps", kinds), ("what followed", did), ("ends", ends)):
        print(f"{what} ({counts.total()}):", ", ".join(f"{k} {n}" for k, n in counts.most_common()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
