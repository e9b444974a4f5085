"""The build command: one command from source to component, and plain words when it can't."""

import sys
from pathlib import Path

import anyio
import pytest

from airssys_wasm.components.engine.values import Ok
from airssys_wasm.sdk import build, c_compiler
from airssys_wasm.sdk.c_compiler import find_compilers
from tests.guests import driver, guests
from tests.guests.driver import ScriptedHost, instance_of

COMPILERS = find_compilers()
needs_compiler = pytest.mark.skipif(not COMPILERS, reason="there is no C compiler for WebAssembly")

HELLO = """
#include "airssys.h"

airssys_result airssys_on_message(const airssys_message *message) {
    return airssys_ok_bytes(message->payload.data, message->payload.length);
}
"""


@needs_compiler
def test_a_component_in_c_needs_one_function_and_asks_for_nothing(tmp_path: Path) -> None:
    source, output = tmp_path / "hello.c", tmp_path / "hello.wasm"
    source.write_text(HELLO)
    assert build.main([str(source), "-o", str(output)]) == 0

    async def main() -> None:
        async with instance_of(output.read_bytes(), ScriptedHost({})) as instance:
            assert await instance.call("initialize", driver.config()) == Ok()
            assert await instance.call("handle-message", driver.message(b"hey")) == Ok(b"hey")
            assert await instance.call("health") == "healthy"
            assert await instance.call("metadata") == ("", "", "", "", "", [], False)
            assert await instance.call("shutdown") == Ok()

    anyio.run(main)


@needs_compiler
def test_the_same_source_gives_the_same_component(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        folder.mkdir()
        (folder / "hello.c").write_text(HELLO)
    assert build.build([one / "hello.c"]) == build.build([two / "hello.c"])


@needs_compiler
def test_the_errors_of_the_compiler_are_shown_with_their_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "wrong.c"
    source.write_text("int f(void) { return 1 }\n")
    assert build.main([str(source), "-o", str(tmp_path / "wrong.wasm")]) == 1
    assert f"{source}:1:23" in capsys.readouterr().err
    assert not (tmp_path / "wrong.wasm").exists()


@needs_compiler
def test_the_committed_guest_does_what_its_source_says(tmp_path: Path) -> None:
    built, _ = build.build([guests.FOLDER / "every_function.c"])

    async def replies(binary: bytes) -> list[object]:
        async with instance_of(binary, ScriptedHost({})) as instance:
            commands = ("sender", "reply", "fail:x", "count", "callbacks", "timestamp")
            return [
                await instance.call("handle-message", driver.message(command.encode()))
                for command in commands
            ] + [await instance.call("metadata")]

    assert anyio.run(replies, built) == anyio.run(replies, guests.every_function())


def test_without_a_compiler_the_ways_to_get_one_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "hello.c"
    source.write_text(HELLO)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(c_compiler.VARIABLE, raising=False)
    monkeypatch.setitem(sys.modules, "ziglang", None)
    assert build.main([str(source), "-o", str(tmp_path / "hello.wasm")]) == 1
    shown = capsys.readouterr().err
    assert "no C compiler for WebAssembly was found" in shown
    assert "clang-19" in shown
    assert "ziglang" in shown


def test_a_module_as_text_needs_no_compiler(tmp_path: Path) -> None:
    source, output = tmp_path / "add.wasm", tmp_path / "component.wasm"
    source.write_bytes(guests.core())
    assert build.main([str(source), "-o", str(output)]) == 0
    assert output.read_bytes() == guests.silent()


@pytest.mark.parametrize(
    ("names", "code", "shown"),
    [
        (["missing.c"], 1, "No such file or directory"),
        (["text.wat"], 1, "wat2wasm failed"),
        (["whole.wat"], 1, "wat2wasm failed"),
        (["empty.wasm"], 1, "this is no WebAssembly module"),
        (["text.wat", "empty.wasm"], 2, "the sources must be C, Go,"),
        (["notes.txt"], 2, "the sources must be C, Go,"),
    ],
)
def test_what_cannot_be_built_is_said_in_a_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    names: list[str],
    code: int,
    shown: str,
) -> None:
    (tmp_path / "text.wat").write_text("(modul)")
    (tmp_path / "whole.wat").write_text("(module (func $f (call $g)))")
    (tmp_path / "empty.wasm").write_bytes(b"")
    (tmp_path / "notes.txt").write_text("")
    sources = [str(tmp_path / name) for name in names]
    assert build.main([*sources, "-o", str(tmp_path / "out.wasm")]) == code
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert shown in error
    assert not (tmp_path / "out.wasm").exists()
