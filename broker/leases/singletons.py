"""Acts: runs something on one node of all at a time: where its name is held under a lease.

Of all nodes that want it one runs it, and when that is lost, another. When and why is decided in
`singleton_state.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from airssys_wasm.broker.leases.claims import Claims
from airssys_wasm.broker.leases.lease import Over
from airssys_wasm.broker.leases.singleton_state import Action as StateAction
from airssys_wasm.broker.leases.singleton_state import Finish, Kill, SingletonState, Start, Stop
from airssys_wasm.kernel.behaviour import Actor
from airssys_wasm.kernel.message import Down, Exit, Ignored, Started, StopRequested
from airssys_wasm.kernel.posting import kernel_of

if TYPE_CHECKING:
    from airssys_wasm.broker.engine import Engine
    from airssys_wasm.broker.leases.leases import LeaseEvent, Leases
    from airssys_wasm.kernel.kernel import Kernel
    from airssys_wasm.kernel.platform import Platform
    from airssys_wasm.kernel.ref import ActorRef

PREFIX = "holds."
LAST = 4  # the last moment: this part of the grace before the term ends


class Singletons:
    """The names of what runs once in the cluster, and which of it this node has."""

    def __init__(self, leases: Leases, engine: Engine, platform: Platform) -> None:
        self.leases = leases
        self._platform = platform
        self._listeners: dict[str, Callable[[], None]] = {}
        self._last: dict[str, Callable[[], None]] = {}
        self.claims = Claims(PREFIX, leases, engine, platform, self._changed)
        leases.listen(self._lease_event)

    def has(self, name: str) -> bool:
        """Whether this node has the name, in a term that counts."""
        return self.claims.token(name) is not None

    def token(self, name: str) -> int | None:
        """The fencing token of a name that this node has just now; else None."""
        return self.claims.token(name)

    def want(self, name: str, changed: Callable[[], None], over: Callable[[], None]) -> None:
        """Have `name` as soon as it is free. `changed` is called whenever there is something to
        look at, `over` when the term is over and nothing may run any more.

        Raises ValueError when something on this node has it, or waits for it, already.
        """
        if name in self._listeners:
            raise ValueError(f"the singleton {name!r} is on this node already")
        self._listeners[name], self._last[name] = changed, over
        self.claims.want(name)

    def release(self, name: str) -> None:
        """Let another node have it."""
        if self._listeners.pop(name, None) is not None:
            del self._last[name]
            self.claims.release(name)

    def last_moment_in(self) -> float:
        """Seconds until nothing that needs the lease may be left."""
        own = self.leases.own
        last = own.until - self.leases.times.grace / LAST
        return max(0.0, last - self._platform.now())

    def _changed(self, name: str) -> None:
        listener = self._listeners.get(name)
        if listener is not None:
            listener()

    def _lease_event(self, event: LeaseEvent) -> None:
        if isinstance(event, Over):
            for over in list(self._last.values()):
                over()
        for listener in list(self._listeners.values()):
            listener()


class _Look:
    """To itself: something may have changed."""


class _LastMoment:
    """To itself: the term ends."""


class SingletonActor(Actor[Any]):
    """Runs `behaviour` while this node has `name`; ends when that has ended by itself, and then
    another node may have it. `singletons(ref)` finds those of its node.

    `shutdown` is how many seconds its orderly stop may take; None: as long as the lease lets it.
    `told(phase)` is called with each new phase.
    """

    handles_parent_exit = True

    def __init__(
        self,
        singletons: Callable[[ActorRef[Any]], Singletons],
        name: str,
        behaviour: Any,
        args: tuple[Any, ...] = (),
        shutdown: float | None = 5.0,
        told: Callable[[str], None] | None = None,
    ) -> None:
        self._find, self._name = singletons, name
        self._behaviour, self._args, self._shutdown = behaviour, args, shutdown
        self._told = told
        self._state = SingletonState()
        self._child: ActorRef[Any] | None = None
        self._waits = False  # a `_Look` is on its way

    def init(self) -> None:
        self.context.trap_exit = True
        ref, kernel = self.context.ref, kernel_of(self.context.ref)
        self._singletons = self._find(ref)
        self._singletons.want(self._name, self._wake, self._kill)
        # Whatever becomes of this actor, the name is not kept by what is not there.
        kernel.on_exit(ref, lambda gone, _: self._gone())
        self._look()

    def receive(self, message: Any) -> None:
        match message:
            case _Look():
                self._waits = False
                self._look()
            case _LastMoment():
                if not self._singletons.leases.is_safe():
                    self._do(self._state.last_moment())
            case Started(ref) if ref is self._child:
                self._state.up()
                self._tell()
            case Ignored(ref) if ref is self._child:
                self._ended("normal")
            case Down(ref, reason, None) if ref is self._child:
                self._ended(reason)
            case Exit(ref, reason):
                if ref is self.context.parent:
                    self._end(reason)
            case StopRequested(reason):
                self._end(reason)

    # --- what happens

    def _wake(self) -> None:
        if not self._waits:
            self._waits = True
            self.context.ref.send(_Look())

    def _look(self) -> None:
        has, safe = self._singletons.has(self._name), self._singletons.leases.is_safe()
        self._do(self._state.look(has=has, safe=safe))

    def _ended(self, reason: object) -> None:
        self._child = None
        self._do(self._state.gone(reason))
        if self._state.phase != "over":
            self._look()

    def _end(self, reason: object) -> None:
        self._do(self._state.end(reason))

    def _do(self, actions: list[StateAction]) -> None:
        for action in actions:
            match action:
                case Start():
                    self._child = self.context.spawn_child(self._behaviour, *self._args)
                case Stop():
                    self._stop()
                case Kill():
                    self._kill()
                case Finish(reason):
                    self._singletons.release(self._name)
                    self.context.stop(reason)
        if actions:
            self._tell()

    def _stop(self) -> None:
        if self._child is None:
            return
        self._child.exit("shutdown")
        last = self._singletons.last_moment_in()
        if self._state.phase == "stopping":
            self.context.send_after(last, self.context.ref, _LastMoment())
        if self._shutdown is not None:
            child = self._child
            kernel_of(child).timers.wake_at(
                self.context.now() + self._shutdown, lambda _: child.kill()
            )

    def _kill(self) -> None:
        if self._child is not None:
            kill_all(kernel_of(self._child), self._child)

    def _gone(self) -> None:
        self._kill()
        self._singletons.release(self._name)

    def _tell(self) -> None:
        if self._told is not None:
            self._told(self._state.phase)


def kill_all(kernel: Kernel, ref: ActorRef[Any]) -> None:
    """Kill an actor and all that it supervises, those above first, so that none is restarted."""
    above = [ref]
    while above:
        each = above.pop()
        if each.is_alive:
            above += kernel.info(each).children
            each.kill()
