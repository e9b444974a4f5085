"""The tree that a simulation runs: where a child says `simulate:`, its stand-in.

Pure.
"""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TypeVar

from airssys_wasm.config.settings import StandInConfig, WorkerSettings
from airssys_wasm.config.tree import (
    ActorConfig,
    AnyChild,
    ChildConfig,
    ComponentConfig,
    SupervisorChild,
    SupervisorConfig,
)

S = TypeVar("S", bound=SupervisorConfig)

_SHARED = {
    each.name
    for each in (*fields(ChildConfig), *fields(WorkerSettings))
    if each.name not in ("actor", "args")
}


def with_stand_ins(tree: S) -> S:
    """`tree` with the stand-in of each child that has one; all else as it was."""
    return replace(tree, children=tuple(map(_simulated, tree.children)))


def _simulated(child: AnyChild) -> AnyChild:
    match child:
        case SupervisorChild():
            return replace(child, supervisor=with_stand_ins(child.supervisor))
        case ActorConfig(simulate=StandInConfig() as stand_in):
            actor = stand_in.actor or child.actor
            return replace(child, actor=actor, args=stand_in.args, simulate=None)
        case ComponentConfig(simulate=StandInConfig() as stand_in):
            assert stand_in.actor is not None, "check asks for it"
            shared = {name: getattr(child, name) for name in _SHARED}
            subscribe = child.subscribe
            return ActorConfig(
                actor=stand_in.actor, args=stand_in.args, subscribe=subscribe, **shared
            )
        case _:
            return child
