"""Acts: the ref of an actor that lives outside of this kernel, and can be treated as one inside.

Links, monitors and waits of actors in here are the kernel's own; messages, requests and signals go
to an `Outside`, at once and in the order of the calls. Who stands behind it tells of the actor's
end with `end`, and with `sever` that it is not reached any more: then all that actors in here had
to do with it is over, and told, while the ref stays an address that can be used anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

from airssys_wasm.kernel.behaviour import Actor
from airssys_wasm.kernel.errors import OpaqueState
from airssys_wasm.kernel.mailbox import check_stamp
from airssys_wasm.kernel.message import Down, Envelope, Stamped, SystemCall
from airssys_wasm.kernel.reasons import says
from airssys_wasm.kernel.ref import ActorRef
from airssys_wasm.kernel.states import DEAD, GONE, HANDLES_STOP, TRAP, Ended

if TYPE_CHECKING:
    from asyncio import Future

    from airssys_wasm.kernel.extension import Extension
    from airssys_wasm.kernel.kernel import Kernel

M = TypeVar("M", contravariant=True)
How = Literal["exit", "stop", "kill"]

WATCHERS_AT_ONCE = 1_000  # that are listed in one step


class Outside(Protocol):
    """What carries messages to actors elsewhere. Its methods never wait."""

    def tell(
        self, ref: OutsideRef[Any], message: Any, priority: int = 0, ttl: float | None = None
    ) -> None:
        """A message was sent to `ref`. May raise what is wrong with the message."""
        ...

    def hand(
        self, ref: OutsideRef[Any], message: Any, priority: int = 0, ttl: float | None = None
    ) -> Future[None]:
        """A message was put to `ref`: the future is done when it is queued. May raise as `tell`."""
        ...

    def ask(
        self,
        ref: OutsideRef[Any],
        message: Any,
        future: Future[Any],
        priority: int = 0,
        ttl: float | None = None,
    ) -> None:
        """A request was sent to `ref`: `future` waits for the reply. May raise as `tell`."""
        ...

    def watch(self, ref: OutsideRef[Any]) -> None:
        """From now on somebody wants to know of the end of `ref`: `end` or `sever` has to come."""
        ...

    def link(self, ref: OutsideRef[Any], source: ActorRef[Any]) -> None:
        """`source`, which is in here, has linked itself to `ref`."""
        ...

    def unlink(self, ref: OutsideRef[Any], source: ActorRef[Any]) -> None:
        """`source` is no longer linked to `ref`."""
        ...

    def signal(
        self, ref: OutsideRef[Any], how: How, reason: object, source: ActorRef[Any] | None
    ) -> None:
        """Somebody in here sends an exit signal to `ref`, or wants its end."""
        ...


class Absent(Actor[Any]):
    """The behaviour of an actor that is not here; it gets nothing."""

    def receive(self, message: Any) -> None: ...


class OutsideRef(ActorRef[M]):
    """The ref of an actor elsewhere; `place` says where, to whoever stands behind it."""

    __slots__ = ("_outside", "place")

    _outside: Outside
    place: Any
    _by_priority = True  # the mailbox there has the say

    def send(self, message: M, /) -> None:
        """As `ActorRef.send`; raises what can't leave this process."""
        if self._mode & DEAD:
            ActorRef.send(self, message)
        else:
            self._outside.tell(self, message)

    async def put(self, message: M, /, *, priority: int = 0, ttl: float | None = None) -> None:
        """As `ActorRef.put`: it waits for room elsewhere. Raises what can't leave this process, and
        ActorExited when the other side is lost meanwhile."""
        check_stamp(priority, ttl)
        if self._mode & DEAD:
            ActorRef.send(self, message)
        else:
            await self._outside.hand(self, message, priority, ttl)

    async def request(
        self,
        message: Any,
        /,
        timeout: float | None = 5.0,
        priority: int = 0,
        ttl: float | None = None,
    ) -> Any:
        return await self._scheduler.requests.queued(self, message, timeout, priority, ttl)

    def stop(self, reason: object = "normal") -> None:
        if not self._mode & DEAD:
            self._outside.signal(self, "stop", reason, None)

    def exit(self, reason: object) -> None:
        if says(reason, "kill"):
            self.kill()
        elif not self._mode & DEAD:
            self._outside.signal(self, "exit", reason, self._scheduler.current())

    def kill(self) -> None:
        if not self._mode & DEAD:
            self._outside.signal(self, "kill", "killed", None)

    def _offer(self, message: Any, *, can_wait: bool) -> None:
        priority, ttl = 0, None
        if message.__class__ is Stamped:
            message, priority, ttl = message.message, message.priority, message.ttl
        if message.__class__ is Envelope:
            self._outside.ask(self, message.message, message.future, priority, ttl)
        elif self._mode & DEAD:
            ActorRef.send(self, message)
        else:
            self._outside.tell(self, message, priority, ttl)

    def _deliver(self, message: Any) -> None:
        """Signals of the kernel's own. That of a link is not said: each side watches the other."""
        if isinstance(message, SystemCall):
            message.future.set_exception(OpaqueState(self, "it runs on another node"))

    def _ext(self) -> Extension:
        """Whoever asks for it has something to do with the actor."""
        if self._extension is not None or self._mode & DEAD:
            return ActorRef._ext(self)
        extension = ActorRef._ext(self)
        self._outside.watch(self)
        return extension

    def _linked(self, source: ActorRef[Any]) -> None:
        self._outside.link(self, source)

    def _unlinked(self, source: ActorRef[Any]) -> None:
        self._outside.unlink(self, source)

    def __repr__(self) -> str:
        return f"<ActorRef {self._label}>"


