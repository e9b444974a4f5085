"""What a supervisor learns of its children, and what that means for the job in hand.

Pure. A child that ended by itself is only noted here; what follows is decided in `decisions.py`
when its turn comes.
"""

from __future__ import annotations

from airssys_wasm.kernel.reasons import says
from airssys_wasm.supervision import checkups, events, steps
from airssys_wasm.supervision.children import Child
from airssys_wasm.supervision.jobs import Boot, Death, Job, Recover
from airssys_wasm.supervision.tree_state import TreeState


def up(tree: TreeState, incarnation: int) -> None:
    """The init of an incarnation succeeded."""
    child = tree.living.get(incarnation)
    if child is None or child.state != "starting":
        return
    child.state = "running"
    child.held = None
    child.up_since = tree.now
    checkups.begin(tree, child)
    tree.report(events.ChildStarted(child.id, child.restarts))
    _answer_start(tree, tree.arrived(child), incarnation)


def declined(tree: TreeState, incarnation: int) -> None:
    """The init of an incarnation answered IGNORE."""
    child = tree.living.get(incarnation)
    if child is None:
        return
    if child.state != "starting":
        gone(tree, incarnation, "normal", None, spawned=True)
        return
    del tree.living[incarnation]
    child.keep(incarnation)
    job = tree.arrived(child)
    tree.actions += tree.children.lay_down(child)
    _answer_start(tree, job, None)


def _answer_start(tree: TreeState, job: Job | None, incarnation: int | None) -> None:
    if job is not None and isinstance(job.purpose, steps.AddChild | steps.RestartChild):
        tree.actions.append(steps.Answer(job.purpose.token, incarnation))


def gone(
    tree: TreeState, incarnation: int, reason: object, cause: object, *, spawned: bool
) -> None:
    """An incarnation is dead, or was never alive (`spawned` is False)."""
    child = tree.living.pop(incarnation, None)
    if child is None:
        return
    if spawned:
        child.keep(incarnation)
    tree.actions += tree.children.end_checks(child)
    match child.state:
        case "starting":
            _start_failed(tree, child, tree.arrived(child), reason, cause)
        case "stopping":
            _stopped(tree, child, tree.arrived(child), reason)
        case "running" if tree.phase == "stopping":
            tree.report(events.ChildStopped(child.id, reason))
            tree.actions += tree.children.lay_down(child)
        case _:
            blame, child.blame = child.blame, None
            child.state = "dead"
            child.lived = tree.now - child.up_since
            child.reason = blame if blame is not None and says(reason, "killed") else reason
            child.cause = cause
            tree.pending.append(Death(child.id, incarnation))


def _start_failed(
    tree: TreeState, child: Child, job: Job | None, reason: object, cause: object | None
) -> None:
    tree.report(events.StartFailed(child.id, reason))
    purpose = job.purpose if job is not None else None
    match purpose:
        case Boot():
            tree.actions += tree.children.lay_down(child)
            tree.finish(("shutdown", events.FailedToStart(child.id, reason, cause)), None)
        case Recover() if job is not None:
            job.start.clear()
            child.reason = reason
            child.cause = cause
            child.lived = 0.0
            child.state = "restarting"
            child.attempt = next(tree.numbers)
            tree.actions.append(steps.Again(child.id, child.attempt))
        case steps.AddChild(_, token):
            tree.actions += tree.children.drop(child)
            tree.refuse(token, steps.DidNotStart(child.id, reason))
        case steps.RestartChild(_, token):
            tree.actions += tree.children.lay_down(child)
            tree.refuse(token, steps.DidNotStart(child.id, reason))
        case _:
            tree.actions += tree.children.lay_down(child)


def _stopped(tree: TreeState, child: Child, job: Job | None, reason: object) -> None:
    blame, child.blame = child.blame, None
    if job is not None and job.starts and not job.terminated:
        _start_failed(tree, child, job, blame if blame is not None else reason, None)
        return
    tree.report(events.ChildStopped(child.id, reason))
    tree.settle(child, job)
    if job is not None and job.terminated:
        tokens, job.terminated = job.terminated, []
        if isinstance(job.purpose, steps.AddChild | steps.RestartChild):
            tree.refuse(job.purpose.token, steps.DidNotStart(child.id, reason))
        for token in tokens:
            tree.actions.append(steps.Answer(token))
