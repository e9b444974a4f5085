"""One instance of a component and a host that answers as a test says, without a kernel."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Literal

from airssys_wasm.components.engine.engine import ComponentInstance, Engine, EngineSettings
from airssys_wasm.components.engine.limits import Limits


class ScriptedHost:
    """Answers each host function as `answers` says, and notes who was called with what."""

    def __init__(self, answers: Mapping[str, object]) -> None:
        self.answers = dict(answers)
        self.calls: list[tuple[str, tuple[object, ...]]] = []

    def __call__(self, interface: str, function: str, arguments: tuple[object, ...]) -> object:
        name = interface.partition("/")[2].partition("@")[0]
        self.calls.append((f"{name}.{function}", arguments))
        return self.answers[f"{name}.{function}"]


@asynccontextmanager
async def instance_of(
    binary: bytes,
    host: ScriptedHost | None = None,
    limits: Limits | None = None,
    path: Literal["auto", "fast", "slow"] = "auto",
) -> AsyncIterator[ComponentInstance]:
    """An instance that was not initialized yet."""
    engine = Engine(EngineSettings(path=path))
    try:
        instance = await engine.instantiate(
            await engine.load(binary),
            limits=limits or Limits(),
            host=host or ScriptedHost({}),
            clock=time.monotonic,
        )
        try:
            yield instance
        finally:
            instance.close()
    finally:
        engine.close()


def message(payload: bytes = b"") -> tuple[object, ...]:
    """A `component-message` in which every option is there."""
    metadata = ("cor-7", ("shop", "desk", "2"), (1_700_000_000, 5), "text/plain")
    return (("", "tester", ""), payload, metadata)


def bare_message(payload: bytes = b"") -> tuple[object, ...]:
    """A `component-message` in which no option is there."""
    return (("", "", ""), payload, (None, None, (0, 0), None))


def config(data: bytes | None = None) -> tuple[object, ...]:
    """A `component-config`."""
    return ([], data, (64 * 1024 * 1024, 5_000, None))
