"""Acts: reads the components of a tree, to tell how large a pool of instances they need."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from airssys_wasm.components.engine.component_binary import MAX_BINARY
from airssys_wasm.components.engine.pooling import PoolSize, Wanted, needs_of, pool_size
from airssys_wasm.config import ComponentWorker, SupervisorConfig
from airssys_wasm.config.tree import DynamicChild, PoolChild, SupervisorChild, TreeConfig

UNBOUNDED = 100  # instances that a dynamic supervisor is given places for which has no bound


def pool_of(config: TreeConfig) -> PoolSize | None:
    """The places for all components of the tree that run in the loop; None unless it asks for
    them, and when there is nothing that a pool could hold.

    A file that can't be read is left out: its own start says what is wrong with it.
    """
    return pool_size(_wanted(config)) if config.components.pooling else None


def _wanted(config: TreeConfig) -> Iterator[Wanted]:
    on_threads = config.components.path == "slow"
    for worker, count in _workers(config):
        if worker.run == "thread" and not on_threads:
            continue
        try:
            if worker.component.stat().st_size > MAX_BINARY:
                continue
            needs = needs_of(Path(worker.component).read_bytes())
        except (OSError, ValueError):
            continue
        if needs is not None:
            yield Wanted(needs, count, worker.limits.memory // max(needs.memories, 1))


def _workers(config: SupervisorConfig) -> Iterator[tuple[ComponentWorker, int]]:
    for child in config.children:
        if isinstance(child, SupervisorChild):
            yield from _workers(child.supervisor)
        elif isinstance(child, PoolChild):
            if isinstance(child.pool, ComponentWorker):
                yield child.pool, child.pool.size
        elif isinstance(child, DynamicChild):
            if isinstance(child.dynamic, ComponentWorker):
                yield child.dynamic, child.dynamic.max_children or UNBOUNDED
        elif isinstance(child, ComponentWorker):
            yield child, 1
