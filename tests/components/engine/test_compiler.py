"""Compiled off the loop, once a digest, kept on disk; a bad file gets a sentence that helps."""

# ruff: noqa: ASYNC221, ASYNC240 - a test may block: nothing else runs on its loop
import asyncio
import gc
import logging
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import anyio
import pytest
import wasmtime

from airssys_wasm.components.engine.code_cache import default_directory
from airssys_wasm.components.engine.compiler import HELD, Compiler
from airssys_wasm.components.engine.native_code import NativeCode
from airssys_wasm.components.errors import ComponentInvalid

pytestmark = pytest.mark.anyio

COMPONENT = bytes(wasmtime.wat2wasm("(component (core module (func unreachable)))"))
OTHER = bytes(wasmtime.wat2wasm("(component (core module (func nop)))"))
CORE = bytes(wasmtime.wat2wasm("(module)"))


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "home" / "cache"


@pytest.fixture
def compiler(cache: Path) -> Iterator[Compiler]:
    made = Compiler(wasmtime.Engine(), settings="test", cache=cache)
    yield made
    made.close()


def fresh(cache: Path | None, *, settings: str = "test") -> Compiler:
    """A compiler as in a new process: it remembers nothing."""
    return Compiler(wasmtime.Engine(), settings=settings, cache=cache)


def kept(cache: Path) -> list[Path]:
    return sorted(cache.glob("*")) + sorted(cache.glob(".*"))


async def problem(compiler: Compiler, source: Path | bytes) -> str:
    with pytest.raises(ComponentInvalid) as caught:
        await compiler.compile(source)
    assert caught.value.source == ("<bytes>" if isinstance(source, bytes) else str(source))
    return str(caught.value)


async def test_a_file_and_its_bytes_give_the_same_code(compiler: Compiler, tmp_path: Path) -> None:
    file = tmp_path / "a.wasm"
    file.write_bytes(COMPONENT)
    of_file, of_bytes = await compiler.compile(file), await compiler.compile(COMPONENT)
    assert of_file == of_bytes
    assert len(of_file.digest) == 64


async def test_code_is_held_though_nobody_uses_it_and_no_more_than_so_much(cache: Path) -> None:
    compiled: list[bytes] = []

    class Counting(Compiler):
        def _compile(self, data: bytes) -> NativeCode:
            compiled.append(data)
            return super()._compile(data)

    compiler = Counting(wasmtime.Engine(), settings="test", cache=None)
    several = [
        bytes(wasmtime.wat2wasm(f"(component (core module (global i32 (i32.const {number}))))"))
        for number in range(HELD + 1)
    ]
    for binary in (*several, several[-1], several[1], several[0]):
        await compiler.compile(binary)
        gc.collect()
    compiler.close()
    assert compiled == [*several, several[0]]


async def test_a_digest_asked_for_by_many_at_once_is_compiled_once(cache: Path) -> None:
    compiled: list[bytes] = []

    class Counting(Compiler):
        def _compile(self, data: bytes) -> NativeCode:
            compiled.append(data)
            return super()._compile(data)

    compiler = Counting(wasmtime.Engine(), settings="test", cache=cache)
    codes = await asyncio.gather(*(compiler.compile(COMPONENT) for _ in range(20)))
    compiler.close()
    assert compiled == [COMPONENT]
    assert len({id(code.component) for code in codes}) == 1


async def test_the_loop_runs_on_while_a_component_compiles(cache: Path) -> None:
    begun, go_on = threading.Event(), threading.Event()

    class Held(Compiler):
        def _compile(self, data: bytes) -> NativeCode:
            begun.set()
            assert go_on.wait(10)
            return super()._compile(data)

    compiler = Held(wasmtime.Engine(), settings="test", cache=cache)
    task = asyncio.create_task(compiler.compile(COMPONENT))
    await anyio.to_thread.run_sync(begun.wait)
    go_on.set()  # only a loop that runs gets here
    assert (await task).component is not None
    compiler.close()


async def test_who_stops_waiting_does_not_stop_it_for_the_others(cache: Path) -> None:
    begun, go_on = threading.Event(), threading.Event()

    class Held(Compiler):
        def _compile(self, data: bytes) -> NativeCode:
            begun.set()
            assert go_on.wait(10)
            return super()._compile(data)

    compiler = Held(wasmtime.Engine(), settings="test", cache=cache)
    first = asyncio.create_task(compiler.compile(COMPONENT))
    await anyio.to_thread.run_sync(begun.wait)
    second = asyncio.create_task(compiler.compile(COMPONENT))
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    go_on.set()
    assert (await second).component is not None
    compiler.close()


async def test_kept_code_is_loaded_and_not_compiled_again(cache: Path) -> None:
    class Never(Compiler):
        def _compile(self, data: bytes) -> NativeCode:
            raise AssertionError("compiled although it was kept")

    first = fresh(cache)
    await first.compile(COMPONENT)
    first.close()
    second = Never(wasmtime.Engine(), settings="test", cache=cache)
    assert (await second.compile(COMPONENT)).component.type is not None
    second.close()