class Onlooker(ActorRef[Any]):
    """Somebody outside who watches actors in here: `told` is called with each `Down`."""

    __slots__ = ("_told",)

    _told: Callable[[Down], None]

    def _deliver(self, message: Any) -> None:
        if isinstance(message, Down):
            self._told(message)


def outside_ref(kernel: Kernel, outside: Outside, place: Any, label: str) -> OutsideRef[Any]:
    """A ref for an actor outside. It is none of the kernel's actors."""
    traits = TRAP | HANDLES_STOP  # what would end an actor in here is told to it instead
    ref: OutsideRef[Any] = OutsideRef(kernel.scheduler, ABSENT.receive, 0, traits, None, label, 0)
    ref._outside = outside
    ref.place = place
    return ref


def onlooker(kernel: Kernel, label: str, told: Callable[[Down], None]) -> Onlooker:
    """Somebody outside, who may be given monitors of actors in here."""
    ref = Onlooker(kernel.scheduler, ABSENT.receive, 0, 0, None, label, 0)
    ref._told = told
    return ref


def dismiss(watcher: Onlooker) -> None:
    """It watches nobody any more, and is told nothing."""
    extension, watcher._extension = watcher._extension, None
    watcher._end = Ended("noconnection")
    watcher._mode = DEAD
    watcher._queue = GONE
    if extension is not None:
        watcher._scheduler.kernel.relations.end_watching(extension)


ABSENT = Absent()


def end(ref: OutsideRef[Any], reason: object) -> None:
    """The actor outside has ended: links and watchers are told, and the ref is dead."""
    if ref._mode & DEAD:
        return
    ref._end = Ended(reason)
    ref._mode = DEAD
    ref._queue = GONE
    ref._receive = None
    _let_go(ref, reason)


def sever(ref: OutsideRef[Any], reason: object = "noconnection") -> None:
    """The actor is not reached any more: links and watchers are told so, once."""
    if not ref._mode & DEAD:
        _let_go(ref, reason)


def merge(ref: OutsideRef[Any], into: OutsideRef[Any]) -> None:
    """Both are one actor, as it turned out: what anybody has to do with `ref` goes to `into`."""
    extension, ref._extension = ref._extension, None
    if extension is None:
        return
    kept = into._ext()
    kept.waiters = [*(kept.waiters or ()), *(extension.waiters or ())]
    kept.hooks = [*(kept.hooks or ()), *(extension.hooks or ())]
    kept.watchers = {**(kept.watchers or {}), **(extension.watchers or {})}
    for monitor in extension.watchers or ():
        monitor.target = into
    for peer in extension.links or ():
        ref._scheduler.kernel.relations.tie(peer, into)
        if peer._extension is not None and peer._extension.links is not None:
            peer._extension.links.pop(ref, None)


def _let_go(ref: OutsideRef[Any], reason: object) -> None:
    extension = ref._extension
    if extension is None:
        return
    kernel = ref._scheduler.kernel
    kernel.keeping.release_identity(ref, None)
    ref._extension = None
    kernel.lifecycle.signals.add(_told(ref, extension, reason))
    kernel.lifecycle.signals.go()


def _told(ref: OutsideRef[Any], extension: Extension, reason: object) -> Iterator[None]:
    """One signal a step, as for the death of an actor in here: waits, links, then watchers."""
    kernel = ref._scheduler.kernel
    for waiter in extension.waiters or ():
        if not waiter.done():
            waiter.set_result(reason)
            yield
    for peer in list(extension.links or ()):
        tied = peer._extension.links if peer._extension is not None else None
        if tied and ref in tied:  # else it was unlinked, or died, meanwhile
            del tied[ref]
            kernel.lifecycle.signal(peer, reason, ref)
            yield
    watchers = extension.watchers or {}
    while watchers:
        for monitor in list(islice(watchers, WATCHERS_AT_ONCE)):
            watchers.pop(monitor, None)
            if monitor.active:
                kernel.relations.down(monitor, ref, reason)
                yield
