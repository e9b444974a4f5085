"""One instance of a component and a host that answers as a test says, without a kernel."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from wasmtime.component import Component

from airssys_wasm.components.engine.fiber_engine import FiberEngine
from airssys_wasm.components.engine.instance import Instance
from airssys_wasm.components.engine.limits import Limits
from airssys_wasm.components.engine.runtime_host import runtime_host

STACK = 512 * 1024  # bytes; wasmtime's default


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
    binary: bytes, host: ScriptedHost, limits: Limits | None = None
) -> AsyncIterator[Instance]:
    """An instance that was not initialized yet."""
    engine = FiberEngine(runtime_host(), stack=STACK)
    try:
        instance = await engine.instantiate(
            Component(engine.engine, binary),
            limits=limits or Limits(),
            host=host,
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
