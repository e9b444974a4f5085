"""Acts: several nodes over a network that loses, doubles, delays, reorders and cuts off.

What the nodes write down is held against the laws of the runs with real faults (`node_faults`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from airssys_wasm import ActorSystem
from airssys_wasm.application.singleton import Singleton
from airssys_wasm.broker.leases.lease import LeaseTimes
from airssys_wasm.broker.nodes.node_settings import NodeSettings
from airssys_wasm.kernel import Actor, ActorExited, Address, Down, Exit, RequestTimeout
from airssys_wasm.testing.faults import NetworkFault
from airssys_wasm.testing.simulated_engine import SimulatedHub
from airssys_wasm.testing.simulation import Simulation
from tests.node_faults.laws import judge
from tests.testing.corpus.scenario import scenario

NAMES = ("a", "b", "c")
NETWORK = get_args(NetworkFault)
LEASE = LeaseTimes(3.0, 0.5)
TRAFFIC = 6.0  # virtual seconds in which the network is at its worst
CALM = 15.0  # seconds after which everything works again: an engine restarts in 10
BEAT, PATIENCE = 0.4, 1.2
# Seconds in which whoever waits is told of a loss. What is said to a node that has just been given
# up waits until it answers; when its answer takes long, a node that we hear calls us in vain and is
# silent only after that: three times somebody is patient, and looks once a beat.
TOLD = 3 * (PATIENCE + BEAT)
ANSWER = 200.0  # seconds for a reply, far more than any loss needs to be told of

Log = list[Mapping[str, Any]]


async def _nodes(
    simulation: Simulation, *names: str
) -> tuple[SimulatedHub, dict[str, ActorSystem]]:
    hub = SimulatedHub(simulation)
    systems = {}
    simulation.injector.over = True  # a system that can't reach the engine does not start
    for name in names:
        settings = NodeSettings(name, beat=BEAT, patience=PATIENCE, announce=1.0, lease=LEASE)
        systems[name] = await simulation.system(engine=hub.engine(), node=settings)
    simulation.injector.over = False
    return hub, systems


async def _trouble(simulation: Simulation, hub: SimulatedHub, seconds: float) -> None:
    """Beside the faults of single messages: some that strike whole nodes."""
    until = simulation.now() + seconds
    chance = simulation.random
    for _ in range(chance.randrange(4)):
        await simulation.sleep(chance.uniform(0.0, seconds / 3))
        one, other, third = chance.sample(NAMES, 3)
        match chance.randrange(4):
            case 0:
                hub.partition([one, other], [third])
            case 1:
                hub.cut(one, other)
            case 2:
                hub.cut_off(one)
            case 3:
                hub.restart(chance.uniform(0.1, 2.0))
        await simulation.sleep(chance.choice((0.1, 1.0, 2.0, 4.0)))
        hub.heal()
    await simulation.sleep(max(0.0, until - simulation.now()))


async def _calm(simulation: Simulation, hub: SimulatedHub) -> None:
    simulation.injector.over = True
    hub.heal()
    await simulation.sleep(CALM)


class Receiver(Actor[Any]):
    """Notes what comes."""

    def __init__(self, log: Log) -> None:
        self._log = log

    def init(self) -> None:
        self.context.trap_exit = True

    def receive(self, message: Any) -> Any:
        if isinstance(message, Exit):
            return None
        stream, number = message
        if number > 0:
            self._log.append({"do": "handled", "stream": stream, "number": number})
        return number


class Sender(Actor[Any]):
    """Sends to a receiver elsewhere that it watches and is linked to; begins anew when told."""

    def __init__(self, log: Log, stem: str, target: Address) -> None:
        self._log, self._stem, self._target = log, stem, target
        self._count = self._sent = 0
        self._told: set[str] = set()
        self._quiet = False

    def init(self) -> None:
        self.context.trap_exit = True
        self._begin()
        self._later()

    def receive(self, message: Any) -> None:
        match message:
            case "burst":
                if not self._told and not self._quiet:
                    for _ in range(2):
                        self._sent += 1
                        self._target.send((self._stream, self._sent))
                self._later()
            case "quiet":
                self._quiet = True
                if not self._told:
                    self._log.append({"do": "closed", "stream": self._stream, "sent": self._sent})
            case Down():
                self._end("down")
            case Exit():
                self._end("exit")

    @property
    def _stream(self) -> str:
        return f"{self._stem}-{self._count}"

    def _begin(self) -> None:
        self._count, self._sent = self._count + 1, 0
        self._told = set()
        self._log.append({"do": "open", "stream": self._stream})
        self.context.monitor(self._target)
        self.context.link(self._target)

    def _end(self, how: str) -> None:
        told = {"do": "told", "stream": self._stream, "how": how, "sent": self._sent}
        self._log.append(told)
        self._told.add(how)
        if len(self._told) == 2 and not self._quiet:
            self._begin()

    def _later(self) -> None:
        self.context.send_after(self.context.random.random() / 2, self.context.ref, "burst")


class Asker(Actor[Any]):
    """Asks a receiver elsewhere, one request after the other."""

    def __init__(self, log: Log, stem: str, target: Address) -> None:
        self._log, self._stem, self._target = log, stem, target
        self._number = 0

    def init(self) -> None:
        self.context.send_after(0.1, self.context.ref, "ask")

    async def receive(self, message: Any) -> None:
        self._number -= 1
        began = self.context.now()
        try:
            answer = await self._target.request((self._stem, self._number), timeout=ANSWER)
            outcome = "reply" if answer == self._number else f"a reply to another: {answer}"
        except ActorExited as exited:
            outcome = "exited" if exited.reason == "noconnection" else str(exited)
        except RequestTimeout:
            outcome = "no answer"
        took = self.context.now() - began
        asked = {"do": "asked", "stream": self._stem, "number": self._number, "seconds": took}
        self._log.append({**asked, "outcome": outcome})
        self.context.send_after(0.5, self.context.ref, "ask")


@scenario(*NETWORK)
async def nodes_lose_nothing_silently(simulation: Simulation) -> None:
    names = NAMES if simulation.random.random() < 0.2 else NAMES[:2]
    # The last frame of a connection is followed by no other, unless there are many.
    talkative = simulation.random.random() < 0.7
    hub, systems = await _nodes(simulation, *names)
    log: Log = []
    receivers = {name: system.spawn(Receiver, log) for name, system in systems.items()}
    texts = {name: systems[name].node.text(ref) for name, ref in receivers.items()}
    senders = []
    for name, system in systems.items():
        for other in names:
            if other != name:
                target = system.node.from_text(texts[other])
                if talkative:
                    senders.append(system.spawn(Sender, log, f"{name}-{other}", target))
                system.spawn(Asker, log, f"{name}-{other}-asked", target)
    await _trouble(simulation, hub, TRAFFIC)
    await _calm(simulation, hub)
    answered = sum(e["do"] == "asked" and e["outcome"] == "reply" for e in log)
    await simulation.sleep(5)
    later = sum(e["do"] == "asked" and e["outcome"] == "reply" for e in log)
    assert later >= answered + 10, "after it has healed, the network does not carry everything"
    for sender in senders:
        sender.send("quiet")
    await simulation.sleep(2 * PATIENCE)
    findings = judge(log)
    assert findings.broken == [], findings.broken
    assert findings.longest <= TOLD, f"a loss was told after {findings.longest} s"
    assert bool(findings.handled) == talkative


class Holder(Actor[Any]):
    """Does something again and again while its node has the name."""

    def __init__(self, log: Log, system: ActorSystem, alive: dict[str, None]) -> None:
        self._log, self._system, self._alive = log, system, alive

    def init(self) -> None:
        assert not self._alive, f"{self._system.node.name} begins, {[*self._alive]} goes on"
        self._alive[self._system.node.name] = None
        self.context.send_every(0.1, self.context.ref, "act")

    def receive(self, message: Any) -> None:
        token = self._system.cluster.singletons.token("holder")
        if token is not None:
            self._log.append({"do": "act", "token": token, "at": self.context.now()})

    def terminate(self, reason: object) -> None:
        self._alive.pop(self._system.node.name, None)


@scenario(*NETWORK)
async def a_name_is_held_by_one_node_at_a_time(simulation: Simulation) -> None:
    hub, systems = await _nodes(simulation, *NAMES)
    log: Log = []
    alive: dict[str, None] = {}
    for system in systems.values():
        system.spawn(Singleton("holder", Holder, log, system, alive))
    await _trouble(simulation, hub, 15.0)
    await _calm(simulation, hub)
    acts = len(log)
    await simulation.sleep(10)
    assert len(log) >= acts + 90, "after the network has healed, nobody holds the name"
    assert len(alive) == 1
    broken = judge(log).broken
    assert broken == [], broken
