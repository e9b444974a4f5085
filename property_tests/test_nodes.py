"""Whole nodes over a network that loses, doubles, delays, reorders, cuts off and restarts.

What must never happen: a message that comes twice, out of order, or is lost though nobody was told;
a monitor that fires twice; a request that hangs; anything of an old connection after its end.
What must still happen: each monitor fires, each request ends, and what is sent when the network is
well gets through.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from random import Random
from typing import Any

import anyio
from hypothesis import given, settings
from hypothesis import strategies as st

from airssys_wasm import Actor, ActorExited, Down
from airssys_wasm.broker.errors import EngineDown, RemoteError
from airssys_wasm.broker.nodes.node import Node
from airssys_wasm.broker.nodes.node_settings import NodeSettings
from airssys_wasm.kernel import Kernel
from airssys_wasm.testing.choices import Uniform
from airssys_wasm.testing.faults import NetworkFault
from airssys_wasm.testing.runs import run_once, settings_of
from airssys_wasm.testing.simulated_engine import SimulatedHub
from airssys_wasm.testing.simulation import Simulation

NAMES = ("a", "b", "c")
WELL = 30.0  # virtual seconds in which a network that is well has settled everything


class Peer(Actor[Any]):
    """Keeps what comes by its sender, and the Downs of those whom it watches."""

    def __init__(self, life: int) -> None:
        self.life = life
        self.strays: list[int] = []  # that were sent to another incarnation
        self.heard: dict[str, list[int]] = {name: [] for name in NAMES}
        self.downs: list[Down] = []

    def receive(self, message: Any) -> object:
        match message:
            case ["said", str(sender), int(number), int(life)]:
                (self.heard[sender] if life == self.life else self.strays).append(number)
            case ("watch", ref):
                return self.context.monitor(ref)
            case ("ask", value):
                return value
            case "never":
                self.context.defer_reply()
            case Down():
                self.downs.append(message)
        return None


class World:
    """Three nodes with an actor each, and what they have done."""

    def __init__(self, simulation: Simulation, hub: SimulatedHub, stack: AsyncExitStack) -> None:
        self.simulation = simulation
        self.hub = hub
        self.stack = stack
        self.kernels: list[Kernel] = []
        self.nodes: dict[str, Node] = {}
        self.actors: dict[str, list[Peer]] = {}  # one after the other
        self.refs: dict[str, Any] = {}
        self.texts: dict[str, list[str]] = {}  # of the refs, one for each life
        self.number = 0
        self.sent: dict[tuple[str, str], list[tuple[int, int]]] = {}  # (number, losses before)
        self.losses: dict[tuple[str, str], int] = {}
        self.monitors: dict[str, list[tuple[Any, str]]] = {n: [] for n in NAMES}
        self.asked: dict[str, list[asyncio.Task[Any]]] = {}

    async def begin(self) -> None:
        for name in NAMES:
            await self.be_born(name)

    async def be_born(self, name: str) -> None:
        kernel = await self.simulation.kernel(name)
        node = Node(kernel, self.hub.engine(), NodeSettings(name))
        while True:
            try:
                await node.open()
            except EngineDown:
                await anyio.sleep(1.0)
            else:
                break
        self.stack.push_async_callback(node.close)
        actor = Peer(len(self.actors.get(name, ())) + 1)
        self.kernels.append(kernel)
        self.nodes[name] = node
        self.actors.setdefault(name, []).append(actor)
        self.refs[name] = kernel.spawn(lambda: actor)
        self.texts.setdefault(name, []).append(node.text(self.refs[name]))

        def down(other: str, _: str) -> None:
            self.losses[name, other] = self.losses.get((name, other), 0) + 1

        node.watch(lambda _: None, down)

    async def be_born_again(self, name: str) -> None:
        """The node falls without a word, and with it all that it had to expect; another starts."""
        node: Any = self.nodes[name]
        for subscription in node._subscriptions:
            subscription.stop()
        node.engine.send = lambda *_: None
        node.is_open = False
        self.monitors[name].clear()
        for other in NAMES:
            self.sent.pop((name, other), None)
        for task in self.asked.pop(name, ()):
            task.cancel()
        self.hub.heal()
        await self.be_born(name)

    def known(self, name: str, other: str) -> Any:
        text = self.nodes[other].text(self.refs[other])
        return self.nodes[name].from_text(text)

    def send(self, name: str, other: str, *, stale: bool = False) -> None:
        self.number += 1
        before = self.losses.get((name, other), 0)
        self.sent.setdefault((name, other), []).append((self.number, before))
        lives = self.texts[other]
        life = 1 if stale else len(lives)  # the first incarnation, which may be gone for long
        ref = self.nodes[name].from_text(lives[life - 1])
        ref.send(["said", name, self.number, life])

    async def watch(self, name: str, other: str) -> None:
        monitor = await self.refs[name].request(("watch", self.known(name, other)))
        self.monitors[name].append((monitor, other))

    def ask(self, name: str, other: str, what: Any) -> None:
        coroutine = self.known(name, other).request(what, timeout=None)
        self.asked.setdefault(name, []).append(asyncio.ensure_future(coroutine))

    async def do(self, what: str, argument: Any) -> None:
        match what, argument:
            case "send", (name, other):
                for _ in range(3):
                    self.send(name, other)
                self.send(name, other, stale=True)
            case "watch", (name, other):
                await self.watch(name, other)
            case "ask", (name, other):
                self.ask(name, other, ("ask", self.number))
            case "never", (name, other):
                self.ask(name, other, "never")
            case "partition", str(name):
                self.hub.partition([n for n in NAMES if n != name], [name])
            case "cut", (name, other):
                self.hub.cut(name, other)
            case "born again", str(name):
                await self.be_born_again(name)
            case "heal", _:
                self.hub.heal()
            case "restart", float(seconds):
                self.hub.restart(seconds)
            case "wait", float(seconds):
                await anyio.sleep(seconds)

    async def end(self) -> None:
        """The network is well; then everybody dies."""
        self.hub.heal()
        self.simulation.injector.over = True
        await anyio.sleep(WELL)
        for name, node in self.nodes.items():
            assert node.nodes() == [n for n in NAMES if n != name]
        losses = dict(self.losses)
        for name, other in PAIRS:
            self.send(name, other)
            self.ask(name, other, ("ask", "last"))
        await anyio.sleep(1.0)
        assert self.losses == losses
        for name, other in PAIRS:
            assert self.actors[other][-1].heard[name][-1] == self.sent[name, other][-1][0]
        await self.mourn()

    async def mourn(self) -> None:
        """They end one after the other, and those who watch them are told."""
        for name in NAMES:
            self.refs[name].exit("enough")
            await anyio.sleep(1.0)
            for watcher in NAMES:
                if not self.refs[watcher].is_alive:
                    continue
                for monitor, other in self.monitors[watcher]:
                    assert not (other == name and monitor.active), f"{monitor} did not fire"
        for task in self.all_asked():
            assert task.done(), "a request hangs"

    def all_asked(self) -> list[asyncio.Task[Any]]:
        return [task for tasks in self.asked.values() for task in tasks]

    def check(self) -> None:
        for (name, other), sent in self.sent.items():
            heard = [number for actor in self.actors[other] for number in actor.heard[name]]
            assert heard == sorted(set(heard)), (name, other, heard)
            letters = {
                tuple(letter.message[1:3])
                for kernel in self.kernels
                for letter in kernel.dead_letters.recent()
                if isinstance(letter.message, list)
            }
            for number, losses in sent:
                told = self.losses.get((name, other), 0) > losses or (name, number) in letters
                assert number in heard or told, f"{number} from {name} to {other} is lost"
        assert not any(actor.strays for actors in self.actors.values() for actor in actors)
        for name in NAMES:
            for monitor, _ in self.monitors[name]:
                downs = [d for d in self.actors[name][-1].downs if d.monitor is monitor]
                assert len(downs) <= 1, f"{monitor} fired {len(downs)} times"
                assert downs or monitor.active or not self.refs[name].is_alive
        for task in self.all_asked():
            error = task.exception()
            if error is not None:
                assert isinstance(error, ActorExited | RemoteError), error


PAIRS = [(name, other) for name in NAMES for other in NAMES if name != other]
pairs = st.sampled_from(PAIRS)
steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["send", "watch", "ask", "never"]), pairs),
        st.tuples(st.just("cut"), pairs),
        st.tuples(st.sampled_from(["partition", "born again"]), st.sampled_from(NAMES)),
        st.tuples(st.just("heal"), st.none()),
        st.tuples(st.just("restart"), st.sampled_from([0.1, 3.0, 6.0])),
        st.tuples(st.just("wait"), st.sampled_from([0.01, 1.0, 5.0])),
    ),
    max_size=25,
)
FAULTS: tuple[NetworkFault, ...] = (
    "lost message",
    "doubled message",
    "delayed message",
    "reordered message",
)
faults = st.sets(st.sampled_from(FAULTS)).map(sorted)


def run(seed: int, script: list[tuple[str, Any]], given: list[NetworkFault]) -> None:
    async def test(simulation: Simulation) -> None:
        hub = SimulatedHub(simulation)
        async with AsyncExitStack() as stack:
            world = World(simulation, hub, stack)
            await world.begin()
            await anyio.sleep(2.0)
            for what, argument in script:
                await world.do(what, argument)
            await world.end()
            world.check()

    outcome = run_once(test, seed, lambda _: Uniform(Random(seed)), settings_of(faults=given))
    if outcome.failure is not None:
        raise outcome.failure


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), steps, faults)
def test_nothing_is_lost_in_silence_doubled_or_left_hanging(
    seed: int, script: list[tuple[str, Any]], given: list[NetworkFault]
) -> None:
    run(seed, script, given)
