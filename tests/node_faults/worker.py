"""One node of the fault runs; `python -m tests.node_faults.worker NAME URL OTHERS FILE`.

Writes what happens into FILE, a line each (see `laws.py`), and obeys its standard input: `quiet`
has it send no more, `end` has it end.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import time
from collections.abc import Mapping
from typing import Any

from airssys_wasm import Actor, ActorExited, ActorRef, ActorSystem, Down, Exit, RequestTimeout
from airssys_wasm.application.singleton import Singleton
from airssys_wasm.broker.leases.lease import LeaseTimes
from airssys_wasm.broker.leases.singletons import Singletons
from airssys_wasm.broker.nats import NatsEngine
from airssys_wasm.broker.nodes.node_settings import NodeSettings

BEAT, PATIENCE = 0.25, 2.0  # seconds
LEASE = LeaseTimes(3.0, 0.5)  # seconds
NAME = "holder"
SENDERS = 3  # of each node to each other one
BURST, PAUSE = 10, 0.1  # messages at a time, seconds between
log = logging.getLogger(__name__)

REQUEST_TIME = 60.0  # far more than any node has patience: a request that waits so long has hung


class Log:
    """Lines in a file, each written at once: a node that is killed has told all that it did."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND)

    def __call__(self, do: str, **facts: object) -> None:
        os.write(self._file, json.dumps({"do": do, **facts}).encode() + b"\n")


class Receiver(Actor[Any]):
    """Handles what is sent, and answers what is asked."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def init(self) -> None:
        self.context.trap_exit = True  # those who send are linked to it

    def receive(self, message: Exit | tuple[str, int]) -> int:
        if isinstance(message, Exit):
            return 0
        stream, number = message
        if number > 0:
            self._log("handled", stream=stream, number=number)
        return number


class Sender(Actor[Any]):
    """Sends to the receiver of one other node without end, and begins anew when that is lost."""

    def __init__(self, log: Log, system: ActorSystem, stem: str, node: str) -> None:
        self._log = log
        self._system = system
        self._stem = stem
        self._node = node
        self._streams: dict[ActorRef[Any], tuple[str, int]] = {}
        self._current: ActorRef[Any] | None = None
        self._count = 0
        self._told_by: set[str] = {"down", "exit"}  # of the latest stream
        self._quiet = False

    def init(self) -> None:
        self.context.trap_exit = True
        self.context.send_every(PAUSE, self.context.ref, "burst")

    async def receive(self, message: Any) -> None:
        match message:
            case "burst":
                await self._burst()
            case "quiet":
                self._quiet = True
                for ref, (stream, sent) in self._streams.items():
                    if ref is self._current:
                        self._log("closed", stream=stream, sent=sent)
            case Down(ref=ref, reason=reason):
                self._told(ref, "down", reason)
            case Exit(ref=ref, reason=reason):
                self._told(ref, "exit", reason)

    async def _burst(self) -> None:
        if self._quiet:
            return
        if self._current is None:
            if len(self._told_by) < 2:
                return  # the ref may be the same again, and the rest is of the old stream
            try:
                found = await self._system.node.whereis("receiver", self._node)
            except ActorExited as exited:
                log.info("%s: %s", self._stem, exited)
                return
            if found is None:
                log.info("%s: nobody is called receiver", self._stem)
                return
            self._begin(found)
        assert self._current is not None
        stream, sent = self._streams[self._current]
        for number in range(sent + 1, sent + BURST + 1):
            self._current.send((stream, number))
        self._streams[self._current] = stream, sent + BURST

    def _begin(self, ref: ActorRef[Any]) -> None:
        self._count += 1
        stream = f"{self._stem}-{self._count}"
        self._current = ref
        self._told_by = set()
        self._streams[ref] = stream, 0
        self._log("open", stream=stream, to=self._node, at=time.monotonic())
        self.context.monitor(ref)
        self.context.link(ref)

    def _told(self, ref: Any, how: str, reason: object) -> None:
        if ref is self._current:
            self._current = None
        self._told_by.add(how)
        stream, sent = self._streams[ref]
        self._log("told", stream=stream, how=how, reason=str(reason), sent=sent)


async def ask(log: Log, system: ActorSystem, stem: str, node: str, quiet: asyncio.Event) -> None:
    """Requests to the receiver of another node, one after the other."""
    number = 0
    while not quiet.is_set():
        await asyncio.sleep(PAUSE)
        try:
            ref = await system.node.whereis("receiver", node)
        except ActorExited:
            continue
        while ref is not None and not quiet.is_set():
            number -= 1
            began = time.monotonic()
            try:
                answer = await ref.request((stem, number), timeout=REQUEST_TIME)
                outcome = "reply" if answer == number else f"a reply to another: {answer}"
            except ActorExited as exited:
                outcome = "exited" if exited.reason in ("noconnection", "noproc") else str(exited)
                ref = None
            except RequestTimeout as problem:
                outcome = str(problem)
            took = time.monotonic() - began
            log("asked", stream=stem, number=number, outcome=outcome, seconds=took)
            await asyncio.sleep(PAUSE)


class Holder(Actor[Any]):
    """Does something again and again, while its node has the one name. A node that was stopped may
    not know yet that it has it no more: it asks at each act, as whoever uses a token has to."""

    def __init__(self, log: Log, singletons: Singletons) -> None:
        self._log = log
        self._singletons = singletons

    def init(self) -> None:
        self.context.send_every(0.01, self.context.ref, "act")

    def receive(self, message: str) -> None:
        token = self._singletons.token(NAME)
        if token is not None:
            self._log("act", token=token, at=time.monotonic())


async def commands() -> asyncio.StreamReader:
    """The lines of the standard input."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


async def main(name: str, url: str, others: str, path: str) -> None:
    """Run until `end` is read."""
    log = Log(path)
    settings = NodeSettings(name, beat=BEAT, patience=PATIENCE, announce=1.0, lease=LEASE)
    system = ActorSystem("faults", engine=NatsEngine(url), node=settings)
    quiet = asyncio.Event()
    async with system, asyncio.TaskGroup() as group:
        life = system.node.life
        system.spawn(Receiver, log, name="receiver")
        senders = []
        for other in others.split(","):
            stem = f"{name}.{life}-{other}"
            for number in range(SENDERS):
                sender = system.spawn(Sender, log, system, f"{stem}-{number}", other)
                senders.append(sender)
            group.create_task(ask(log, system, f"{stem}-asked", other, quiet))
        system.spawn(Singleton(NAME, Holder, log, system.cluster.singletons))
        async for line in await commands():
            if line == b"quiet\n":
                quiet.set()
                for sender in senders:
                    sender.send("quiet")
            if line == b"end\n":
                break
        quiet.set()
        log("end", counts=facts(system))


def facts(system: ActorSystem) -> Mapping[str, object]:
    """What is left at the end."""
    return {"actors": len(system.actors()), "dead_letters": system.statistics().kernel.dead_letters}


if __name__ == "__main__":
    logging.basicConfig(
        level=os.environ.get("NODE_LOG", "ERROR"), format="%(asctime)s %(name)s %(message)s"
    )
    asyncio.run(main(*sys.argv[1:]))
