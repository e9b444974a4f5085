"""What becomes of the messages of a node that is killed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest

from airssys_wasm import ActorSystem
from airssys_wasm.broker.nats import NatsEngine
from tests.durable.worker import SETTINGS
from tests.nats_server import NatsServer

pytestmark = pytest.mark.anyio
ROOT = Path(__file__).parents[2]


@contextmanager
def worker(server: NatsServer, file: Path, name: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "tests.durable.worker", server.url, str(file), name]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


async def written(file: Path, line: str) -> None:
    """Returns when the line is there."""
    with anyio.fail_after(40):
        while line not in lines(file):  # noqa: ASYNC110
            await anyio.sleep(0.02)


async def test_what_a_killed_node_had_in_hand_is_handled_by_another(
    server: NatsServer, tmp_path: Path
) -> None:
    file = tmp_path / "ledger"
    async with ActorSystem("shop", engine=NatsEngine(server.url), node="a") as system:
        mailbox = system.durable("ledger", SETTINGS)
        for number in range(200):
            mailbox.send(number)
        with worker(server, file, "w1") as first:
            await written(file, "done 20")
            first.kill()
            first.wait()
        with worker(server, file, "w2"):
            mailbox.send("last")
            await written(file, "done last")
    done = [line.split()[1] for line in lines(file) if line.startswith("done")]
    handled = list(dict.fromkeys(done))  # what was handled and not acknowledged comes twice
    assert handled == [*map(str, range(200)), "last"]
    assert len(done) <= len(handled) + 1


async def test_a_message_that_kills_its_process_is_a_dead_letter_after_max_deliver(
    server: NatsServer, tmp_path: Path
) -> None:
    file = tmp_path / "ledger"
    async with ActorSystem("shop", engine=NatsEngine(server.url), node="a") as system:
        mailbox = system.durable("ledger", SETTINGS)
        for message in (1, ("die",), 2):
            await mailbox.put(message)
        for life in range(SETTINGS.max_deliver):
            with worker(server, file, f"w{life}") as process, anyio.fail_after(30):
                while process.poll() is None:  # noqa: ASYNC110
                    await anyio.sleep(0.02)
        with worker(server, file, "last"):
            await written(file, "done 2")
        [letter] = await mailbox.dead_letters()
    assert lines(file).count("begun ('die',)") == SETTINGS.max_deliver
    assert (letter.message, letter.reason) == (("die",), "not acknowledged")
