"""What a supervisor does about the health of its children.

Pure. `health.py` says what an answer means; here it becomes timers, questions and ends.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from airssys_wasm.supervision import events, steps
from airssys_wasm.supervision.child_spec import ChildSpec
from airssys_wasm.supervision.health import Checkup, Health
from airssys_wasm.supervision.shutdown import stop_signal


class Patient(Protocol):
    """A child, of whatever kind of supervisor."""

    incarnation: int
    checkup: Checkup | None
    blame: object

    @property
    def id(self) -> str: ...
    @property
    def spec(self) -> ChildSpec: ...


class Ward(Protocol):
    """What the checks need of a supervisor's state."""

    actions: Any
    now: float
    numbers: Iterator[int]

    @property
    def phase(self) -> str: ...
    @property
    def living(self) -> Mapping[int, Patient]: ...
    def report(self, event: events.SupervisionEvent) -> None: ...
    def set_timer(self, child: Any, timer: int, after: float) -> None: ...
    def cancel(self, timer: int) -> None: ...


def begin(tree: Ward, child: Patient) -> None:
    """`child` runs: check it from now on, if its spec says so."""
    if child.spec.health is None:
        return
    child.checkup = Checkup(child.spec.health, 0)
    _wait(tree, child, child.checkup, child.spec.health.every)


def time_up(tree: Ward, child: Patient, checkup: Checkup) -> None:
    """The timer of the checks went off."""
    if tree.phase == "stopping":
        return
    if checkup.over:
        tree.actions.append(steps.Kill(child.incarnation))
    elif checkup.asked is None:
        number = next(tree.numbers)
        checkup.ask(number, tree.now)
        tree.actions.append(steps.AskHealth(child.incarnation, number))
        _wait(tree, child, checkup, checkup.check.timeout)
    else:
        late = f"no answer within {checkup.check.timeout:g} s"
        _judge(tree, child, checkup, Health("unhealthy", late))


def answered(tree: Ward, incarnation: int, number: int, health: Health) -> None:
    """An incarnation told its health."""
    child = tree.living.get(incarnation)
    checkup = None if child is None else child.checkup
    if child is None or checkup is None or checkup.asked != number or tree.phase == "stopping":
        return
    tree.cancel(checkup.timer)
    _judge(tree, child, checkup, health)


def _judge(tree: Ward, child: Patient, checkup: Checkup, health: Health) -> None:
    before = "healthy" if checkup.health is None else checkup.health.status
    after = checkup.judge(health, tree.now)
    if health.status != before:
        tree.report(events.HealthChanged(child.id, health.status, health.detail))
    if after is not None:
        _wait(tree, child, checkup, after)
        return
    checkup.over = True
    child.blame = reason = ("unhealthy", health.detail)
    how = stop_signal(child.spec.shutdown)
    if how.signal == "kill":
        tree.actions.append(steps.Kill(child.incarnation))
        return
    tree.actions.append(steps.SendExit(child.incarnation, reason))
    if how.limit is not None:
        _wait(tree, child, checkup, how.limit)


def _wait(tree: Ward, child: Patient, checkup: Checkup, after: float) -> None:
    checkup.timer = next(tree.numbers)
    tree.set_timer(child, checkup.timer, after)
