"""What one guest costs: made, compiled, loaded, started and called, on either path."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from time import perf_counter
from typing import Literal

from airssys_wasm.components.engine.engine import Engine, EngineSettings
from airssys_wasm.components.engine.limits import Limits
from airssys_wasm.components.engine.values import Ok

HEAD = (
    f"{'guest':15}{'build':>8}{'size':>9}{'path':>6}{'compile':>10}{'cached':>10}"
    f"{'instance':>10}{'message':>10}"
)
_MESSAGES = 200
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


def measured(language: str, binary: Path, build: float) -> str:
    """Two lines of the table, of one run: loads and instance once, messages the mean of 200.

    "compile" is the first load; "cached" is a new engine that finds the code on disk; "message" has
    one write to storage in it, which the host answers from a dict.
    """
    size = binary.stat().st_size
    lines = []
    for path in ("fast", "slow"):
        times = asyncio.run(_times(binary, path))
        head = f"{language:15}{build:7.1f}s{size / 1024:7.0f}KB" if path == "fast" else " " * 32
        lines.append(head + f"{path:>6}" + "".join(_shown(t) for t in times))
    return "\n".join(lines)


def _shown(seconds: float) -> str:
    text = f"{seconds * 1e6:.0f} us" if seconds < 1e-3 else f"{seconds * 1e3:.1f} ms"
    return f"{text:>10}"


async def _times(binary: Path, path: Literal["fast", "slow"]) -> tuple[float, ...]:
    with tempfile.TemporaryDirectory(prefix="airssys-guests-") as folder:
        settings = EngineSettings(path=path, cache=Path(folder))
        first = Engine(settings)
        began = perf_counter()
        await first.load(binary)
        compiling = perf_counter() - began
        first.close()
        engine = Engine(settings)
        try:
            began = perf_counter()
            compiled = await engine.load(binary)
            cached = perf_counter() - began
            began = perf_counter()
            instance = await engine.instantiate(
                compiled, limits=Limits(), host=_Memory(), clock=time.monotonic
            )
            made = perf_counter() - began
            await instance.call("initialize", _CONFIG)
            began = perf_counter()
            for _ in range(_MESSAGES):
                await instance.call("handle-message", _MESSAGE)
            message = (perf_counter() - began) / _MESSAGES
            instance.close()
        finally:
            engine.close()
    return compiling, cached, made, message
