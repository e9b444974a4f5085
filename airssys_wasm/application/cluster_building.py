"""Acts: makes what a tree needs that runs on several nodes: its engine, its node, its root.

The root of each node has the children that run everywhere, and the placement actor, which runs the
others when the node is given them.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator, Mapping
from functools import partial, reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airssys_wasm.application.building import child_of
from airssys_wasm.application.placement import Host, Subtree
from airssys_wasm.application.placing import Placed, PlacementActor
from airssys_wasm.broker.leases.lease import LeaseTimes
from airssys_wasm.broker.nodes.node_settings import NodeSettings
from airssys_wasm.config import (
    AnyChild,
    EngineConfig,
    NatsConfig,
    NodeConfig,
    PlacementConfig,
    SupervisorChild,
    TlsConfig,
    TreeConfig,
)
from airssys_wasm.config.modules import import_module
from airssys_wasm.config.nodes import bucket_of
from airssys_wasm.config.tree import Strategy
from airssys_wasm.config.words import node_name
from airssys_wasm.supervision import ChildSpec, Supervisor

if TYPE_CHECKING:
    from airssys_wasm.broker.engine import Engine

PLACEMENT = "(placement)"  # the id of the placement actor; no child of a file can be called so
_ANYWHERE = PlacementConfig()


def engine_of(config: EngineConfig, system: str) -> Engine:
    """The engine of a tree whose system is called so.

    Raises OSError and ssl.SSLError for files that can't be used.
    """
    from airssys_wasm.broker.nats import NatsEngine

    nats = config.nats if isinstance(config.nats, NatsConfig) else NatsConfig(servers=config.nats)
    servers = [nats.servers] if isinstance(nats.servers, str) else list(nats.servers)
    return NatsEngine(
        servers,
        bucket=nats.bucket or bucket_of(system),
        replicas=nats.replicas,
        tls=_tls(nats.tls),
        credentials=None if nats.credentials is None else str(nats.credentials),
        user=nats.user,
        password=nats.password,
        token=nats.token,
    )


def _tls(config: bool | TlsConfig) -> ssl.SSLContext | None:
    if config is False:
        return None
    files = TlsConfig() if config is True else config
    context = ssl.create_default_context(cafile=None if files.ca is None else str(files.ca))
    if files.certificate is not None:
        context.load_cert_chain(files.certificate, files.key)
    return context


def node_of(config: TreeConfig, directory: Path) -> NodeSettings:
    """What this machine is called among the nodes; its host's name where the file says nothing.

    Raises what importing the modules of messages raises.
    """
    assert config.engine is not None
    node = config.node
    if not isinstance(node, NodeConfig):
        node = NodeConfig(name=node)
    return NodeSettings(
        node.name or host_name(),
        labels=dict(node.labels),
        lease=LeaseTimes(config.engine.lease),
        messages=[_class(directory, path) for path in config.engine.messages],
    )


def host_name() -> str:
    """The name of this host, as one of a node."""
    name = socket.gethostname()
    wrong = node_name(name)
    return name if wrong is None else "".join(c if node_name(c) is None else "-" for c in name)


def _class(directory: Path, path: str) -> Any:
    module, _, attribute = path.partition(":")
    return reduce(getattr, attribute.split("."), import_module(directory, module))


def clustered_root(config: TreeConfig, directory: Path, labels: Mapping[str, str]) -> Supervisor:
    """The root supervisor of a node with these labels.

    Raises what importing an actor's module raises.
    """
    here = Host("", labels)
    children: list[ChildSpec] = []
    placed: list[Placed] = []
    if config.strategy != "one_for_one":  # they rely on each other, and stay together
        specs = [child_of(child, directory) for child in config.children]
        names = tuple(name for child in config.children for name in names_of(child))
        together = _supervisor(config, specs, config.name, config.strategy)
        placed.append(Placed(Subtree(config.name), together, names))
    else:
        for child in config.children:
            spec, placement = child_of(child, directory), child.placement or _ANYWHERE
            subtree = Subtree(child.id, placement.labels, placement.copies or 1)
            if placement.mode != "everywhere":
                supervisor = _supervisor(config, [spec], child.id)
                placed.append(Placed(subtree, supervisor, tuple(names_of(child))))
            elif here.suits(subtree):
                children.append(spec)
    placing = ChildSpec(PLACEMENT, partial(PlacementActor, placed), shutdown="infinity")
    return _supervisor(config, [*children, placing], "root")


def _supervisor(
    config: TreeConfig, children: list[ChildSpec], label: str, strategy: Strategy = "one_for_one"
) -> Supervisor:
    return Supervisor(
        strategy=strategy,
        intensity=config.intensity,
        period=config.period,
        children=children,
        label=label,
    )


def names_of(child: AnyChild) -> Iterator[str]:
    """The names of a child and of all below it."""
    if child.name is not None:
        yield child.name
    if isinstance(child, SupervisorChild):
        for below in child.supervisor.children:
            yield from names_of(below)
