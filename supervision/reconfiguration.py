"""A running supervisor gets a new description: what becomes of its flags and its children.

Pure. No child is started or stopped by it:

| the child is | then |
|---|---|
| in both, and differs | it runs on; its new spec holds from now on |
| new | it is known, and not started: `restart_child` starts it |
| gone from the description | it stays as it is, until it is terminated and deleted |

What a spec says of the making of an incarnation (`start`, `args`, `name`, `mailbox`, `attach`,
`while_restarting`) holds from the next one on, all else at once. Children are in the order of the
new description afterwards, and those that it does not know are the newest, in their order. What was
spent of the restart budget stays spent.

Source: Erlang/OTP, supervisor.erl (code_change/3, update_childspec1/3).
"""

from __future__ import annotations

from dataclasses import dataclass

from airssys_wasm.supervision import checkups, steps
from airssys_wasm.supervision.child_spec import ChildSpec
from airssys_wasm.supervision.children import Child
from airssys_wasm.supervision.errors import InvalidSpec
from airssys_wasm.supervision.flags import check_children
from airssys_wasm.supervision.tree_state import TreeState


@dataclass(frozen=True, slots=True)
class Reconfigured:
    """What a new description changed, as ids of children in their new order.

    `changed` children have a new spec, `added` ones are known and not started, `kept` ones are as
    before. `removed` are those that it does not know: they stay until they are deleted.
    """

    changed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def reconfigure(tree: TreeState, change: steps.Reconfigure) -> None:
    """Make the change as a whole, or refuse it as a whole."""
    try:
        check_children(change.children, change.flags.auto_shutdown)
    except InvalidSpec as error:
        tree.refuse(change.token, steps.Invalid(error.field, error.value, error.problem))
        return
    tree.flags = change.flags
    tree.budget.change(change.flags.intensity, change.flags.period)
    changed, added, kept = [], [], []
    for spec in change.children:
        child = tree.children.get(spec.id)
        if child is None:
            tree.children.add(spec)
            added.append(spec.id)
        elif is_same(child.spec, spec):
            kept.append(spec.id)
        else:
            _respecify(tree, child, spec)
            changed.append(spec.id)
    known = {spec.id for spec in change.children}
    removed = [id for id in tree.children.specs if id not in known]
    tree.children.arrange([*(spec.id for spec in change.children), *removed])
    difference = Reconfigured(tuple(changed), tuple(added), tuple(kept), tuple(removed))
    tree.actions.append(steps.AnswerReconfigured(change.token, difference))


def _respecify(tree: TreeState, child: Child, spec: ChildSpec) -> None:
    is_ending = child.checkup is not None and child.checkup.over
    other_checks = child.spec.health != spec.health and not is_ending
    tree.children.respecify(child, spec)
    if child.is_alive:
        tree.actions.append(steps.Adjust(child.incarnation, spec))
    if child.state == "running" and other_checks:
        tree.actions += tree.children.end_checks(child)
        checkups.begin(tree, child)


def is_same(old: ChildSpec, new: ChildSpec) -> bool:
    """Whether two specs say the same. Arguments that can't be compared count as changed.

    >>> is_same(ChildSpec("a", list, args=(1,)), ChildSpec("a", list, args=(1.0,)))
    True
    """
    try:
        return bool(old == new)
    except Exception:  # arguments are the user's, and so is their comparison
        return False
