"""The counters of examples/guests: the same actor in every language, in a real system."""

from __future__ import annotations

import re
import shutil
from functools import cache
from pathlib import Path

import anyio
import pytest

from airssys_wasm import Actor, ActorSystem
from airssys_wasm.components import Capabilities, Component, MessagingGrant, StorageGrant
from airssys_wasm.components.identity import ComponentId
from airssys_wasm.kernel import StartError
from airssys_wasm.sdk.build import build
from airssys_wasm.sdk.errors import CompilerMissing
from examples.guests.build import COUNTERS, counter_of, main

GRANTED = Capabilities(
    messaging=MessagingGrant(request=("peer",)), storage=StorageGrant("read-write")
)
COUNTER = ComponentId("", "counter", "")


class Peer(Actor[object]):
    """Answers whatever it is asked."""

    def receive(self, message: object) -> bytes:
        return b"hello yourself"


@cache
def built(language: str) -> bytes:
    try:
        return build([counter_of(language)])[0]
    except CompilerMissing as missing:
        pytest.skip(str(missing))


every_language = pytest.mark.parametrize("language", COUNTERS)


@every_language
def test_it_echoes_asks_and_knows_its_count_again_after_a_restart(language: str) -> None:
    component = Component(built(language), capabilities=GRANTED)

    async def run() -> None:
        with anyio.fail_after(60):
            async with ActorSystem("demo") as system:
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


@every_language
def test_what_it_is_not_granted_is_a_failed_start_in_plain_words(language: str) -> None:
    component = Component(built(language))

    async def run() -> None:
        with anyio.fail_after(60):
            async with ActorSystem("demo") as system:
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
    assert re.search(r"^wat +0\.\ds +\dKB +fast( +[\d.]+ [um]s){4}$", told, re.M)
    with pytest.raises(SystemExit):
        main(["cobol"])
    assert "the languages are wat, c, rust," in capsys.readouterr().err
