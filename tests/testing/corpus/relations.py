"""Acts: links, monitors, names and groups, whatever comes first."""

from __future__ import annotations

from typing import Any

import anyio
import anyio.lowlevel

from airssys_wasm.kernel import (
    Actor,
    AlreadyStarted,
    Down,
    Exit,
    Joined,
    Left,
)
from airssys_wasm.testing.simulation import Simulation
from tests.testing.corpus.scenario import (
    Listener,
    Slow,
    linking,
    monitoring,
    scenario,
    told,
    trap,
)


@scenario("kill")
async def watchers_hear_of_each_death_once(simulation: Simulation) -> None:
    kernel = await simulation.kernel()
    targets = [kernel.spawn(Slow, name=f"t{n}") for n in range(3)]
    watcher = kernel.spawn(Listener, name="root")
    for target in targets:
        await told(watcher, monitoring(target))
        await told(watcher, monitoring(target, "second"))
    targets[0].send(0.5)
    targets[0].kill()
    targets[1].stop()
    targets[2].send("boom")
    await simulation.sleep(2)
    got = await watcher.request("got")
    downs = [m for m in got if isinstance(m, Down)]
    assert len(downs) == 6, got
    for target in targets:
        assert [m.tag for m in downs if m.ref is target] == [None, "second"]


@scenario()
async def a_name_is_free_when_its_death_is_told(simulation: Simulation) -> None:
    kernel = await simulation.kernel()
    problems: list[str] = []

    class Successor(Actor[Any]):
        def init(self) -> None:
            self.context.monitor(self.context.system.named("service"))

        def receive(self, message: Any) -> None:
            if isinstance(message, Down):
                try:
                    self.context.monitor(self.context.spawn(Listener, name="service"))
                except AlreadyStarted as error:
                    problems.append(str(error))

    kernel.spawn(Slow, name="service")
    kernel.spawn(Successor)
    await simulation.sleep(0.1)
    for how in ("kill", "stop", "boom", "kill"):
        service = kernel.named("service")
        if how == "kill":
            service.kill()
        elif how == "stop":
            service.stop()
        else:
            service.send("boom")
        await simulation.sleep(0.1)
        assert kernel.whereis("service"), how
    assert not problems


@scenario()
async def demonitor_leaves_no_down_behind(simulation: Simulation) -> None:
    kernel = await simulation.kernel()
    undone: list[int] = []

    class Undoing(Slow):
        async def receive(self, message: Any) -> Any:
            if message == "undo":
                await anyio.sleep(0.1)  # the Down may come meanwhile
                self.context.demonitor(monitor, flush=True)
                undone.append(len(self.got))
                return None
            return await super().receive(message)

    watcher = kernel.spawn(Undoing)
    target = kernel.spawn(Slow)
    monitor = await told(watcher, monitoring(target))
    keep = await told(watcher, monitoring(target))
    watcher.send("undo")
    await simulation.sleep(simulation.random.choice([0.0, 0.05, 0.1, 0.15]))
    target.kill()
    await simulation.sleep(1)
    got = await watcher.request("got")
    assert [m for m in got if m.monitor is keep]
    assert not [m for m in got[undone[0] :] if m.monitor is monitor]


@scenario()
async def linked_actors_end_together(simulation: Simulation) -> None:
    kernel = await simulation.kernel()
    chain = [kernel.spawn(Slow) for _ in range(4)]
    keeper = kernel.spawn(Listener)
    await told(keeper, trap)
    for one, other in zip([keeper, *chain], chain, strict=False):
        await told(one, linking(other))
    apart = kernel.spawn(Slow)
    await told(apart, lambda a: a.context.link(chain[1]))
    await told(apart, lambda a: a.context.unlink(chain[1]))
    chain[1].send(0.5)  # it is in the middle of something
    chain[simulation.random.randrange(4)].send("boom")
    await simulation.sleep(3)
    assert not any(ref.is_alive for ref in chain)
    assert apart.is_alive
    assert keeper.is_alive
    got = await keeper.request("got")
    assert [m.ref for m in got if isinstance(m, Exit)] == [chain[0]]


@scenario()
async def a_normal_end_harms_no_linked_actor(simulation: Simulation) -> None:
    kernel = await simulation.kernel()
    one, other, keeper = kernel.spawn(Slow), kernel.spawn(Slow), kernel.spawn(Listener)
    await told(keeper, trap)
    await told(one, lambda a: a.context.link(other))
    await told(keeper, lambda a: a.context.link(one))
    one.stop()
    await simulation.sleep(1)
    assert other.is_alive
    got = [m for m in await keeper.request("got") if isinstance(m, Exit)]
    assert [(m.ref, m.reason) for m in got] == [(one, "normal")]
    other.send(50)
    await simulation.sleep(1)
    other.exit("enough")
    await simulation.sleep(1)
    assert other.exit_reason == "enough"


@scenario()
async def groups_tell_each_change_once(simulation: Simulation) -> None:
    kernel = await simulation.kernel()
    watcher = kernel.spawn(Listener)
    members = [kernel.spawn(Slow) for _ in range(3)]
    group = kernel.group("g")
    group.join(members[0])
    watch = group.monitor(watcher)
    assert watch.members == (members[0],)
    group.join(members[1])
    group.join(members[1])
    group.join(members[2])
    members[1].kill()
    members[2].stop()
    group.leave(members[0])
    await simulation.sleep(1)
    got = await watcher.request("got")
    joined = [m.ref for m in got if isinstance(m, Joined)]
    left = [m.ref for m in got if isinstance(m, Left)]
    assert joined == [members[1], members[1], members[2]]
    assert sorted(r._serial for r in left) == sorted(
        r._serial for r in (members[0], members[1], members[1], members[2])
    )
    assert group.members() == ()
