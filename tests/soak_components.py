"""Runs components for a long time, and looks at what they leave behind.

    python -m tests.soak_components --minutes 20 [--path slow]

Workers reply, and trap at every hundredth message; sleepers are suspended in the host most of the
time; keepers write to a store on disk, and are killed every hundred messages. All are restarted.
Memory, open files, mappings and Stores are looked at every few seconds, and have to be level: what
the last third of the run needed at most is what the first third needed. (What is needed only grows
until all has happened once, so the first tenth is not looked at.)
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import sys
import tempfile
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

import airssys_wasm.components.engine.instance as fast
import airssys_wasm.components.engine.threaded_instance as slow
from airssys_wasm.application import ActorSystem
from airssys_wasm.components import Capabilities, Component, StorageGrant
from airssys_wasm.components.engine.engine import EngineSettings
from airssys_wasm.components.services import ComponentServices
from airssys_wasm.components.storage.places import InSqlite
from airssys_wasm.kernel import ActorExited, RequestTimeout
from airssys_wasm.sdk.build import build
from airssys_wasm.sdk.componentize import componentize
from airssys_wasm.supervision import ChildSpec, Supervisor
from tests.guests.guests import core, sleeps

COUNTER = Path(__file__).parent.parent / "examples" / "guests" / "wat" / "counter.wat"
WORKERS, SLEEPERS, KEEPERS = 16, 16, 4
LIFE = 100  # messages of an incarnation
WARM = 0.1  # of the time, which is not looked at

EnginePath = Literal["auto", "fast", "slow"]


@cache
def worker() -> bytes:
    """Replies with the payload; traps at its hundredth message."""
    return componentize(
        core(
            f"(if (i32.eq (global.get $count) (i32.const {LIFE})) (then unreachable))"
            "(call $reply (call $payload) (call $payload-length))"
        )
    )


@dataclass(frozen=True, slots=True)
class Sample:
    """What the process holds: bytes that are resident, and how many of the rest."""

    seconds: float
    memory: int
    files: int
    mappings: int
    stores: int
    messages: int
    restarts: int

    def __str__(self) -> str:
        return (
            f"{self.seconds:7.0f} s  {self.messages:10,} messages  {self.restarts:8,} restarts  "
            f"{self.memory / 2**20:7.1f} MiB  {self.files:4} files  {self.mappings:5} mappings  "
            f"{self.stores:4} Stores"
        )


# What may be needed more at the end than at the beginning: a part of it, and so many.
ALLOWED: dict[str, tuple[float, float]] = {
    "memory": (0.05, 4 * 2**20),
    "files": (0.0, 2),
    "mappings": (0.02, 20),
    "stores": (0.0, 2),
}


def growing(samples: Sequence[Sample]) -> list[str]:
    """What is not level: the most of the last third against the most of the first one."""
    third = max(1, len(samples) // 3)
    problems = []
    for name, (part, many) in ALLOWED.items():
        first = max(getattr(sample, name) for sample in samples[:third])
        last = max(getattr(sample, name) for sample in samples[-third:])
        if last > first * (1 + part) + many:
            problems.append(f"{name}: {first:,} at the beginning, {last:,} at the end")
    return problems


class Soak:
    """One run."""

    def __init__(self, system: ActorSystem, tell: Callable[[str], object]) -> None:
        self._system = system
        self._tell = tell
        self._began = time.monotonic()
        self._others = weakref.WeakSet(_stores())  # of whoever else is in this process
        self.messages = 0  # that were answered
        self.samples: list[Sample] = []

    async def drive(self, name: str, *, kill: bool = False) -> None:
        """Requests without end; after a hundred, the actor is killed or has trapped."""
        target = self._system.named(name)
        number = 0
        while True:
            number += 1
            try:
                await target.request(b"%d" % number, timeout=60)
                self.messages += 1
            except (ActorExited, RequestTimeout):
                await asyncio.sleep(0)
            if kill and number % LIFE == 0 and (ref := self._system.whereis(name)) is not None:
                ref.kill()
            await asyncio.sleep(0)

    async def watch(self, seconds: float, least: int) -> None:
        """Samples, about a hundred, until the time is up and there were so many restarts."""
        every = max(0.2, min(10.0, seconds / 100))
        while time.monotonic() - self._began < seconds or self._restarts < least:
            await asyncio.sleep(every)
            sample = self._sample()
            self._tell(str(sample))
            if sample.seconds >= seconds * WARM:
                self.samples.append(sample)

    def _sample(self) -> Sample:
        gc.collect()
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return Sample(
            seconds=time.monotonic() - self._began,
            memory=pages * 4096,
            files=len(list(Path("/proc/self/fd").iterdir())),
            mappings=len(Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()),
            stores=sum(each not in self._others for each in _stores()),
            messages=self.messages,
            restarts=self._restarts,
        )

    @property
    def _restarts(self) -> int:
        return self._system.kernel.statistics().restarted


def _stores() -> list[fast.Instance | slow.ThreadedInstance]:
    kinds = (fast.Instance, slow.ThreadedInstance)
    return [each for each in gc.get_objects() if isinstance(each, kinds)]


def tree() -> Supervisor:
    """Workers, sleepers and keepers."""
    stores = Capabilities(storage=StorageGrant("read-write"))
    kinds = {
        "worker": (WORKERS, Component(worker(), label="worker")),
        "sleeper": (SLEEPERS, Component(sleeps(20), label="sleeper")),
        "keeper": (
            KEEPERS,
            Component(build([COUNTER])[0], capabilities=stores, label="keeper"),
        ),
    }
    children = [
        ChildSpec(f"{kind}{number}", component, name=f"{kind}{number}")
        for kind, (count, component) in kinds.items()
        for number in range(count)
    ]
    return Supervisor(intensity=10**9, children=children)


async def soak(
    seconds: float, path: EnginePath, tell: Callable[[str], object], *, restarts: int = 1
) -> list[Sample]:
    """The samples of a run, those of its beginning left out; it goes on for so many restarts."""
    with tempfile.TemporaryDirectory() as directory:
        services = ComponentServices(
            settings=EngineSettings(path=path), storage=InSqlite(Path(directory) / "store.db")
        )
        async with ActorSystem("soak", root=tree(), components=services) as system:
            run = Soak(system, tell)
            drivers = [
                asyncio.create_task(run.drive(f"{kind}{number}", kill=kind != "worker"))
                for kind, count in (
                    ("worker", WORKERS),
                    ("sleeper", SLEEPERS),
                    ("keeper", KEEPERS),
                )
                for number in range(count)
            ]
            try:
                await run.watch(seconds, restarts)
            finally:
                for driver in drivers:
                    driver.cancel()
                await asyncio.gather(*drivers, return_exceptions=True)
            return run.samples


def main() -> int:
    """1 when something grew."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak_components")
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--path", choices=("auto", "fast", "slow"), default="auto")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)  # a report for each trap
    samples = asyncio.run(
        soak(options.minutes * 60, options.path, lambda line: print(line, flush=True))
    )
    problems = growing(samples)
    print(*problems, sep="\n")
    print("not level" if problems else "level")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
