"""What a supervisor does about a failure, or about a change that was asked for, in its turn.

Pure. A decision begins a job, or answers at once. It is asked only while there is no job.
"""

from __future__ import annotations

from collections import deque
from typing import assert_never

from airssys_wasm.supervision import events, steps
from airssys_wasm.supervision.administration import refusal
from airssys_wasm.supervision.backoff import Backoff
from airssys_wasm.supervision.children import Child
from airssys_wasm.supervision.jobs import Death, Due, Job, Pending, Recover
from airssys_wasm.supervision.reconfiguration import reconfigure
from airssys_wasm.supervision.strategy import plan, wants_restart
from airssys_wasm.supervision.tree_state import TreeState


def decide(tree: TreeState, pending: Pending) -> None:
    """Begin what follows from `pending`; nothing does when it is outdated."""
    match pending:
        case Death(id, incarnation):
            child = tree.children.get(id)
            if child and child.state == "dead" and child.incarnation == incarnation:
                _answer_death(tree, child)
        case steps.Retry(id, attempt):
            child = tree.children.get(id)
            if child and child.state == "restarting" and child.attempt == attempt:
                _recover(tree, child)
        case Due(id, attempt):
            child = tree.children.get(id)
            if child and child.state == "restarting" and child.attempt == attempt:
                _restart(tree, child)
        case steps.Reconfigure():
            reconfigure(tree, pending)
        case _:
            _change(tree, pending)


def _change(tree: TreeState, change: steps.Change) -> None:
    id = change.spec.id if isinstance(change, steps.AddChild) else change.child
    child = tree.children.get(id)
    problem = refusal(change, child, tree.flags.auto_shutdown)
    if problem is not None:
        tree.refuse(change.token, problem)
        return
    match change:
        case steps.AddChild(spec):
            tree.children.add(spec)
            tree.job = Job(change, tree.numbers, start=deque((id,)))
        case steps.RestartChild():
            tree.job = Job(change, tree.numbers, start=deque((id,)))
        case steps.TerminateChild():
            tree.job = Job(change, tree.numbers, stop=deque((id,)))
            if child is not None and child.state == "restarting":
                tree.actions += tree.children.disinherit()
        case steps.DeleteChild(_, token):
            if child is not None:
                tree.actions += tree.children.drop(child)
            tree.actions.append(steps.Answer(token))
        case never:
            assert_never(never)


def _answer_death(tree: TreeState, child: Child) -> None:
    restart = wants_restart(child.spec.restart, child.reason)
    tree.report(events.ChildEnded(child.id, child.reason, restart))
    if restart:
        _recover(tree, child)
    else:
        tree.actions += tree.children.lay_down(child)
        _shut_down_after(tree, child)


def _recover(tree: TreeState, child: Child) -> None:
    """One more start of `child`, now or after a wait, if the budget allows it."""
    if not tree.budget.spend(tree.now):
        tree.actions += tree.children.lay_down(child)
        gave_up = events.GaveUp(
            tree.label,
            child.id,
            child.reason,
            child.cause,
            tree.flags.intensity,
            tree.flags.period,
        )
        tree.report(gave_up)
        tree.finish("shutdown", gave_up)
        return
    tree.restarts += 1
    child.state = "restarting"
    if child.spec.backoff is None:
        _restart(tree, child)
    else:
        _back_off(tree, child, child.spec.backoff)


def _back_off(tree: TreeState, child: Child, backoff: Backoff) -> None:
    child.failures = 1 if child.lived >= backoff.healthy_after else child.failures + 1
    after = backoff.delay(child.failures, tree.chance())
    child.attempt = next(tree.numbers)
    child.due = tree.now + after
    tree.report(events.RestartDelayed(child.id, child.failures, after))
    tree.actions += tree.children.set_timer(child, child.attempt, after)


def _restart(tree: TreeState, child: Child) -> None:
    """Start `child` again, and with it whom the strategy says."""
    tree.actions += tree.children.wait_no_longer(child)
    decided = plan(tree.flags.strategy, tree.children.specs, child.id)
    tree.job = Job(Recover(), tree.numbers, stop=deque(decided.stop), start=deque(decided.start))


def _shut_down_after(tree: TreeState, child: Child) -> None:
    """`child` has ended by itself for good: does the supervisor follow?"""
    if not child.spec.significant:
        return
    match tree.flags.auto_shutdown:
        case "never":
            return
        case "any_significant":
            pass
        case "all_significant":
            if tree.children.has_significant():
                return
        case never:
            assert_never(never)
    why = events.AutoShutdown(tree.label, child.id, child.reason, child.cause)
    tree.report(why)
    tree.finish("shutdown", why)
