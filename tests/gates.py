"""The gate of a layer, on the real path: `python -m tests.gates 1` prints a checklist.

Layer 1 is the runtime of components: they load, are held to their limits, crash and are restarted,
and get their messages; the benchmarks run, and the documents are complete. Each point is shown on
both ways of running a guest, by doing it. The status is 1 when one fails.
"""

from __future__ import annotations

import argparse
import asyncio
import inspect
import logging
import os
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

import airssys_wasm.components as public
from airssys_wasm.application import ActorSystem
from airssys_wasm.cli.main import app
from airssys_wasm.components import (
    Capabilities,
    Component,
    ComponentError,
    ComponentInvalid,
    Limits,
    MessagingGrant,
    StorageGrant,
)
from airssys_wasm.components.engine.engine import EngineSettings
from airssys_wasm.components.engine.traps import Limit, LimitKind, Trap
from airssys_wasm.components.services import ComponentServices
from airssys_wasm.kernel import Actor, ActorExited, StartError
from airssys_wasm.sdk.build import build
from airssys_wasm.supervision import ChildSpec, Supervisor
from tests.guests import guests

ROOT = Path(__file__).parent.parent
COUNTER = ROOT / "examples" / "guests" / "wat" / "counter.wat"
PATHS: tuple[Literal["fast", "slow"], ...] = ("fast", "slow")


@dataclass(frozen=True, slots=True)
class Point:
    """One line of the checklist; `check` raises when it does not hold, and may give a figure."""

    name: str
    check: Callable[[ActorSystem], Awaitable[str | None]]


def expect(value: object, wanted: object) -> None:
    """Raise unless they are equal."""
    if value != wanted:
        raise AssertionError(f"{value!r}, not {wanted!r}")


async def until(condition: Callable[[], object]) -> None:
    """Let everything run until it holds."""
    while not condition():  # noqa: ASYNC110  # conditions have no event
        await asyncio.sleep(0)


async def ended(system: ActorSystem, component: Component, message: object = b"x") -> object:
    """Why a component ends when it gets a message, or does not start."""
    try:
        ref = await system.start(component)
    except StartError as error:
        return error.reason
    try:
        answer = await ref.request(message, timeout=60)
    except ActorExited as exited:
        return exited.reason
    finally:
        ref.kill()
    raise AssertionError(f"it answered {answer!r}")


# --- load


async def loads(system: ActorSystem) -> str:
    ref = await system.start(Component(guests.echo()))
    expect(await ref.request(b"hello"), b"1:hello")
    ref.stop()
    expect(await ref.wait(), "normal")
    return "a component is compiled, checked, called, and stopped in order"


async def refuses(system: ActorSystem) -> str:
    wrong: dict[str, bytes | Path] = {
        "a core module": guests.core_module(),
        "a damaged file": guests.damaged(),
        "another world": guests.for_another_world(),
        "an import of another type": guests.with_changed_import(),
        "an export of another type": guests.with_changed_export(),
        "a missing export": guests.with_missing_export(),
        "a missing file": Path("/nowhere/at/all.wasm"),
        "no WebAssembly": b"#!/bin/sh\n",
    }
    for what, source in wrong.items():
        try:
            await system.components.load(source)
        except ComponentInvalid as refusal:
            if not str(refusal):
                raise AssertionError(f"{what} is refused without a word") from None
        else:
            raise AssertionError(f"{what} was loaded")
    return f"refused with its reason: {', '.join(wrong)}"


# --- limits


async def memory(system: ActorSystem) -> str:
    reason = await ended(system, Component(guests.grows(), limits=Limits(memory=4 * 2**20)))
    assert isinstance(reason, Limit)
    expect((reason.kind, reason.limit), ("memory", 4 * 2**20))
    # It asks for a MiB at a time: the first that is too much is the last that it asked for.
    if reason.used is None or not 4 * 2**20 < reason.used <= 5 * 2**20:
        raise AssertionError(f"it had {reason.used} bytes before it was stopped")
    return f"{reason}, {reason.used} were asked for"


async def processor(system: ActorSystem) -> str:
    reason = await ended(system, Component(guests.spins(), limits=Limits(fuel=1_000_000)))
    assert isinstance(reason, Limit)
    expect((reason.kind, reason.limit), ("fuel", 1_000_000))
    return str(reason)


async def time_of_a_call(system: ActorSystem) -> str:
    reason = await ended(system, Component(guests.spins(), limits=Limits(call=0.2)))
    assert isinstance(reason, Limit)
    expect((reason.kind, reason.limit), ("call", 0.2))
    return str(reason)


async def time_of_the_host(system: ActorSystem) -> str:
    reason = await ended(system, Component(guests.sleeps(), limits=Limits(host_call=0.2)))
    assert isinstance(reason, Limit)
    expect((reason.kind, reason.limit), ("host_call", 0.2))
    return str(reason)


async def the_loop_goes_on(system: ActorSystem) -> str:
    spinning = [
        await system.start(Component(guests.spins(), limits=Limits(call=0.5))) for _ in range(4)
    ]
    for ref in spinning:
        ref.send(b"go")
    echo = await system.start(Component(guests.echo()))
    answered = 0
    while any(ref.is_alive for ref in spinning):
        answered += 1
        expect(await echo.request(b"", timeout=5), b"%d:" % answered)
    if answered < 10:
        raise AssertionError(f"only {answered} messages were answered beside four that spin")
    return f"{answered} messages were answered beside four guests that spun until their limit"


# --- crash and restart


