"""Loading: what fits is compiled and checked once, what does not is refused with every reason."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
import wasmtime

from airssys_wasm.components.engine.engine import Engine, EngineSettings
from airssys_wasm.components.engine.limits import Limits
from airssys_wasm.components.engine.path_choice import FAST_PATH_VERSION, choose_path
from airssys_wasm.components.engine.traps import Limit
from airssys_wasm.components.engine.values import Ok
from airssys_wasm.components.errors import ComponentInvalid, EngineUnavailable, GuestTrap
from airssys_wasm.sdk.componentize import componentize
from tests.guests import guests

pytestmark = pytest.mark.anyio

TEXT = (Path(__file__).parents[2] / "guests" / "lifecycle.wat").read_text()
BINARY = bytes(wasmtime.wat2wasm(TEXT))
LIFECYCLE = "airssys:core/component-lifecycle@1.0.0"


@pytest.fixture(params=["fast", "slow"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    made = Engine(EngineSettings(path=request.param))
    yield made
    made.close()


def changed(*changes: tuple[str, str]) -> bytes:
    text = TEXT
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    return bytes(wasmtime.wat2wasm(text))


def name_of_function(interface: str, function: str, arguments: tuple[object, ...]) -> object:
    return ("", function, "")


async def test_a_component_is_loaded_from_a_file_and_runs(engine: Engine, tmp_path: Path) -> None:
    file = tmp_path / "guest.wasm"
    file.write_bytes(BINARY)
    compiled = await engine.load(file)
    assert compiled.source == str(file)
    assert compiled.imports == (
        "airssys:core/host-messaging@1.0.0",
        "airssys:core/host-services@1.0.0",
        "airssys:core/storage@1.0.0",
    )
    instance = await engine.instantiate(
        compiled, limits=Limits(), host=name_of_function, clock=time.monotonic
    )
    message = (("", "tester", ""), b"ehello", (None, None, (1, 2), None))
    assert await instance.call("handle-message", message) == Ok(b"hello")
    assert instance.memory_used == 2 * 65536
    instance.close()


async def test_the_same_bytes_are_compiled_once(engine: Engine) -> None:
    one, other = await engine.load(BINARY), await engine.load(BINARY)
    assert one.component is other.component
    assert one.digest == other.digest


async def test_what_differs_is_named_all_at_once_with_both_signatures(engine: Engine) -> None:
    guest = changed(
        ('(case "quota-exceeded")', '(case "full")'),
        ('(export "health" (func $health-f))', ""),
        ("(result $health)", "(result u32)"),
    )
    with pytest.raises(ComponentInvalid) as caught:
        await engine.load(guest)
    get, set_, health = caught.value.problems
    assert re.search(r"storage@1.0.0#get differs: the world has .*quota-exceeded.* has .*full", get)
    assert re.search(r"storage@1.0.0#set differs", set_)
    assert health == f"does not export {LIFECYCLE}#health: func() -> health-status{{…}}"
    assert str(caught.value).startswith("<bytes> is no component of this host:\n")


async def test_a_changed_import_is_never_linked(engine: Engine) -> None:
    guest = changed(
        ('(param "duration-ms" u64)', '(param "duration-ms" string)'),
        ("(core func $sleep (canon lower (func $services \"sleep-millis\")))",
         "(core func $sleep (canon lower (func $services \"sleep-millis\") (memory $mem)))"),
        ("(func $sleep (param i64))", "(func $sleep (param i32 i32))"),
        ("(call $sleep (i64.const 1000))", "(call $sleep (i32.const 16) (i32.const 4))"),
    )  # fmt: skip
    with pytest.raises(ComponentInvalid) as caught:
        await engine.load(guest)
    assert caught.value.problems == (
        "import airssys:core/host-services@1.0.0#sleep-millis differs: the world has "
        "func(duration-ms: u64), the component has func(duration-ms: string)",
    )


async def test_a_component_of_another_patch_version_runs(engine: Engine) -> None:
    guest = changed(("@1.0.0", "@1.0.3"))
    instance = await engine.instantiate(
        await engine.load(guest),
        limits=Limits(),
        host=name_of_function,
        clock=time.monotonic,
    )
    message = (("", "tester", ""), b"i", (None, None, (1, 2), None))
    assert await instance.call("handle-message", message) == Ok(b"self-id")


async def test_a_component_of_a_later_minor_version_is_refused(engine: Engine) -> None:
    with pytest.raises(ComponentInvalid) as caught:
        await engine.load(changed(("@1.0.0", "@1.2.0")))
    assert len(caught.value.problems) == 4


async def test_a_component_that_imports_a_resource_is_refused(engine: Engine) -> None:
    guest = changed(
        ('(import "airssys:core/storage@1.0.0"',
         '(import "wasi:http/types@0.2.0" (instance (export "fields" (type (sub resource)))))\n'
         '  (import "airssys:core/storage@1.0.0"'),
    )  # fmt: skip
    with pytest.raises(ComponentInvalid) as caught:
        await engine.load(guest)
    assert caught.value.problems == (
        "imports wasi:http/types@0.2.0, which the world runtime-host does not have",
    )


async def test_what_is_no_component_is_refused(engine: Engine, tmp_path: Path) -> None:
    core = bytes(wasmtime.wat2wasm("(module)"))
    for source, says in (
        (core, "core module"),
        (BINARY[:-100], "damaged"),
        (b"text", "no WebAssembly"),
        (tmp_path / "missing.wasm", "no such file"),
        (tmp_path, "directory"),
    ):
        with pytest.raises(ComponentInvalid, match=says):
            await engine.load(source)


@pytest.mark.parametrize("stack", [64 * 1024, 2 * 1024 * 1024])
@pytest.mark.parametrize("path", ["fast", "slow"])
async def test_a_guest_that_calls_the_host_from_the_depth_of_its_stack_traps(
    path: Literal["fast", "slow"], stack: int
) -> None:
    engine = Engine(EngineSettings(path=path, stack=stack))
    compiled = await engine.load(calls_the_clock_ever_deeper())
    calls = 0

    def host(interface: str, function: str, arguments: tuple[object, ...]) -> int:
        nonlocal calls
        calls += 1
        return calls

    instance = await engine.instantiate(compiled, limits=Limits(), host=host, clock=lambda: 0.0)
    with pytest.raises(GuestTrap) as caught:
        await instance.call("handle-message", (("", "", ""), b"", (None, None, (1, 2), None)))
    assert caught.value.reason == Limit("stack", stack, None, "stack overflow")
    assert calls > 1_000
    engine.close()


def calls_the_clock_ever_deeper() -> bytes:
    return componentize(
        guests.core(
            "(drop (call $deeper (i64.const 0))) (call $ok)",
            imports='(import "airssys:core/host-services@1.0.0" "current-time-millis"'
            " (func $now (result i64)))",
            functions="(func $deeper (param i64) (result i64) (drop (call $now))"
            " (i64.add (i64.const 1) (call $deeper (local.get 0))))",
        )
    )


def test_settings_that_could_never_be_right_are_refused() -> None:
    with pytest.raises(ValueError, match="path"):
        EngineSettings(path="quick")  # type: ignore[arg-type]  # on purpose
    with pytest.raises(ValueError, match="stack"):
        EngineSettings(stack=1024)


@pytest.mark.parametrize(
    ("wheel", "python", "implementation", "system", "path"),
    [
        (FAST_PATH_VERSION, (3, 11), "CPython", "posix", "fast"),
        (FAST_PATH_VERSION, (3, 13), "CPython", "posix", "fast"),
        ("50.0.2", (3, 11), "CPython", "posix", "slow"),
        (FAST_PATH_VERSION, (3, 14), "CPython", "posix", "slow"),
        (FAST_PATH_VERSION, (3, 11), "PyPy", "posix", "slow"),
        (FAST_PATH_VERSION, (3, 11), "CPython", "nt", "slow"),
    ],
)
def test_the_fast_path_runs_only_where_it_was_tested(
    wheel: str,
    python: tuple[int, int],
    implementation: str,
    system: str,
    path: Literal["fast", "slow"],
) -> None:
    def chosen(wanted: Literal["auto", "fast", "slow"]) -> str:
        return choose_path(
            wanted, wheel=wheel, python=python, implementation=implementation, system=system
        )

    assert chosen("auto") == path
    assert chosen("slow") == "slow"
    if path == "fast":
        assert chosen("fast") == "fast"
    else:
        with pytest.raises(EngineUnavailable, match="fast path"):
            chosen("fast")


async def test_a_component_of_another_engine_is_refused(engine: Engine) -> None:
    other = Engine()
    compiled = await other.load(BINARY)
    with pytest.raises(ValueError, match="another engine"):
        await engine.instantiate(
            compiled, limits=Limits(), host=name_of_function, clock=time.monotonic
        )
    other.close()


async def test_a_closed_engine_takes_no_more(engine: Engine) -> None:
    compiled = await engine.load(BINARY)
    engine.close()
    engine.close()
    with pytest.raises(RuntimeError):
        await engine.instantiate(
            compiled, limits=Limits(), host=name_of_function, clock=time.monotonic
        )
    with pytest.raises(RuntimeError):
        await engine.load(BINARY + b"")


def test_an_engine_is_not_used_after_a_fork() -> None:
    """In a process of its own, since this one has threads."""
    program = """
import asyncio, os, sys
from airssys_wasm.components.engine.engine import Engine
engine = Engine()
child = os.fork()
if child:
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
try:
    asyncio.run(engine.load(b"anything"))
except RuntimeError as error:
    print(error)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "an engine can't be used after a fork: make another, or spawn\n"
    assert done.returncode == 0
