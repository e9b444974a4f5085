"""Acts: processes, timers, beginnings and ends, whatever comes first."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import anyio
import anyio.lowlevel

from airssys_wasm.kernel import (
    Actor,
    ActorExited,
    ActorStopped,
    AlreadyStarted,
    Inbox,
    StartError,
)
from airssys_wasm.testing.simulation import Simulation
from tests.testing.corpus.scenario import (
    Listener,
    Patient,
    Slow,
    scenario,
)


@scenario()
async def processes_take_what_they_want(simulation: Simulation) -> None:
    kernel = await simulation.kernel()
    taken: list[Any] = []

    async def picky(inbox: Inbox[Any]) -> None:
        taken.append(await inbox.receive(lambda m: m == "second"))
        try:
            await inbox.receive(lambda m: m == "never", timeout=1.0)
        except TimeoutError:
            taken.append("time out")
        taken.extend([message async for message in inbox])

    ref = kernel.spawn(picky)
    for message in ("first", "second", "third"):
        ref.send(message)
    await simulation.sleep(2)
    ref.send("fourth")
    ref.stop()
    ref.send("too late")
    assert await ref.wait() == "normal"
    assert taken == ["second", "time out", "first", "third", "fourth"], taken


@scenario()
async def timers_fire_once_and_never_early(simulation: Simulation) -> None:
    kernel = await simulation.kernel()
    fired: list[tuple[str, float]] = []

    class Clock(Actor[Any]):
        def init(self) -> None:
            context = self.context
            context.send_after(1.0, context.ref, "once")
            self.every = context.send_every(0.5, context.ref, "every")
            self.never = context.send_after(0.7, context.ref, "never")

        def receive(self, message: Any) -> Any:
            now = self.context.now()
            match message:
                case "cancel":
                    return self.context.cancel_timer(self.never)
                case "stop":
                    return self.context.cancel_timer(self.every)
            fired.append((message, now))
            return None

    clock = kernel.spawn(Clock)
    other = kernel.spawn(Clock)
    await simulation.sleep(0.3)
    left = await clock.request("cancel")
    assert 0.39 < left <= 0.4
    other.kill()
    assert kernel.statistics().timers == 2  # once and every, of the one that is alive
    await simulation.sleep(1.9)
    await clock.request("stop")
    await simulation.sleep(2)
    assert [name for name, _ in fired].count("once") == 1
    assert [name for name, _ in fired].count("every") == 4
    assert "never" not in dict(fired)
    assert all(now >= (1.0 if name == "once" else 0.5) for name, now in fired)
    assert kernel.statistics().timers == 0


@scenario("failing init", "slow init")
async def a_start_is_there_or_leaves_nothing(simulation: Simulation) -> None:
    kernel = await simulation.kernel()
    failed: list[StartError] = []

    async def start(number: int) -> None:
        try:
            ref = await kernel.start(Patient, name=f"n{number % 2}", timeout=1.0)
        except AlreadyStarted:
            pass
        except StartError as error:
            failed.append(error)
        else:
            assert await ref.request("got") == []

    async with anyio.create_task_group() as group:
        for number in range(4):
            group.start_soon(start, number)
    await simulation.sleep(5)
    assert kernel.actors() or failed
    for ref in kernel.actors():
        assert ref.name is not None
        assert await ref.request("got") == []


@scenario()
async def suspended_actors_handle_nothing(simulation: Simulation) -> None:
    kernel = await simulation.kernel()
    actor = kernel.spawn(simulation.random.choice([Listener, Slow]))
    actor.send("before")
    await simulation.sleep(0.1)
    kernel.suspend(actor)
    for number in range(3):
        actor.send(f"message {number}")
    await simulation.sleep(1)
    state = await kernel.get_state(actor)
    assert state["got"] == ["before"]
    kernel.resume(actor)
    await simulation.sleep(1)
    assert await actor.request("got") == ["before", *(f"message {n}" for n in range(3))]


@scenario()
async def what_is_sent_before_a_stop_is_handled(simulation: Simulation) -> None:
    kernel = await simulation.kernel()
    handled: list[int] = []

    class Counting(Actor[Any]):
        async def receive(self, message: Any) -> None:
            if message % 2:
                await anyio.sleep(0.01)
            handled.append(message)

    ref = kernel.spawn(Counting)
    for number in range(5):
        ref.send(number)
    ref.stop()
    for number in range(5, 8):
        ref.send(number)
    await ref.wait()
    assert handled == list(range(5))
    letters = [letter.message for letter in kernel.dead_letters.recent()]
    assert letters == [5, 6, 7]


@scenario()
async def a_killed_handler_has_no_effect_afterwards(simulation: Simulation) -> None:
    kernel = await simulation.kernel()
    witness = kernel.spawn(Listener)
    problems: list[str] = []
    interrupted: list[float] = []

    class Late(Actor[Any]):
        async def receive(self, message: Any) -> Any:
            try:
                await asyncio.sleep(1)
            except asyncio.CancelledError:
                interrupted.append(simulation.now())
                with suppress(ActorStopped):
                    self.context.spawn(Listener)
                    problems.append("a dead actor spawned another")
                with suppress(asyncio.CancelledError):  # it does not listen
                    await asyncio.sleep(1)
            return "too late"

    ref = kernel.spawn(Late)

    async def ask() -> None:
        try:
            problems.append(await ref.request("go", timeout=2.0))
        except ActorExited as error:
            witness.send((error.reason, simulation.now()))

    async with anyio.create_task_group() as group:
        group.start_soon(ask)
        await anyio.sleep(0.2)
        ref.kill()
    await simulation.sleep(1)
    assert not problems, problems
    assert await witness.request("got") == [("killed", 0.2)]
    assert interrupted == [0.2]
