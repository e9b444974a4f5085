"""Acts: runs the application that a configuration describes, from its start to its end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from airssys_wasm.application.building import durable_mailboxes, supervisor_of
from airssys_wasm.application.control_paths import Listening
from airssys_wasm.application.control_server import serving
from airssys_wasm.application.errors import SystemFailed
from airssys_wasm.application.live_tree import LiveTree
from airssys_wasm.application.pool_sizing import pool_of
from airssys_wasm.application.reports import Report
from airssys_wasm.application.system import ActorSystem, SystemStatistics
from airssys_wasm.broker.errors import EngineDown, NodeNameTaken
from airssys_wasm.components.services import ComponentServices
from airssys_wasm.config import TreeConfig, storage_place
from airssys_wasm.kernel import StartError, is_orderly
from airssys_wasm.supervision.events import FailedToStart, chain_of

if TYPE_CHECKING:
    from airssys_wasm.broker.engine import Engine
    from airssys_wasm.kernel import Platform


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an application ended.

    `failed` is True when the root gave up or did not start; `chain` then leads from what the root
    says to the first failure.
    """

    reason: object
    failed: bool
    chain: tuple[object, ...]
    reports: tuple[Report, ...]
    statistics: SystemStatistics


class Control:
    """What a running application can be told, from a signal handler for one."""

    def __init__(self) -> None:
        self._system: ActorSystem | None = None
        self.asked = 0

    def stop(self) -> None:
        """Stop everything in order; at the second call, at once."""
        self.asked += 1
        if self._system is None:
            return
        if self.asked == 1:
            self._system.stop()
        else:
            self._system.kill()

    def _attach(self, system: ActorSystem) -> None:
        self._system = system


async def run_application(
    config: TreeConfig,
    *,
    directory: Path,
    control: Control | None = None,
    on_started: Callable[[ActorSystem], None] | None = None,
    on_progress: Callable[[str], None] | None = None,
    listening: Listening | None = None,
    file: Path | None = None,
    as_written: TreeConfig | None = None,
) -> Outcome:
    """Run the tree until its root ends or `control` stops it.

    While it runs, from before its start until after its end, it is answered for on the control
    socket `listening`, which is closed then. `file` is where `config` was read from; `as_written`
    is what files are compared with, where an option of the command line overrides it in `config`.

    Raises what importing the actors' modules raises; a tree that does not start is an Outcome.
    """
    system = system_of(config, directory, on_progress)
    if listening is None:
        return await _run(system, control, on_started)
    live = LiveTree(system, as_written or config, file or directory / "tree.yaml")
    async with serving(listening, live.handle):
        return await _run(system, control, on_started)


def system_of(
    config: TreeConfig,
    directory: Path,
    on_progress: Callable[[str], None] | None = None,
    *,
    engine: Engine | None = None,
    platform: Platform | None = None,
) -> ActorSystem:
    """The system that a configuration describes, not yet entered. With an engine it is one node.

    `engine` is taken in the place of the one that the file says, and `platform` of the real one.
    Raises what importing the actors' modules raises.
    """
    storage = storage_place(config.components.storage, directory)
    components = ComponentServices.of(config.components, storage, pool_of(config))
    if config.engine is None:
        root = supervisor_of(config, directory)
        return ActorSystem(
            config.name,
            root=root,
            components=components,
            on_progress=on_progress,
            platform=platform,
        )
    from airssys_wasm.application.cluster_building import clustered_root, engine_of, node_of

    node = node_of(config, directory)
    system = ActorSystem(
        config.name,
        root=clustered_root(config, directory, node.labels),
        components=components,
        on_progress=on_progress,
        platform=platform,
        engine=engine or engine_of(config.engine, config.name),
        node=node,
    )
    system.declare_durable(durable_mailboxes(config))
    return system


async def _run(
    system: ActorSystem,
    control: Control | None,
    on_started: Callable[[ActorSystem], None] | None,
) -> Outcome:
    reason: object
    chain: tuple[object, ...] = ()
    if control is not None:
        control._attach(system)
    try:
        async with system:
            if control is not None and control.asked:
                system.stop()
            if on_started is not None:
                on_started(system)
            reason = await system.wait()
        failed = False
    except SystemFailed as failure:
        reason, failed, chain = failure.reason, True, failure.chain
    except (EngineDown, NodeNameTaken) as error:
        reason, failed, chain = str(error), True, (str(error),)
    except StartError as error:
        reason, failed, chain = error.reason, True, _start_chain(error.reason)
        if control is not None and control.asked and is_orderly(reason):
            failed = False  # it was stopped before it had started
    return Outcome(reason, failed, chain, system.reports, system.statistics())


def _start_chain(reason: object) -> tuple[object, ...]:
    if isinstance(reason, tuple) and len(reason) == 2 and isinstance(reason[1], FailedToStart):
        return tuple(chain_of(reason[1]))
    return (reason,)