async def test_the_directory_is_ours_alone_and_its_files_are_read_only(cache: Path) -> None:
    compiler = fresh(cache)
    await compiler.compile(COMPONENT)
    compiler.close()
    (file,) = kept(cache)
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o400


async def test_other_contents_and_other_settings_get_files_of_their_own(cache: Path) -> None:
    for settings, source in (("a", COMPONENT), ("b", COMPONENT), ("a", OTHER)):
        compiler = fresh(cache, settings=settings)
        await compiler.compile(source)
        compiler.close()
    assert len(kept(cache)) == 3


def overwrite(file: Path, data: bytes, mode: int = 0o400) -> None:
    file.unlink()
    file.write_bytes(data)
    file.chmod(mode)


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda data: b"",
    "cut short": lambda data: data[: len(data) // 2],
    "one bit": lambda data: data[:5000] + bytes([data[5000] ^ 1]) + data[5001:],
    "digest": lambda data: data[:-1] + bytes([data[-1] ^ 1]),
    "something else": lambda data: b"#!/bin/sh\n",
}


@pytest.mark.parametrize("damage", DAMAGE)
async def test_a_damaged_file_is_ignored_reported_and_replaced(
    cache: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    compiler = fresh(cache)
    await compiler.compile(COMPONENT)
    (file,) = kept(cache)
    good = file.read_bytes()
    overwrite(file, DAMAGE[damage](good))
    again = fresh(cache)
    assert (await again.compile(COMPONENT)).component.type is not None
    assert len(file.read_bytes()) == len(good)
    assert stat.S_IMODE(file.stat().st_mode) == 0o400
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    assert str(file) in caplog.text
    again.close()
    compiler.close()


async def test_code_of_another_engine_is_refused_by_the_engine_and_replaced(
    cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = wasmtime.Config()
    config.consume_fuel = True
    foreign = Compiler(wasmtime.Engine(config), settings="test", cache=cache)
    await foreign.compile(COMPONENT)
    foreign.close()
    compiler = fresh(cache)
    await compiler.compile(COMPONENT)
    compiler.close()
    assert "fuel" in caplog.text
    assert len(kept(cache)) == 1


@pytest.mark.parametrize("mode", [0o444, 0o600, 0o420, 0o402])
async def test_a_file_that_others_could_have_written_is_not_loaded(
    cache: Path, mode: int, caplog: pytest.LogCaptureFixture
) -> None:
    compiler = fresh(cache)
    await compiler.compile(COMPONENT)
    (file,) = kept(cache)
    file.chmod(mode)
    again = fresh(cache)
    await again.compile(COMPONENT)
    assert f"{mode:04o}, not 0400" in caplog.text
    assert stat.S_IMODE(file.stat().st_mode) == 0o400
    again.close()
    compiler.close()


@pytest.mark.parametrize("kind", ["symbolic link", "second name", "directory", "pipe"])
async def test_what_is_no_file_of_its_own_is_not_loaded(
    cache: Path, tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    compiler = fresh(cache)
    await compiler.compile(COMPONENT)
    (file,) = kept(cache)
    elsewhere = tmp_path / "elsewhere"
    file.rename(elsewhere)
    match kind:
        case "symbolic link":
            file.symlink_to(elsewhere)
        case "second name":
            os.link(elsewhere, file)
        case "directory":
            file.mkdir()
        case "pipe":
            os.mkfifo(file, 0o400)
    again = fresh(cache)
    assert (await again.compile(COMPONENT)).component.type is not None
    assert caplog.records[0].getMessage().startswith("ignored")
    again.close()
    compiler.close()


async def refused(cache: Path, caplog: pytest.LogCaptureFixture) -> str:
    """Compile twice without a usable cache; the one warning that this gives."""
    compiler = fresh(cache)
    for source in (COMPONENT, OTHER):
        assert (await compiler.compile(source)).component.type is not None
    compiler.close()
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    return record.getMessage()


async def test_a_directory_behind_a_symbolic_link_is_not_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "real").mkdir(0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert "symbolic link" in await refused(tmp_path / "link" / "cache", caplog)
    assert kept(tmp_path / "real") == []


async def test_a_directory_that_is_itself_a_symbolic_link_is_not_used(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "real").mkdir(0o700)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert "symbolic link" in await refused(tmp_path / "link", caplog)


async def test_a_directory_that_is_open_to_others_is_not_used(
    cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache.mkdir(parents=True)
    cache.chmod(0o755)
    assert "chmod 700" in await refused(cache, caplog)
    assert kept(cache) == []


async def test_a_cache_that_is_a_file_is_warned_of_once(
    cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache.parent.mkdir()
    cache.write_text("not a directory")
    assert "no directory" in await refused(cache, caplog)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_an_unwritable_directory_is_warned_of_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tmp_path.chmod(0o500)
    assert "Permission denied" in await refused(tmp_path / "cache", caplog)
    tmp_path.chmod(0o700)


async def test_a_directory_on_a_file_system_without_files_is_warned_of_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert "/proc/airssys" in await refused(Path("/proc/airssys/cache"), caplog)


async def test_a_write_that_fails_leaves_nothing_behind(
    cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cache.mkdir(parents=True, mode=0o700)
    script = f"""
import asyncio, logging, resource, signal, sys
from pathlib import Path
import wasmtime
from airssys_wasm.components.engine.compiler import HELD, Compiler
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
compiler = Compiler(wasmtime.Engine(), settings="test", cache=Path({str(cache)!r}))
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
code = asyncio.run(compiler.compile(bytes({COMPONENT!r})))
compiler.close()
assert code.component.type is not None
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert "can't be written: File too large" in done.stderr
    assert kept(cache) == []


async def test_what_a_killed_process_left_is_swept_away_and_what_is_being_written_is_not(
    cache: Path,
) -> None:
    cache.mkdir(parents=True, mode=0o700)
    left, being_written = cache / ".0123.tmp", cache / ".4567.tmp"
    for file in (left, being_written):
        file.write_bytes(b"half")
    os.utime(left, (0, 0))
    compiler = fresh(cache)
    await compiler.compile(COMPONENT)
    compiler.close()
    assert not left.exists()
    assert being_written.exists()


async def test_a_closed_compiler_takes_no_more_work(cache: Path) -> None:
    compiler = fresh(cache)
    compiler.close()
    with pytest.raises(RuntimeError):
        await compiler.compile(COMPONENT)


def test_the_default_directory_follows_the_platform(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_directory() == tmp_path / "airssys-wasm"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    assert default_directory() == tmp_path / "me" / ".cache" / "airssys-wasm"


async def test_without_a_cache_nothing_is_written(tmp_path: Path) -> None:
    compiler = fresh(None)
    assert (await compiler.compile(COMPONENT)).component.type is not None
    compiler.close()


async def test_a_missing_file_is_named(compiler: Compiler, tmp_path: Path) -> None:
    assert "there is no such file" in await problem(compiler, tmp_path / "none.wasm")


async def test_a_file_below_a_file_is_missing(compiler: Compiler, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"")
    assert "no directory" in await problem(compiler, tmp_path / "a" / "b.wasm")


async def test_a_directory_is_no_component(compiler: Compiler, tmp_path: Path) -> None:
    assert "it is a directory" in await problem(compiler, tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
async def test_an_unreadable_file_says_so(compiler: Compiler, tmp_path: Path) -> None:
    file = tmp_path / "a.wasm"
    file.write_bytes(COMPONENT)
    file.chmod(0)
    assert "no permission" in await problem(compiler, file)


async def test_a_pipe_is_not_waited_for(compiler: Compiler, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "no regular file" in await problem(compiler, tmp_path / "pipe")
    assert "no regular file" in await problem(compiler, Path("/dev/zero"))


async def test_a_path_that_is_none_says_so(compiler: Compiler) -> None:
    assert "it is no path" in await problem(compiler, Path("a\0b"))
    assert "can't be read" in await problem(compiler, Path("x" * 5000))


async def test_a_core_module_is_told_how_to_become_a_component(compiler: Compiler) -> None:
    said = await problem(compiler, CORE)
    assert "core module" in said
    assert "wasm-tools component new" in said


async def test_text_is_told_how_to_become_binary(compiler: Compiler) -> None:
    for text in (b"(component)", b"\n  (module)", b"\xef\xbb\xbf(component)", b";; x\n(component)"):
        assert "wasm-tools parse" in await problem(compiler, text)


BAD = {
    "empty": (b"", "it is empty"),
    "cut in the magic": (b"\0as", "it ends after 3 bytes"),
    "cut in the preamble": (b"\0asm\x0d\0", "it ends after 6 bytes"),
    "cut in a section": (COMPONENT[:-3], "damaged"),
    "garbage behind the preamble": (COMPONENT[:8] + b"\xff" * 100, "damaged"),
    "another format": (b"<html>404", "it begins with b'<html>40'"),
    "later version": (b"\0asm\x0e\0\x01\0", "version 14"),
    "native code": (b"\x7fELF" + b"\0" * 60, "native code"),
}


@pytest.mark.parametrize("case", BAD)
async def test_damaged_bytes_say_what_is_wrong(compiler: Compiler, case: str) -> None:
    data, expected = BAD[case]
    assert expected in await problem(compiler, data)


async def test_every_way_to_cut_a_component_short_is_an_error_and_no_crash(
    compiler: Compiler,
) -> None:
    for length in range(len(COMPONENT)):
        if length != 8:  # an empty component
            await problem(compiler, COMPONENT[:length])


async def test_the_text_of_the_error_is_one_line_whatever_the_file_holds(
    compiler: Compiler,
) -> None:
    evil = bytes(wasmtime.wat2wasm('(component (import "a" (func)))')).replace(b"\x01a", b"\x01\n")
    assert (await problem(compiler, evil)).isprintable()