async def crashes_and_is_restarted(system: ActorSystem) -> str:
    children = [
        ChildSpec("bad", Component(guests.divides_by_zero()), name="bad"),
        ChildSpec("good", Component(guests.echo()), name="good"),
    ]
    tree = await system.start(Supervisor(intensity=2, children=children))
    good = system.named("good")
    expect(await good.request(b"a"), b"1:a")
    for _ in range(2):
        bad = system.whereis("bad")
        assert bad is not None
        bad.send(b"x")
        reason = await bad.wait()
        assert isinstance(reason, Trap)
        expect(reason.kind, "division by zero")
        await until(lambda: system.whereis("bad") is not None)
    expect(await good.request(b"b"), b"2:b")  # its state is its own, and untouched
    system.named("bad").send(b"x")
    expect(await tree.wait(), "shutdown")
    return "two restarts, its neighbour untouched; the third trap is one too many, as configured"


# --- messages


async def routes(system: ActorSystem) -> str:
    got: list[Any] = []

    class Peer(Actor[Any]):
        def receive(self, message: Any) -> bytes:
            got.append(message)
            return b"well"

    peer = await system.start(Peer, name="peer")
    capabilities = Capabilities(
        messaging=MessagingGrant(request=("peer",)), storage=StorageGrant("read-write")
    )
    counter = await system.start(
        Component(build([COUNTER])[0], capabilities=capabilities), name="counter"
    )
    counter.send(b"ask")  # a request to a Python actor, whose answer comes to handle-callback
    await until(lambda: got)
    expect(got[0].payload, b"hello")
    echo = await system.start(Component(guests.echo()), name="echo")
    system.broker.subscribe("news.>", echo)
    for number in range(3):
        system.broker.publish("news.now", b"%d" % number)
    expect(await echo.request(b"!"), b"4:!")  # behind the three, in order
    failing = await system.start(Component(guests.fails()))
    try:
        await failing.request(b"x")
    except ComponentError as error:
        expect(failing.is_alive, True)
        text = str(error)
    else:
        raise AssertionError("its error was no error")
    echo.kill()
    echo.send(b"late")
    expect(system.dead_letters.recent()[-1].message, b"late")
    peer.kill()
    return f"requests both ways, topics, errors ({text}), dead letters"


# --- once for the project


def benchmarks_run() -> str:
    with tempfile.TemporaryDirectory() as directory:
        names = ["component-bare", "component-call", "component-push", "component-start"]
        command = [sys.executable, "-m", "benchmarks", *names, "--quick", "--rounds", "1"]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
            cwd=ROOT,
            env=os.environ | {"XDG_CACHE_HOME": directory},
        )
    if done.returncode:
        raise AssertionError(done.stderr)
    missing = [name for name in names if name not in done.stdout]
    expect(missing, [])
    return "benchmarks of components run; what they mean is in docs/performance.md"


def documents_are_complete() -> str:
    page = (ROOT / "docs" / "components.md").read_text(encoding="utf-8")
    kinds = get_args(LimitKind)
    wanted = [f"`{kind}`" for kind in kinds] + ["handle-message", "capabilities", "storage"]
    expect([word for word in wanted if word not in page], [])
    pages = [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    texts = "".join(page.read_text(encoding="utf-8") for page in pages)
    commands = [c.name or c.callback.__name__ for c in app.registered_commands if c.callback]
    expect([c for c in commands if f"airssys-wasm {c}" not in texts], [])
    names = [name for name in public.__all__ if inspect.isclass(getattr(public, name))]
    expect([name for name in names if not getattr(public, name).__doc__], [])
    return f"{len(kinds)} limits, {len(commands)} commands and {len(names)} classes are explained"


LAYERS: dict[int, tuple[Point, ...]] = {
    1: (
        Point("load", loads),
        Point("load: what is wrong is refused", refuses),
        Point("limits: memory", memory),
        Point("limits: processor", processor),
        Point("limits: time of a call", time_of_a_call),
        Point("limits: time of a host function", time_of_the_host),
        Point("limits: others go on meanwhile", the_loop_goes_on),
        Point("crash and supervised restart", crashes_and_is_restarted),
        Point("message routing", routes),
    )
}
PROJECT: dict[int, tuple[tuple[str, Callable[[], str]], ...]] = {
    1: (("benchmarks", benchmarks_run), ("documents", documents_are_complete))
}


async def show(point: Point, path: Literal["fast", "slow"]) -> str | None:
    """Do what the point asks for, in a system of its own."""
    with tempfile.TemporaryDirectory() as directory:
        cache = Path(directory) / "code"
        services = ComponentServices(settings=EngineSettings(path=path, cache=cache))
        async with ActorSystem("gate", components=services) as system, asyncio.timeout(120):
            return await point.check(system)


def _shown(point: Point, path: Literal["fast", "slow"]) -> str | None:
    return asyncio.run(show(point, path))


def _checked(name: str, check: Callable[[], str | None]) -> bool:
    try:
        told = check()
    except Exception as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}:{place.lineno}"
        print(f"[ ] {name}: {type(error).__name__}: {error} ({where})", flush=True)
        return False
    print(f"[x] {name}: {told}", flush=True)
    return True


def main(layer: int) -> int:
    """1 when a point of the layer does not hold."""
    logging.disable(logging.CRITICAL)  # the crashes are on purpose
    results = [
        _checked(f"{point.name} ({path})", partial(_shown, point, path))
        for point in LAYERS[layer]
        for path in PATHS
    ]
    results += [_checked(name, check) for name, check in PROJECT[layer]]
    print(f"layer {layer}: {sum(results)} of {len(results)} points hold")
    return 0 if all(results) else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.gates")
    parser.add_argument("layer", type=int, choices=sorted(LAYERS))
    sys.exit(main(parser.parse_args().layer))
