"""Acts: the process in which a component that is not trusted is compiled; a script of its own.

    parent                                   this process
    ──────                                   ────────────
    the binary, as a file ─────────────────▶ stdin
    an Order, as JSON ─────────────────────▶ argv[1]
                                             bounds itself, compiles
    checks, stores, loads ◀───────────────── stdout: `K` and the code, or `E` and what is wrong

Always:
  - it is started anew (exec), so that it has nothing of its parent but these two descriptors;
  - it bounds its memory, its time on processors and its files (none may be written) before it
    looks at the binary, so whatever the compiler does, it ends;
  - it imports nothing of this project: it is run by its path, without site-packages' start files.

The settings of the engine are here, since code fits only an engine that has the same ones; what
they do not change (memory creators, allocators) is added by whoever makes an engine.
"""

from __future__ import annotations

import json
import math
import os
import sys
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import wasmtime

CODE, PROBLEM = b"K", b"E"

_GRACE = 1  # seconds on processors beyond the limit: the parent is to end it before that


@dataclass(frozen=True, slots=True)
class CodeSettings:
    """What code depends on, beside wasmtime's version and the kind of machine.

    `interrupts` is how a guest is stopped: by fuel alone, on a fiber, or by epochs, too. `stack`
    is bytes that it may use; `memories` says that the host makes its memories.
    """

    interrupts: Literal["fuel", "epochs"]
    stack: int
    memories: bool

    def __str__(self) -> str:
        return f"{self.interrupts} stack={self.stack} memories={self.memories}"


@dataclass(frozen=True, slots=True)
class Order:
    """What the process is to do. `memory` is bytes, `time` seconds, `path` where modules are."""

    settings: CodeSettings
    memory: int
    time: float
    path: tuple[str, ...]

    def text(self) -> str:
        return json.dumps(asdict(self))


def configured(settings: CodeSettings) -> wasmtime.Config:
    """A configuration whose engines run code that was compiled for `settings`."""
    import wasmtime
    from wasmtime import _ffi as ffi

    config = wasmtime.Config()
    config.consume_fuel = True
    config.max_wasm_stack = settings.stack
    config.epoch_interruption = settings.interrupts == "epochs"
    if hasattr(ffi, "wasmtime_config_concurrency_support_set"):  # not in every wheel
        # A call costs a quarter without it, and nothing of the world is asynchronous.
        ffi.wasmtime_config_concurrency_support_set(config.ptr(), False)
    if settings.memories:
        # With it wasmtime maps a memory's first contents into memory that it did not map, and
        # aborts the process (50.0.1: "memory_image is Some only for mmap-based memories").
        config.memory_init_cow = False
    return config


def _bound(order: Order) -> None:
    """From here on this process can use no more than it was given."""
    import resource

    cores = os.cpu_count() or 1
    seconds = math.ceil(order.time) * cores + _GRACE
    # What it can write to, address space that is only reserved not being counted.
    kind = resource.RLIMIT_DATA if sys.platform == "linux" else resource.RLIMIT_AS
    bounds = (
        (kind, order.memory),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    )
    for what, most in bounds:
        _, hard = resource.getrlimit(what)
        most = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (most, most))


def main() -> None:
    """Compile what stdin holds, as `argv[1]` says."""
    given = json.loads(sys.argv[1])
    order = Order(**given | {"settings": CodeSettings(**given["settings"])})
    sys.path[:] = order.path
    _bound(order)
    with open(0, "rb", closefd=False) as file:
        binary = file.read()

    import wasmtime
    from wasmtime.component import Component

    try:
        code = Component(wasmtime.Engine(configured(order.settings)), binary).serialize()
        answer = CODE, bytes(code)
    except wasmtime.WasmtimeError as error:
        answer = PROBLEM, str(error).encode()
    with open(1, "wb", closefd=False) as file:
        for part in answer:
            file.write(part)


if __name__ == "__main__":
    main()
