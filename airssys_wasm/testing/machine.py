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
`begin`, which shrinks to 0, production's own.
"""

from __future__ import annotations

from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.strategies import SearchStrategy

from airssys_wasm.kernel import ActorRef, Kernel
from airssys_wasm.testing.driving import Driven
from airssys_wasm.testing.simulation import ROOT


class SystemMachine(RuleBasedStateMachine):
    """`tree` is the root of the system, `messages` what is sent; `root` may die by neither."""

    tree: ClassVar[Any] = None
    messages: ClassVar[SearchStrategy[Any]] = st.none()

    def __init__(self) -> None:
        super().__init__()
        self.driven: Driven | None = None

    @property
    def kernel(self) -> Kernel:
        """The kernel of the system."""
        assert self.driven is not None
        return self.driven.simulation.kernels[0]

    @initialize(seed=st.integers(0, 1_000))
    def begin(self, seed: int) -> None:
        """Start the tree, with the order of a seed."""
        self.driven = driven = Driven(seed)

        async def start() -> None:
            kernel = await driven.simulation.kernel()
            await kernel.start(self.tree, name=ROOT)

        driven.do(start)

    def living(self) -> list[str]:
        """The names of the actors that can be sent to, but for the root."""
        names = [ref.name for ref in self.kernel.actors() if ref.name is not None]
        return sorted(name for name in names if name != ROOT)

    def any_actor(self, data: st.DataObject) -> ActorRef[Any]:
        """One of them."""
        ref = self.kernel.whereis(data.draw(st.sampled_from(self.living()), label="actor"))
        assert ref is not None
        return ref

    def request(self, name: str, message: object, timeout: float | None = 5.0) -> Any:
        """What an actor replies; virtual time passes."""
        assert self.driven is not None
        return self.driven.do(lambda: self.kernel.named(name).request(message, timeout))

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
    @rule(seconds=st.sampled_from([0.001, 0.1, 1.0, 10.0, 3600.0]))
    def advance(self, seconds: float) -> None:
        """Let time pass, and everybody run."""
        assert self.driven is not None
        self.driven.advance(seconds)

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
