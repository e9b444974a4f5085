"""The blocks of a tree that runs on several nodes: `engine`, `node`, and `placement` of a child.

Pure. The keys of a tree file are the fields of these dataclasses, as in `tree.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Annotated, ClassVar, Literal, TypeAlias

from airssys_wasm.broker.leases.lease import LENGTH
from airssys_wasm.config import words
from airssys_wasm.schema import AtLeast, AtMost, Checked, Duration, Named, Verbatim

Url: TypeAlias = Annotated[str, Checked(words.nats_url, words.NATS_URL)]
NodeName: TypeAlias = Annotated[str, Checked(words.node_name, words.NODE_NAME)]
Label: TypeAlias = Annotated[str, Checked(words.label, words.LABEL)]
ImportPath: TypeAlias = Annotated[str, Checked(words.import_path, words.IMPORT_PATH), Verbatim()]
Mode: TypeAlias = Literal["singleton", "spread", "everywhere"]

# What Kubernetes, Docker Swarm and Nomad call it.
_ELSEWHERE = (
    ("global", "everywhere"),
    ("daemonset", "everywhere"),
    ("DaemonSet", "everywhere"),
    ("replicated", "spread"),
    ("one", "singleton"),
    ("all", "everywhere"),
)


def bucket_of(system: str) -> str:
    """The bucket of a system whose tree names none.

    >>> bucket_of("shop"), bucket_of("shop.eu")
    ('airssys-shop', 'airssys-shop-eu-969d2014')
    """
    plain = re.sub(r"[^A-Za-z0-9_-]", "-", system)[:100]
    told_apart = "" if plain == system else f"-{sha256(system.encode()).hexdigest()[:8]}"
    return f"airssys-{plain}{told_apart}"


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsConfig:
    """How connections to the servers are encrypted.

    - `ca`: a file with the certificates of those who may vouch for a server; the system's own
      unless this is given.
    - `certificate`: a file with this client's own certificate.
    - `key`: a file with the key of that certificate.
    """

    __noun__: ClassVar[str] = "a block of TLS settings"

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NatsConfig:
    """NATS servers with JetStream, and how this system is known to them.

    - `servers`: the URL of a server, or a list of those of one cluster.
    - `bucket`: of the keys and subjects of these nodes; made of the name of the system unless this
      is given, so that other trees on the same servers are apart.
    - `replicas`: how many servers keep the keys; 3 where one of them may be lost.
    - `credentials`: a file with credentials.
    - `user`: a user's name, with a `password`.
    - `password`: of the user.
    - `token`: in the place of a user.
    - `tls`: `true`, or files.
    """

    __noun__: ClassVar[str] = "a block of NATS servers"

    servers: Url | tuple[Url, ...]
    bucket: Annotated[str, Checked(words.bucket, words.NODE_NAME)] | None = None
    replicas: Annotated[int, AtLeast(1), AtMost(5)] = 1
    credentials: Path | None = None
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    tls: bool | TlsConfig = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineConfig:
    """What connects the nodes that run this tree. Each of them runs the same file.

    - `nats`: the URL of a NATS server, or a block with more.
    - `lease`: how long a node counts after it was last heard of; its subtrees then go to others.
    - `messages`: `module:Name` of the classes that messages between nodes may hold, beside plain
      data.
    """

    __noun__: ClassVar[str] = "an engine"

    nats: Url | NatsConfig
    lease: Annotated[Duration, AtLeast(1.0), AtMost(3600)] = LENGTH
    messages: tuple[ImportPath, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeConfig:
    """This machine, as one of the nodes.

    - `name`: how the others call it, unique among them; the name of the host unless this is given.
    - `labels`: what `placement` of children looks for.
    """

    __noun__: ClassVar[str] = "a node"

    name: NodeName | None = None
    labels: Mapping[str, Label] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacementConfig:
    """On which nodes a child of the root runs, with all below it.

    - `mode`: on one node at a time (`singleton`), on as many as `copies` says (`spread`), or on
      each (`everywhere`).
    - `copies`: on how many nodes a child that is `spread` runs.
    - `labels`: only on nodes that have all of these.
    """

    __noun__: ClassVar[str] = "a placement"

    mode: Annotated[Mode, Named("mode of placement", _ELSEWHERE)] = "singleton"
    copies: Annotated[int, AtLeast(2), AtMost(1_000)] | None = None
    labels: Mapping[str, Label] = field(default_factory=dict)
