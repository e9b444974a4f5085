"""How a node is to be: its name, what its messages may hold, how soon it gives another up.

Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from airssys_wasm.broker.leases.lease import LeaseTimes
from airssys_wasm.broker.nodes.codecs import CODECS, CodecName

BEAT = 1.0  # seconds between two signs of life
PATIENCE = 4.0  # seconds of silence after which a node is given up
ANNOUNCE = 5.0  # seconds between two calls to all that this node is there
_LEASE = LeaseTimes()
NAME = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """One node of several.

    `name` is how the others call it: letters, digits, `_` and `-`; None for one that is made of the
    system's name and a fresh id. `messages` are the dataclasses, msgspec structs and enums that
    messages may hold beside plain data: classes, which go by their names, or a mapping of names to
    classes; all nodes that talk of them have to know them. `codec` is how this node writes the
    messages of users: `msgpack`, `json`, `cbor` (the extra `cbor`) or `raw` (bytes only); it reads
    them all. `beat`, `patience` and `announce` are seconds: between two signs of life, of silence
    after which a node is given up, and between two calls to all that this node is there. `labels`
    are what others may look for when they choose a node; `lease` is how long this node counts after
    it was last heard of.

    Raises ValueError for what could never be right.

    >>> NodeSettings("shop-1").name
    'shop-1'
    """

    name: str | None = None
    messages: Iterable[type] | Mapping[str, type] = ()
    codec: CodecName = "msgpack"
    beat: float = BEAT
    patience: float = PATIENCE
    announce: float = ANNOUNCE
    labels: Mapping[str, str] = field(default_factory=dict)
    lease: LeaseTimes = _LEASE

    def __post_init__(self) -> None:
        if self.name is not None and not NAME.fullmatch(self.name):
            raise ValueError(f"node: {self.name!r} is not of letters, digits, '_' and '-'")
        if self.codec not in CODECS:
            raise ValueError(f"node: codec: {self.codec!r} is not one of {', '.join(CODECS)}")
        for time in ("beat", "patience", "announce"):
            if not getattr(self, time) > 0:
                raise ValueError(f"node: {time}: {getattr(self, time)!r} s is no time")
        if self.patience < 2 * self.beat:
            raise ValueError(
                f"node: patience: {self.patience:g} s is less than two beats of {self.beat:g} s"
            )
