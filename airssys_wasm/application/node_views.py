"""What is told of the nodes of a cluster: the values behind `node list`, `status` and `drain`.

Pure. They go over the control socket as JSON, and `--output json` prints them in the same words.
Times are seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NodeView:
    """One node. See `NodeState`, of which this has the fields; `connected` and the counts of
    messages between nodes are None for a node that did not say."""

    name: str
    life: str
    state: str
    here: bool
    labels: Mapping[str, str]
    lease_left: float
    subtrees: Mapping[str, str]
    failed: tuple[str, ...]
    places: bool
    connected: tuple[str, ...] | None
    messages_in: int | None
    messages_out: int | None


@dataclass(frozen=True, slots=True)
class NodesView:
    """All nodes by name, as the node `seen_from` knows them, and where each subtree is to be."""

    system: str
    seen_from: str
    nodes: tuple[NodeView, ...]
    table: Mapping[str, str | None]


@dataclass(frozen=True, slots=True)
class DrainedView:
    """A node that gave its subtrees to others; `left` are those that no other node could take."""

    node: str
    left: tuple[str, ...]
