"""A kernel with components on either path of the engine, for each test."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Literal

import pytest
import wasmtime

from airssys_wasm import ActorSystem
from airssys_wasm.components import Component
from airssys_wasm.components.engine.engine import Engine, EngineSettings
from airssys_wasm.components.services import ComponentServices
from airssys_wasm.kernel import Actor, ActorRef, Kernel, Mailbox

EnginePath = Literal["fast", "slow"]


@cache
def lifecycle() -> bytes:
    """Does as the first byte of a message says; see lifecycle.wat."""
    text = (Path(__file__).parents[1] / "guests" / "lifecycle.wat").read_text()
    return bytes(wasmtime.wat2wasm(text))


class Recorder(Actor[Any]):
    """Keeps what it gets in `messages`, and answers every request with `answer`."""

    def __init__(self, messages: list[Any], answer: object = b"answer") -> None:
        self.messages = messages
        self.answer = answer

    def receive(self, message: Any) -> object:
        self.messages.append(message)
        return self.answer


class Stage:
    """A running kernel, and what the components in it share."""

    def __init__(self, kernel: Kernel, services: ComponentServices) -> None:
        self.kernel = kernel
        self.services = services

    def component(self, source: bytes | Path, **options: Any) -> Component:
        """A description whose incarnations run here."""
        return Component(source, services=self.services, **options)

    async def start(
        self,
        source: bytes | Path,
        name: str | None = "guest",
        mailbox: Mailbox | None = None,
        **options: Any,
    ) -> ActorRef[Any]:
        """A component that has started."""
        component = self.component(source, **options)
        return await self.kernel.start(component, name=name, mailbox=mailbox)

    def record(self, name: str, answer: object = b"answer", **options: Any) -> list[Any]:
        """What a Python actor of this name gets from now on."""
        messages: list[Any] = []
        self.kernel.spawn(Recorder, messages, answer, name=name, **options)
        return messages

    async def until(self, condition: Callable[[], object]) -> None:
        """Let everything run until `condition()` holds."""
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110  # conditions have no event
                await asyncio.sleep(0)


@pytest.fixture(scope="session")
def code_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compiled guests of this run."""
    return tmp_path_factory.mktemp("code") / "cache"


@pytest.fixture(scope="session", params=["fast", "slow"])
def shared_engine(request: pytest.FixtureRequest, code_cache: Path) -> Iterator[Engine]:
    """One engine of each path for all tests: making one takes longer than most tests."""
    engine = Engine(EngineSettings(path=request.param, cache=code_cache))
    yield engine
    engine.close()


class OnSharedEngine(ComponentServices):
    """Those of one system, whose engine outlives it."""

    async def close(self) -> None:
        self._engine = None
        await super().close()


@pytest.fixture
async def whole(anyio_backend: object, shared_engine: Engine) -> AsyncIterator[Stage]:
    """A stage with a broker: a whole system that runs components."""
    services = OnSharedEngine(shared_engine)
    async with ActorSystem("test", components=services) as system:
        yield Stage(system.kernel, services)
    assert system.kernel.actors() == []
    assert system.kernel.statistics().timers == 0


@pytest.fixture
async def stage(anyio_backend: object, shared_engine: Engine) -> AsyncIterator[Stage]:
    """A kernel that runs components; at its end no actor, timer or task is left."""
    async with Kernel("test") as kernel:
        yield Stage(kernel, ComponentServices(shared_engine))
    assert kernel.actors() == []
    assert kernel.statistics().timers == 0
