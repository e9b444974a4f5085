"""A component as a behaviour: its binary, and all that an incarnation of it is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from airssys_wasm.components import cbor
from airssys_wasm.components.engine.limits import Limits
from airssys_wasm.components.multicodec import CODES, MulticodecName, multicodec
from airssys_wasm.components.payload import CODECS, Codec, CodecName
from airssys_wasm.components.security.capability import Capabilities

if TYPE_CHECKING:
    from airssys_wasm.components.component_actor import ComponentActor
    from airssys_wasm.components.identity import ComponentId
    from airssys_wasm.components.services import ComponentServices, RunsOn


@dataclass(frozen=True, slots=True)
class Spawned:
    """What one child of a dynamic supervisor of components is given beside the template's own.

    `name` is registered as it starts, at each restart again; `config_data` is for its `initialize`,
    None for what the template says.
    """

    name: ComponentId
    config_data: bytes | None = None


@dataclass(frozen=True, slots=True)
class Component:
    """`system.spawn(Component("prices.wasm"), name="prices")`; denied everything unless granted.

    `source` is the path of the binary, or its bytes. `config` is given to `initialize` as JSON,
    `env` as its environment, which is otherwise empty. `codec` says how Python values become its
    payloads, and its replies values. With `multicodec` each payload begins with the code of its
    codec, and only payloads of the listed codecs come to it. `capabilities` are its grants. With
    `strict_imports` it does not start when it imports an interface of which nothing is granted;
    else that is a warning. `run` is "loop" for a guest that shares the loop's own thread and is
    suspended while it waits, or "thread" for one that computes for long: beside the loop, on one of
    32 threads, at a higher price for each message.
    One that is `trusted` is compiled in this process, 0.1 s sooner and without the bounds that
    the system has for others. `pool` is the name of the pool that it is a worker of, whose storage
    it has as long as it has no name of its own.
    `services` is for a kernel without a system; `label` is its name in reports.

    Raises PayloadError for a `config` that JSON can't express, CodecUnavailable for a codec that is
    not installed, TypeError or ValueError for other arguments that can never be right.
    """

    source: Path | bytes | str
    config: Mapping[str, object] | None = field(default=None, repr=False, kw_only=True)
    env: Mapping[str, str] = field(default_factory=dict, repr=False, kw_only=True)
    limits: Limits = field(default=Limits(), repr=False, kw_only=True)
    capabilities: Capabilities = field(default=Capabilities(), repr=False, kw_only=True)
    codec: CodecName = field(default="raw", kw_only=True)
    multicodec: Sequence[MulticodecName] | None = field(default=None, kw_only=True)
    strict_imports: bool = field(default=False, repr=False, kw_only=True)
    run: RunsOn = field(default="loop", repr=False, kw_only=True)
    trusted: bool = field(default=False, repr=False, kw_only=True)
    pool: str | None = field(default=None, repr=False, kw_only=True)
    services: ComponentServices | None = field(default=None, repr=False, kw_only=True)
    label: str = field(default="", kw_only=True)
    config_data: bytes | None = field(default=None, init=False, repr=False)

    takes_arguments: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if isinstance(self.source, str):
            object.__setattr__(self, "source", Path(self.source))
        if self.codec not in CODECS:
            raise ValueError(f"codec: {self.codec!r} is not one of {', '.join(CODECS)}")
        if self.codec == "cbor":
            cbor.library()
        if self.multicodec is not None:
            object.__setattr__(self, "multicodec", self._declared(self.multicodec))
        if self.run not in ("loop", "thread"):
            raise ValueError(f"run: {self.run!r} is not loop or thread")
        if self.config is not None:
            object.__setattr__(self, "config_data", CODECS["json"].encode(dict(self.config)))
        env = dict(self.env)
        for key, value in env.items():
            if not isinstance(key, str) or not isinstance(value, str):
                raise TypeError(f"env: {key!r}: {value!r} is not text")
        object.__setattr__(self, "env", env)
        if not self.label:
            name = self.source.stem if isinstance(self.source, Path) else "component"
            object.__setattr__(self, "label", name)

    def _declared(self, names: Sequence[MulticodecName]) -> tuple[MulticodecName, ...]:
        if isinstance(names, str):
            raise TypeError(f"multicodec: write a list of codecs, not {names!r}")
        for name in names:
            if name not in CODES:
                raise ValueError(f"multicodec: {name!r} is not one of {', '.join(CODES)}")
        if self.codec not in names:
            raise ValueError(f"multicodec: {self.codec!r}, its own codec, is not in it")
        return tuple(names)

    def payload_codec(self) -> Codec:
        """How its payloads are made and read."""
        if self.multicodec is None:
            return CODECS[self.codec]
        return multicodec(self.codec, self.multicodec)

    def incarnate(self, spawned: Spawned | None = None) -> ComponentActor:
        """A fresh actor; it gets a Store of its own when it starts.

        `spawned` is what a dynamic supervisor was asked to start it with. Raises TypeError for
        anything else.
        """
        from airssys_wasm.components.component_actor import ComponentActor

        if spawned is not None and not isinstance(spawned, Spawned):
            raise TypeError(f"a component is started with a Spawned, not with {spawned!r}")
        return ComponentActor(self, spawned)
