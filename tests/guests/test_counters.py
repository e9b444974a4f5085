"""The counters of examples/guests: the same actor in every language, in a real system."""

from __future__ import annotations

import re
import shutil
from functools import cache
from pathlib import Path
from typing import Literal

import anyio
import pytest

from airssys_wasm import Actor, ActorSystem
from airssys_wasm.components import Capabilities, Component, MessagingGrant, StorageGrant
from airssys_wasm.components.engine.code_limits import CompileLimits
from airssys_wasm.components.engine.engine import EngineSettings
from airssys_wasm.components.identity import ComponentId
from airssys_wasm.components.services import ComponentServices
from airssys_wasm.kernel import StartError
from airssys_wasm.sdk.build import build
from airssys_wasm.sdk.errors import CompilerMissing
from examples.guests import toolchains
from examples.guests.build import COUNTERS, counter_of, main
from examples.guests.toolchains import use_installed

GRANTED = Capabilities(
    messaging=MessagingGrant(request=("peer",)), storage=StorageGrant("read-write")
)
COUNTER = ComponentId("", "counter", "")


class Peer(Actor[object]):
    """Answers whatever it is asked."""

    def receive(self, message: object) -> bytes:
        return b"hello yourself"


EnginePath = Literal["fast", "slow"]


@cache
def built(language: str) -> bytes:
    use_installed()  # what `python -m examples.guests.build --install` got
    try:
        return build([counter_of(language)])[0]
    except CompilerMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where compiled code is kept: that of large guests takes long to make."""
    return tmp_path_factory.mktemp("code") / "cache"


every_language = pytest.mark.parametrize("language", COUNTERS)
both_paths = pytest.mark.parametrize("path", ["fast", "slow"])


def system_on(path: EnginePath, code: Path) -> ActorSystem:
    settings = EngineSettings(path=path, cache=code, compile=CompileLimits(time=1200))
    return ActorSystem("demo", components=ComponentServices(settings=settings))


@both_paths
@every_language
def test_it_echoes_asks_and_knows_its_count_again_after_a_restart(
    language: str, path: EnginePath, code: Path
) -> None:
    component = Component(built(language), capabilities=GRANTED)

    async def run() -> None:
        with anyio.fail_after(1500):  # CPython itself is compiled, for one of them
            async with system_on(path, code) as system:
                system.spawn(Peer, name="peer")
                counter = await system.start(component, name="counter")
                assert await counter.request(b"hello") == b"1:hello"
                assert await counter.request("grüß".encode()) == "2:grüß".encode()
                assert await counter.request(b"ask") is None
                while (
                    await system.components.store(system.kernel.platform.offload).get(
                        COUNTER, "answer"
                    )
                    is None
                ):
                    await anyio.lowlevel.checkpoint()
                assert (
                    await system.components.store(system.kernel.platform.offload).get(
                        COUNTER, "answer"
                    )
                    == b"hello yourself"
                )
                counter.stop()
                assert await counter.wait() == "normal"
                again = await system.start(component, name="counter")
                assert await again.request(b"") == b"4:"

    anyio.run(run)


@both_paths
@every_language
def test_what_it_is_not_granted_is_a_failed_start_in_plain_words(
    language: str, path: EnginePath, code: Path
) -> None:
    component = Component(built(language))

    async def run() -> None:
        with anyio.fail_after(1500):  # CPython itself is compiled, for one of them
            async with system_on(path, code) as system:
                with pytest.raises(StartError, match=r"capability-denied.*storage"):
                    await system.start(component, name="counter")

    anyio.run(run)


@every_language
def test_its_author_writes_fewer_than_twenty_lines(language: str) -> None:
    source = counter_of(language).read_text(encoding="utf-8")
    source = re.sub(r"/\*.*?\*/|^//.*?$|^;;.*?$|^\"\"\".*?\"\"\"$", "", source, flags=re.M | re.S)
    named = ("package ", "import ", "from ", "use ", "#include ")  # says what is used, does nothing
    code = [
        line
        for line in source.splitlines()
        if line.strip(" \t{}();") and not line.startswith(named)
    ]
    assert len(code) < 20


def test_the_command_builds_what_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(counter_of("wat").parent, tmp_path / "wat")
    monkeypatch.setattr("examples.guests.build.FOLDER", tmp_path)
    monkeypatch.setattr("examples.guests.build.BUILT", tmp_path / "built")
    assert main(["wat", "--measure"]) == 0
    assert (tmp_path / "built" / "wat.wasm").read_bytes() == built("wat")
    told = capsys.readouterr().out
    time, size = r"[\d.,]+ [mµ]?s", r"[\d.,]+ KiB"
    row = rf"^\| wat \| {time} \| {size} \| fast( \| {time}){{5}} \| {size} \|$"
    assert re.search(row, told, re.M)
    assert len(told.splitlines()) == 4
    with pytest.raises(SystemExit):
        main(["cobol"])
    assert "the languages are wat, c, rust," in capsys.readouterr().err


def test_what_is_missing_is_got_into_a_folder_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "npm").write_text('#!/bin/sh\necho $* > "$3/ordered"\n')
    (tmp_path / "bin" / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/bin")
    monkeypatch.setattr(toolchains, "FOLDER", tmp_path / ".toolchains")
    monkeypatch.setattr(toolchains, "_COMMANDS", ())
    assert toolchains.install(["wat", "rust"]) == []
    [package] = toolchains.install(["wat", "javascript"])
    ordered = (tmp_path / ".toolchains" / "ordered").read_text()
    assert ordered == f"install --prefix {tmp_path / '.toolchains'} --silent {package}\n"

    (tmp_path / "bin" / "npm").write_text("#!/bin/sh\necho no network >&2\nexit 1\n")
    assert main(["javascript", "--install"]) == 1
    assert "npm install" in (told := capsys.readouterr().err)
    assert "no network" in told
