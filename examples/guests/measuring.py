"""Acts: what one guest costs on either path: compiled, loaded, started and called."""

from __future__ import annotations

import asyncio
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Literal

from airssys_wasm.components.engine.code_limits import CompileLimits
from airssys_wasm.components.engine.engine import Engine, EngineSettings
from airssys_wasm.components.engine.limits import Limits
from airssys_wasm.components.engine.values import Ok

_COLUMNS = (
    *("language", "build", "size", "path", "compile", "first load", "cached load", "instance"),
    *("message", "memory"),
)
HEAD = f"| {' | '.join(_COLUMNS)} |\n{'| --- ' * len(_COLUMNS)}|"
_MESSAGES = 200
_ROUNDS = 5  # of what is quick; a first load is made once
_MESSAGE = (("", "reader", ""), b"x" * 16, (None, None, (1, 2), None))
_CONFIG: tuple[object, ...] = ([], None, (64 * 1024 * 1024, 5_000, None))


class _Memory:
    """A host with storage, and nothing else that a counter calls without being asked."""

    def __init__(self) -> None:
        self.kept: dict[object, object] = {}

    def __call__(self, interface: str, function: str, arguments: tuple[object, ...]) -> object:
        match function:
            case "get":
                return Ok(self.kept.get(arguments[0]))
            case "set":
                self.kept[arguments[0]] = arguments[1]
                return Ok()
            case "current-time-millis":
                return 1_750_000_000_000
        return None


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one guest on one path: seconds, and the bytes of an instance that has had its messages."""

    compile: float
    first_load: float
    cached_load: float
    instance: float
    message: float
    memory: int


def measured(language: str, binary: Path, build: float) -> str:
    """Two lines of the table, of one run.

    "compile" is the compiler alone, in this process; "first load" the same in a process of its own,
    the world checked and the code stored; "cached load" a new engine that finds the code on disk;
    "instance" a new incarnation; "message" has a write to storage in it, which the host answers
    from a dict. The last three are medians.
    """
    size = f"{binary.stat().st_size / 1024:,.0f} KiB"
    lines = []
    for path in ("fast", "slow"):
        cost = asyncio.run(_cost(binary, path))
        first = (language, f"{build:.1f} s", size) if path == "fast" else ("", "", "")
        times = (cost.compile, cost.first_load, cost.cached_load, cost.instance, cost.message)
        memory = f"{cost.memory / 1024:,.0f} KiB"
        lines.append(f"| {' | '.join((*first, path, *map(_shown, times), memory))} |")
    return "\n".join(lines)


def _shown(seconds: float) -> str:
    return f"{seconds * 1e6:.0f} µs" if seconds < 1e-3 else f"{seconds * 1e3:,.1f} ms"


async def _cost(binary: Path, path: Literal["fast", "slow"]) -> Cost:
    with tempfile.TemporaryDirectory(prefix="airssys-guests-") as folder:
        compiling = await _loaded(EngineSettings(path=path), binary, trusted=True)
        limits = CompileLimits(time=1200)
        settings = EngineSettings(path=path, cache=Path(folder), compile=limits)
        first = await _loaded(settings, binary)
        cached = median([await _loaded(settings, binary) for _ in range(_ROUNDS)])
        engine = Engine(settings)
        try:
            compiled = await engine.load(binary)
            host = _Memory()
            made = []
            for _ in range(_ROUNDS):
                began = perf_counter()
                instance = await engine.instantiate(
                    compiled, limits=Limits(), host=host, clock=time.monotonic
                )
                made.append(perf_counter() - began)
                instance.close()
            instance = await engine.instantiate(
                compiled, limits=Limits(), host=host, clock=time.monotonic
            )
            await instance.call("initialize", _CONFIG)
            messages = []
            for _ in range(_MESSAGES):
                began = perf_counter()
                await instance.call("handle-message", _MESSAGE)
                messages.append(perf_counter() - began)
            used = instance.memory_used or 0
            instance.close()
        finally:
            engine.close()
    return Cost(compiling, first, cached, median(made), median(messages), used)


async def _loaded(settings: EngineSettings, binary: Path, *, trusted: bool = False) -> float:
    """How long a new engine takes to load it."""
    engine = Engine(settings)
    try:
        began = perf_counter()
        await engine.load(binary, trusted=trusted)
        return perf_counter() - began
    finally:
        engine.close()
