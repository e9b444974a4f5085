"""A component that is not trusted is compiled in a process that it can only end."""

import asyncio
import itertools
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import wasmtime
from wasmtime.component import Component

from airssys_wasm.components import ComponentInvalid
from airssys_wasm.components.engine.code_limits import LEAST_MEMORY, CompileLimits
from airssys_wasm.components.engine.compile_outside import CompileFailed, OutsideCompiler
from airssys_wasm.components.engine.compile_process import CodeSettings, configured
from airssys_wasm.components.engine.compiler import Compiler
from airssys_wasm.components.engine.engine import Engine, EngineSettings
from tests.guests import guests

pytestmark = pytest.mark.anyio

SETTINGS = CodeSettings("fuel", 512 * 1024, memories=True)
_numbers = itertools.count()


def small() -> bytes:
    """A component that was not compiled before."""
    text = f"(component (core module (func (drop (i32.const {next(_numbers)})) unreachable)))"
    return bytes(wasmtime.wat2wasm(text))


SMALL = small()


@cache
def bomb(size: int = 60_000) -> bytes:
    """A few hundred kilobytes in one function, which take the compiler hundreds of megabytes."""
    step = "local.get 0 local.get 1 i64.mul i64.const {} i64.add local.set 0 "
    steps = "".join(map(step.format, range(size)))
    again = "local.get 0 i64.eqz br_if 0"
    code = f"(component (core module (func (param i64 i64) (loop {steps} {again}))))"
    return bytes(wasmtime.wat2wasm(code))


@pytest.fixture
def outside() -> Iterator[OutsideCompiler]:
    made = OutsideCompiler(SETTINGS, CompileLimits())
    yield made
    made.close()


class Counting(OutsideCompiler):
    """Keeps what it was asked to compile."""

    def __init__(self) -> None:
        super().__init__(SETTINGS, CompileLimits())
        self.asked: list[bytes] = []

    def compile(self, binary: bytes) -> bytes:
        self.asked.append(binary)
        return super().compile(binary)


@pytest.mark.parametrize("interrupts", ["fuel", "epochs"])
@pytest.mark.parametrize("memories", [True, False])
def test_the_code_fits_an_engine_with_the_same_settings(interrupts: str, memories: bool) -> None:
    settings = CodeSettings(interrupts, 128 * 1024, memories)  # type: ignore[arg-type]
    compiler = OutsideCompiler(settings, CompileLimits())
    code = compiler.compile(SMALL)
    engine = wasmtime.Engine(configured(settings))
    assert Component.deserialize(engine, code).type is not None
    with pytest.raises(wasmtime.WasmtimeError):
        Component.deserialize(wasmtime.Engine(), code)


@pytest.mark.parametrize("path", ["fast", "slow"])
async def test_what_is_not_trusted_gives_the_same_component(path: str, tmp_path: Path) -> None:
    engine = Engine(EngineSettings(path=path, cache=tmp_path / "c"))  # type: ignore[arg-type]
    again = Engine(EngineSettings(path=path, cache=tmp_path / "c"))  # type: ignore[arg-type]
    try:
        stranger = await engine.load(guests.echo())
        trusted = await again.load(guests.echo(), trusted=True)  # of the same file
        assert stranger.digest == trusted.digest
        assert len(list((tmp_path / "c").iterdir())) == 1
    finally:
        engine.close()
        again.close()


async def test_many_that_ask_at_once_start_one_process() -> None:
    outside = Counting()
    compiler = Compiler(
        wasmtime.Engine(configured(SETTINGS)), settings="test", cache=None, outside=outside
    )
    codes = await asyncio.gather(*(compiler.compile(SMALL) for _ in range(10)))
    compiler.close()
    assert outside.asked == [SMALL]
    assert len({id(code.component) for code in codes}) == 1


async def test_what_is_trusted_starts_none() -> None:
    outside = Counting()
    compiler = Compiler(
        wasmtime.Engine(configured(SETTINGS)), settings="test", cache=None, outside=outside
    )
    await compiler.compile(SMALL, trusted=True)
    compiler.close()
    assert outside.asked == []


async def test_one_that_takes_too_much_memory_to_compile_is_invalid_and_others_go_on() -> None:
    engine = Engine(EngineSettings(compile=CompileLimits(memory=LEAST_MEMORY)))
    try:
        with pytest.raises(ComponentInvalid, match=f"takes more than {LEAST_MEMORY} bytes"):
            await engine.load(bomb())
        assert (await engine.load(guests.echo())).digest
    finally:
        engine.close()


def test_what_was_compiled_once_in_this_process_is_compiled_for_no_engine_again(
    outside: OutsideCompiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    binary = small()
    code = outside.compile(binary)
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert OutsideCompiler(SETTINGS, CompileLimits()).compile(binary) is code
    with pytest.raises(CompileFailed):
        OutsideCompiler(SETTINGS, CompileLimits(time=1.0)).compile(binary)


def test_one_that_takes_too_long_to_compile_is_ended() -> None:
    compiler = OutsideCompiler(SETTINGS, CompileLimits(time=0.01))  # no interpreter starts so fast
    with pytest.raises(CompileFailed, match=r"took more than 0\.01 s"):
        compiler.compile(SMALL)


async def test_the_end_of_a_compiler_ends_what_is_compiled_outside() -> None:
    outside = OutsideCompiler(SETTINGS, CompileLimits())
    compiler = Compiler(
        wasmtime.Engine(configured(SETTINGS)), settings="test", cache=None, outside=outside
    )
    began = time.monotonic()
    pending = asyncio.create_task(compiler.compile(bomb(500_000)))
    while not outside._running:  # noqa: ASYNC110  # no event: it is another thread's
        await asyncio.sleep(0)
    compiler.close()
    with pytest.raises(RuntimeError, match="closed"):
        await pending
    assert not outside._running
    assert time.monotonic() - began < 60


@pytest.mark.parametrize("bad", [SMALL[:-3], SMALL[:8] + b"\xff" * 100])
async def test_damage_is_worded_as_it_is_here(outside: OutsideCompiler, bad: bytes) -> None:
    said = []
    engine = wasmtime.Engine(configured(SETTINGS))
    compiler = Compiler(engine, settings="test", cache=None, outside=outside)
    for trusted in (True, False):
        with pytest.raises(ComponentInvalid) as caught:
            await compiler.compile(bad, trusted=trusted)
        said.append(str(caught.value))
    compiler.close()
    assert "damaged" in said[0]
    assert said[0] == said[1]


def test_a_process_that_can_not_be_started_says_what_would_help(
    outside: OutsideCompiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(CompileFailed, match="one that is `trusted` is compiled here"):
        outside.compile(small())


def test_an_interpreter_that_was_found_by_a_relative_path_is_found_again(
    outside: OutsideCompiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(Path(sys.executable).parent)
    monkeypatch.setattr(sys, "executable", Path(sys.executable).name)  # as with PATH=.
    assert outside.compile(small())


def test_the_process_can_write_no_file(tmp_path: Path) -> None:
    script = f"""
from airssys_wasm.components.engine.compile_process import CodeSettings, Order, _bound
_bound(Order(CodeSettings("fuel", 0, False), {LEAST_MEMORY}, 1.0, ()))
open({str(tmp_path / "file")!r}, "wb", 0).write(b"x")
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert "File too large" in done.stderr


@pytest.mark.parametrize("bad", [{"memory": 1}, {"time": 0.0}, {"time": float("nan")}])
def test_limits_that_could_never_be_right_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        CompileLimits(**bad)  # type: ignore[arg-type]
