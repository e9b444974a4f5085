"""Which children a supervisor stops and starts when one of them fails.

Pure: no clock, no tasks. `tree.py` carries the plan out.

Invariants:
  - `stop` is in reverse start order, `start` in start order;
  - a child that did not fail is in `start` only if it is in `stop`;
  - a temporary child is never in `start`.

Source: Erlang/OTP, supervisor(3), "Restart strategies"; supervisor.erl (restart/3).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, assert_never

from airssys_wasm.kernel.reasons import is_orderly
from airssys_wasm.supervision.child_spec import ChildSpec, Restart

Strategy = Literal["one_for_one", "one_for_all", "rest_for_one"]
AutoShutdownMode = Literal["never", "any_significant", "all_significant"]


@dataclass(frozen=True, slots=True)
class Plan:
    """Ids to stop, then ids to start, each in the order to do it."""

    stop: tuple[str, ...] = ()
    start: tuple[str, ...] = ()


def wants_restart(restart: Restart, reason: object) -> bool:
    """Whether a child with this restart type that ended by itself with `reason` is started again.

    >>> wants_restart("transient", "normal"), wants_restart("transient", "boom")
    (False, True)
    """
    match restart:
        case "permanent":
            return True
        case "transient":
            return not is_orderly(reason)
        case "temporary":
            return False
        case never:
            assert_never(never)


def plan(strategy: Strategy, children: dict[str, ChildSpec], failed: str) -> Plan:
    """What follows when child `failed` has ended and is to be started again.

    `children` are in start order. Children of a group that are not running are started with it,
    as in OTP. Takes the same time for any number of
    children under one_for_one, and for any number of older siblings under rest_for_one.

    Raises KeyError when `failed` is not the id of a child.

    >>> abc = {id: ChildSpec(id, print) for id in "abc"}
    >>> plan("rest_for_one", abc, "b")
    Plan(stop=('c',), start=('b', 'c'))
    """
    spec = children[failed]
    match strategy:
        case "one_for_one":
            return Plan(start=() if spec.restart == "temporary" else (failed,))
        case "one_for_all":
            group = list(children.values())
        case "rest_for_one":
            group = []
            for id in reversed(children):
                group.append(children[id])
                if id == failed:
                    break
            group.reverse()
        case never:
            assert_never(never)
    return Plan(
        stop=tuple(one.id for one in reversed(group) if one.id != failed),
        start=tuple(one.id for one in group if one.restart != "temporary"),
    )
