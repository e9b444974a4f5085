"""Acts: a state machine for Hypothesis: sends to, kills and waits for the actors of any system.

Needs the extra `testing`. Subclass it, say which tree, and add rules and invariants of your own:

    class Shop(SystemMachine):
        tree = SHOP
        messages = st.integers(1, 9)

        @invariant()
        def nothing_is_sold_twice(self):
            assert self.request("stock", "left") >= 0

    TestShop = Shop.TestCase

A failure is shrunk to the fewest steps; the order in which actors run is chosen by the seed of
`begin`, which shrinks to 0, production's own. With `nodes` each of them runs the tree, and the
network between them is cut and healed, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.strategies import SearchStrategy

from airssys_wasm.broker.nodes.node_settings import NodeSettings
from airssys_wasm.kernel import ActorRef, Kernel
from airssys_wasm.testing.driving import Driven
from airssys_wasm.testing.simulated_engine import SimulatedHub
from airssys_wasm.testing.simulation import ROOT, Simulation

if TYPE_CHECKING:
    from airssys_wasm.application import ActorSystem


class SystemMachine(RuleBasedStateMachine):
    """`tree` is the root of the system, `messages` what is sent; `root` may die by neither.

    `nodes` are the names of the nodes of a cluster, each of which runs `tree` under a root of its
    own; none: one system without a network. Actors are then called `name@node`, and `settings` are
    more arguments of each `NodeSettings`. `pauses` are the seconds that may pass in one step; an
    hour of several nodes takes a second or more, since they tell each other that they live.
    """

    tree: ClassVar[Any] = None
    messages: ClassVar[SearchStrategy[Any]] = st.none()
    nodes: ClassVar[tuple[str, ...]] = ()
    settings: ClassVar[Mapping[str, Any]] = {}
    pauses: ClassVar[tuple[float, ...]] = (0.001, 0.1, 1.0, 10.0, 3600.0)

    def __init__(self) -> None:
        super().__init__()
        self.driven: Driven | None = None
        self.hub: SimulatedHub | None = None
        self.systems: dict[str, ActorSystem] = {}  # by node
        self.is_cut = False

    @property
    def kernel(self) -> Kernel:
        """The kernel of the system, or of the first node."""
        assert self.driven is not None
        return self.driven.simulation.kernels[0]

    @initialize(seed=st.integers(0, 1_000))
    def begin(self, seed: int) -> None:
        """Start the tree, with the order of a seed."""
        self.driven = driven = Driven(seed)

        async def start() -> None:
            if self.nodes:
                await self._start_nodes(driven.simulation)
                return
            kernel = await driven.simulation.kernel()
            await kernel.start(self.tree, name=ROOT)

        driven.begin(start)

    async def _start_nodes(self, simulation: Simulation) -> None:
        self.hub = hub = SimulatedHub(simulation)
        for name in self.nodes:
            node = NodeSettings(name, **self.settings)
            system = await simulation.system(self.tree, engine=hub.engine(), node=node)
            self.systems[name] = system

    def living(self) -> list[str]:
        """The names of the actors that can be sent to, but for the roots."""
        if not self.nodes:
            return _names_in(self.kernel)
        return [
            f"{name}@{node}"
            for node, system in self.systems.items()
            for name in _names_in(system.kernel)
        ]

    def any_actor(self, data: st.DataObject) -> ActorRef[Any]:
        """One of them."""
        name = data.draw(st.sampled_from(self.living()), label="actor")
        ref = self._kernel_of(name).whereis(_name_of(name))
        assert ref is not None
        return ref

    def request(self, name: str, message: object, timeout: float | None = 5.0) -> Any:
        """What an actor replies; virtual time passes."""
        assert self.driven is not None
        named = self._kernel_of(name).named(_name_of(name))
        return self.driven.do(lambda: named.request(message, timeout))

    def _kernel_of(self, name: str) -> Kernel:
        return self.systems[name.partition("@")[2]].kernel if self.nodes else self.kernel

    def _somebody_lives(self) -> bool:
        return self.driven is not None and bool(self.living())

    @precondition(_somebody_lives)
    @rule(data=st.data())
    def send(self, data: st.DataObject) -> None:
        """Send a message."""
        self.any_actor(data).send(data.draw(self.messages, label="message"))

    @precondition(_somebody_lives)
    @rule(data=st.data())
    def kill(self, data: st.DataObject) -> None:
        """Kill an actor."""
        self.any_actor(data).kill()

    @precondition(_somebody_lives)
    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        """Let an actor end as after a crash."""
        self.any_actor(data).exit("injected")

    @precondition(lambda self: self.driven is not None)
    @rule(data=st.data())
    def advance(self, data: st.DataObject) -> None:
        """Let time pass, and everybody run."""
        assert self.driven is not None
        self.driven.advance(data.draw(st.sampled_from(self.pauses), label="seconds"))

    @precondition(lambda self: len(self.systems) > 1 and not self.is_cut)
    @rule(data=st.data())
    def partition(self, data: st.DataObject) -> None:
        """Cut some nodes off from the others; the keys are with the others."""
        assert self.hub is not None
        proper = st.sets(st.sampled_from(self.nodes), min_size=1, max_size=len(self.nodes) - 1)
        away = data.draw(proper, label="cut off")
        self.hub.partition([node for node in self.nodes if node not in away], away)
        self.is_cut = True

    @precondition(lambda self: self.is_cut)
    @rule()
    def heal(self) -> None:
        """Let all nodes hear of each other again."""
        assert self.hub is not None
        self.hub.heal()
        self.is_cut = False

    @precondition(lambda self: self.driven is not None)
    @invariant()
    def all_invariants_hold(self) -> None:
        """Those of every system, as of the last time that all was quiet."""
        assert self.driven is not None
        if self.driven.simulation.loop.failure is not None:
            raise self.driven.simulation.loop.failure

    def teardown(self) -> None:
        if self.driven is not None:
            driven, self.driven = self.driven, None
            driven.close()


def _names_in(kernel: Kernel) -> list[str]:
    names = [ref.name for ref in kernel.actors() if ref.name is not None]
    return sorted(name for name in names if name != ROOT)


def _name_of(name: str) -> str:
    return name.partition("@")[0]
