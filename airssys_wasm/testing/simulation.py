"""Acts: what a simulated test holds: systems, virtual time, and what happens to be looked at."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import anyio

from airssys_wasm.kernel import ActorRef, Kernel
from airssys_wasm.testing.choices import Choices
from airssys_wasm.testing.errors import InvariantBroken
from airssys_wasm.testing.faults import Fault, FaultKind
from airssys_wasm.testing.guests import Guests
from airssys_wasm.testing.injector import Injector
from airssys_wasm.testing.invariant import Invariant
from airssys_wasm.testing.loop import SimulatedLoop
from airssys_wasm.testing.observing import Observer, observing
from airssys_wasm.testing.simulated_platform import SimulatedPlatform
from airssys_wasm.testing.trace import FAILED, Entry, describe

if TYPE_CHECKING:
    from airssys_wasm.application import ActorSystem
    from airssys_wasm.kernel.events import Event
    from airssys_wasm.kernel.scheduler import Scheduler

ROOT = "root"
NAMES = "_name_sequence"  # of tempfile; None has it make a new one
EVENTLESS = 4  # one seed of so many runs without telemetry


class Simulation:
    """One run of a simulated test.

    `seed` is its number, `random` a generator for the test's own choices, `trace` what has
    happened, when that is recorded.
    """

    def __init__(
        self,
        seed: int,
        choices: Callable[[Callable[[Any], str]], Choices],
        *,
        invariants: Iterable[Callable[[], Invariant]] = (),
        faults: Iterable[FaultKind] = (),
        plan: Iterable[Fault] = (),
        spare: Iterable[str] = (ROOT,),
        recorded: bool = False,
        eventful: bool | None = None,
    ) -> None:
        self.seed = seed
        self.random = Random(f"{seed} test")
        self.trace: list[Entry] | None = [] if recorded else None
        self.choices = choices(self.label)
        self.loop = SimulatedLoop(self.choices, self._stepped, self._quiet, self._new_scheduler)
        self.platform = SimulatedPlatform(self.loop, seed, self._taken)
        self.kernels: list[Kernel] = []
        # The kernel has shorter ways where nobody wants events; these have to be taken, too.
        self._eventful = seed % EVENTLESS != EVENTLESS - 1 if eventful is None else eventful
        self.invariants = [make() for make in invariants]
        self.injector = Injector(
            self.loop,
            self.choices,
            tuple(faults),
            tuple(plan),
            tuple(spare),
            lambda: [ref for kernel in self.kernels for ref in kernel.actors()],
            lambda who, kind: self._record("fault", who, kind),
        )
        self.observer = Observer(self.invariants, self._broken)
        self.guests = self.loop.guests = Guests(
            self.choices,
            self.label,
            self.loop.time,
            (lambda actor, what: self._record("host", actor, what)) if recorded else None,
            lambda component: self.observer.tell("component_began", component),
        )
        self._stack = AsyncExitStack()
        self._directory: TemporaryDirectory[str] | None = None

    # --- for tests

    async def system(
        self, tree: Any = None, *, name: str = "simulation", **options: Any
    ) -> ActorSystem:
        """A running system, which ends with the test.

        `tree` is its root: a Supervisor or another behaviour, or the path of a tree file. Raises
        TreeMistakes, a ValueError, with all that is wrong in the file.
        """
        from airssys_wasm.application import ActorSystem

        root = _root_of(Path(tree)) if isinstance(tree, str | Path) else tree
        system = ActorSystem(name, root=root, platform=self.platform, slow_after=None, **options)
        return await self._stack.enter_async_context(system)

    async def kernel(self, name: str = "simulation") -> Kernel:
        """A running kernel without anything else, which ends with the test."""
        kernel = Kernel(name, platform=self.platform, slow_after=None)
        self.loop.know(kernel.scheduler)
        return await self._stack.enter_async_context(kernel)

    async def sleep(self, seconds: float) -> None:
        """Let virtual time pass."""
        await anyio.sleep(seconds)

    @property
    def directory(self) -> Path:
        """A fresh directory of this run, for its files; it is gone afterwards.

        `tempfile` makes its files there, too, from the first look at this on.
        """
        if self._directory is None:
            self._directory = TemporaryDirectory(prefix="airssys-simulation-")
            tempfile.tempdir = self._directory.name
            # Its names come from a generator of its own, which nobody seeds.
            setattr(tempfile, NAMES, map("{:08}".format, count(1)))
        return Path(self._directory.name)

    def now(self) -> float:
        """Virtual seconds since the beginning of the run."""
        return self.loop.time()

    def note(self, text: str) -> None:
        """Write something into the trace."""
        self._record("note", "test", text)

    def check(self) -> None:
        """Look at all invariants now; they are looked at by themselves whenever all is quiet."""
        for kernel in self.kernels:
            for invariant in self.invariants:
                invariant.quiet(kernel)

    # --- for whoever runs it

    def label(self, who: Any) -> str:
        """What somebody is called in deviations and traces."""
        return self.loop.label(who)

    async def run(self, test: Callable[[Simulation], Any]) -> None:
        """The test, and the end of its systems."""
        with observing(self.observer), self.guests.watched():
            async with self._stack:
                try:
                    await test(self)
                except BaseException as error:
                    self._failed(error)
                    raise
            await self.end()

    async def end(self) -> None:
        """End its systems, if that is not done, and look at what is left."""
        await self._stack.aclose()
        self.injector.over = True
        for kernel in self.kernels:
            for invariant in self.invariants:
                invariant.ended(kernel)

    def _new_scheduler(self, scheduler: Scheduler) -> None:
        """A kernel is there, or has its first turn."""
        kernel = scheduler.kernel
        self.kernels.append(kernel)
        self.observer.adopt(kernel)
        if self._eventful:
            kernel.telemetry.attach("*", self._emitted)
        requests = scheduler.requests
        may_inline = requests.may_inline

        def choose() -> bool:
            if not may_inline():
                return False
            if self.injector.is_active:
                return False  # faults come to what is taken off the run queue
            who = self.label(scheduler.current() or "outside")
            return not self.choices.pick("request", who, ("at once", "queued"))

        requests.may_inline = choose  # type: ignore[method-assign]

    def _taken(self, actor: ActorRef[Any]) -> None:
        if self.trace is not None:
            self._record("run", self.label(actor), _in_hand(actor))
        self.injector.taken(actor)

    def _stepped(self, now: float, owner: Any) -> None:
        if self.trace is not None:
            self._record("step", self.label(owner), "")

    def _quiet(self) -> None:
        self.check_quietly()

    def check_quietly(self) -> None:
        """As `check`, but what is broken ends the run instead of being raised here."""
        try:
            self.check()
        except InvariantBroken as broken:
            self._broken(broken)

    def _broken(self, broken: InvariantBroken) -> None:
        if self.loop.failure is None:
            self._failed(broken)
            self.loop.failure = broken

    def _failed(self, error: BaseException) -> None:
        if not any(entry.kind == FAILED for entry in self.trace or ()):
            self._record(FAILED, "test", describe(error))

    def _emitted(self, event: Event) -> None:
        for invariant in self.invariants:
            try:
                invariant.event(event)
            except InvariantBroken as broken:
                self._broken(broken)
        if self.trace is not None and event.name != "timers.fired":
            metadata = event.metadata
            letter = metadata.get("letter")
            who = metadata.get("ref") or getattr(letter, "to", None)
            what = ", ".join(
                f"{key}={describe(value)}"
                for key, value in metadata.items()
                if key in TOLD and value is not None
            )
            self._record(
                "event", self.label(who) if who is not None else "", f"{event.name} {what}"
            )

    def clear_away(self) -> None:
        """Remove its directory."""
        if self._directory is not None:
            tempfile.tempdir = None
            setattr(tempfile, NAMES, None)
            self._directory.cleanup()
            self._directory = None

    def _record(self, kind: str, actor: str, what: str) -> None:
        if self.trace is not None:
            if self._directory is not None:  # another one in each run
                what = what.replace(self._directory.name, "<directory>")
            self.trace.append(Entry(self.loop.time(), kind, actor, what))


def _root_of(file: Path) -> Any:
    """The root that a tree file describes, with its stand-ins. Raises TreeMistakes."""
    from airssys_wasm.application import supervisor_of
    from airssys_wasm.testing.tree_files import tree_of

    return supervisor_of(tree_of(file), file.parent)


TOLD = frozenset({"reason", "child", "letter", "message", "cause", "outcome", "overflow"})


def _in_hand(actor: ActorRef[Any]) -> str:
    """What an actor that is about to run has to do first."""
    from airssys_wasm.kernel.message import payload_of
    from airssys_wasm.kernel.states import ENDING, NEW, NOTHING

    if actor._mode & ENDING:
        return "ends"
    if actor._mode & NEW:
        return "init"
    if actor._one is not NOTHING:
        return describe(payload_of(actor._one))
    queue = actor._queue
    if queue and hasattr(queue, "__getitem__") and len(queue):
        return describe(payload_of(queue[0]))
    return "goes on"
