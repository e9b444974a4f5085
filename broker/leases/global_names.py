"""Acts: names that count on all nodes, each of which one living actor has.

A name is a key, taken by compare-and-set in a term of its node's lease; its revision is the fencing
token. When the term is over the name may be taken by others. A node that comes back takes its names
again, and where another has one by then, a resolver decides who keeps it.

Source: Erlang/OTP, global(3); Reference Manual, "Registered Processes".
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airssys_wasm.broker.errors import EngineDown
from airssys_wasm.broker.leases.claim import Holding
from airssys_wasm.broker.leases.claims import Claims
from airssys_wasm.broker.nodes.wire import Address
from airssys_wasm.kernel.checked_ref import send_unchecked
from airssys_wasm.kernel.errors import ActorExited, NameTaken, NotRegistered
from airssys_wasm.kernel.outside_ref import OutsideRef
from airssys_wasm.kernel.ref import ActorRef
from airssys_wasm.kernel.registry import check_name

if TYPE_CHECKING:
    from airssys_wasm.broker.leases.leases import Leases
    from airssys_wasm.broker.nodes.node import Node
    from airssys_wasm.kernel.kernel import Kernel
    from airssys_wasm.kernel.platform import Platform

log = logging.getLogger(__name__)

PREFIX = "names."
SERVICE = "names"
PATIENCE = 5.0  # seconds for a change of a name, as for any request

Resolve = Callable[[str, "ActorRef[Any]", "ActorRef[Any]"], "ActorRef[Any] | None"]


@dataclass(frozen=True, slots=True)
class NameConflict:
    """To an actor that has lost its name to `winner`, on another node; None: nobody keeps it."""

    name: str
    winner: ActorRef[Any] | None


def exit_loser(name: str, mine: ActorRef[Any], theirs: ActorRef[Any]) -> ActorRef[Any]:
    """Whoever has the name keeps it; the actor that had it before the partition gets an exit signal
    with the reason `("name_conflict", name)`."""
    mine.exit(("name_conflict", name))
    return theirs


def notify_loser(name: str, mine: ActorRef[Any], theirs: ActorRef[Any]) -> ActorRef[Any]:
    """Whoever has the name keeps it; the other one gets a NameConflict as a message."""
    send_unchecked(mine, NameConflict(name, theirs))
    return theirs


def notify_all(name: str, mine: ActorRef[Any], theirs: ActorRef[Any]) -> None:
    """Nobody keeps the name; both get a NameConflict as a message."""
    send_unchecked(mine, NameConflict(name, None))


@dataclass(slots=True)
class _Registered:
    """An actor of this node with a name; `resolve` is None for one that waits for its turn."""

    ref: ActorRef[Any]
    resolve: Resolve | None
    resolved: int = 0  # the revision of a conflict that was decided


class GlobalNames:
    """The names of all nodes, and those of this one."""

    def __init__(
        self, kernel: Kernel, node: Node, leases: Leases, *, published: Callable[[str], bool]
    ) -> None:
        self._kernel, self._node, self._leases = kernel, node, leases
        self._published = published
        self._registered: dict[str, _Registered] = {}
        self._known: dict[str, tuple[int, ActorRef[Any]]] = {}  # by name: at which revision, who
        self._changes = asyncio.Event()
        platform: Platform = kernel.platform
        self._claims = Claims(
            PREFIX, leases, node.engine, platform, self._changed, self._has_no_actor
        )

    async def open(self) -> None:
        """Know the names. Raises EngineDown."""
        self._node.serve(SERVICE, self._said)
        self._kernel.registry.span(self.whereis, self._local)
        await self._claims.open()

    async def close(self) -> None:
        """Free the names of this node."""
        await self._claims.close()

    # --- looking

    def whereis(self, name: str) -> ActorRef[Any] | None:
        """The living actor that has a name on all nodes, as far as is known here; else None."""
        holding = self._claims.holder(name)
        ref = None if holding is None else self._actor(name, holding)
        return ref if ref is not None and ref.is_alive else None

    def names(self) -> list[str]:
        """The names that somebody has, sorted."""
        return [name for name in self._claims.names() if self.whereis(name) is not None]

    def token(self, name: str) -> int | None:
        """The fencing token of a name that an actor of this node has just now; else None."""
        token = self._claims.token(name)
        registered = self._registered.get(name)
        return token if registered is not None and registered.ref.is_alive else None

    # --- changing

    async def register(
        self,
        name: str,
        ref: ActorRef[Any],
        *,
        resolve: Resolve | None = None,
        replace: bool = False,
        timeout: float = PATIENCE,
    ) -> int:
        """Give an actor of this node a name on all nodes; its fencing token, a number that is
        higher than that of whoever had it before.

        The name is freed when the actor ends, and may be taken by others when the lease of this
        node is over. When this node comes back after that and another has the name, `resolve(name,
        mine, theirs)`, `exit_loser` unless given, says who keeps it (None: nobody), and does what
        is to be done to `mine`; `theirs` gets a NameConflict if it has to give
        up the name. With `replace` a name that another actor of this node has goes to `ref`.

        Raises NameTaken, ActorExited when the actor is dead, ValueError for one of another node,
        EngineDown when there is no lease or no answer within `timeout` seconds.
        """
        check_name(name)
        if isinstance(ref, OutsideRef):
            raise ValueError(f"{ref} is not of this node: register it where it is")
        if not ref.is_alive:
            raise ActorExited(ref, "noproc")
        known = self._registered.get(name)
        if known is not None and known.ref is not ref and known.ref.is_alive and not replace:
            raise NameTaken(name, known.ref)
        self._enter(name, ref, resolve or exit_loser)
        try:
            async with asyncio.timeout(timeout):
                return await self._granted(name, ref)
        except TimeoutError:
            self._withdraw(name, ref)
            why = "this node has no lease" if self._leases.term is None else "no answer in time"
            raise EngineDown(f"the name {name!r} can't be registered: {why}") from None
        except BaseException:
            self._withdraw(name, ref)
            raise

    async def unregister(self, name: str, *, timeout: float = PATIENCE) -> None:
        """Free a name of an actor of this node; others can take it when this returns.

        Raises NotRegistered, and EngineDown when the engine has not answered in time: the name is
        then freed later.
        """
        known = self._registered.get(name)
        if known is None:
            raise NotRegistered(name)
        self._withdraw(name, known.ref)
        try:
            async with asyncio.timeout(timeout):
                while self._is_of_this_node(name):
                    await self._change()
        except TimeoutError:
            raise EngineDown(f"the name {name!r} is freed later: no answer in time") from None

    # --- its own

    def _enter(self, name: str, ref: ActorRef[Any], resolve: Resolve | None) -> None:
        known = self._registered.get(name)
        self._registered[name] = _Registered(ref, resolve)
        if known is None or known.ref is not ref:
            self._kernel.on_exit(ref, lambda gone, _: self._withdraw(name, gone))
        if self._registered.get(name) is not None:  # it is not dead already
            self._claims.want(name, b"%d" % ref._serial)

    def _withdraw(self, name: str, ref: ActorRef[Any]) -> None:
        known = self._registered.get(name)
        if known is not None and known.ref is ref:
            del self._registered[name]
            self._claims.release(name)

    async def _granted(self, name: str, ref: ActorRef[Any]) -> int:
        while True:
            if not ref.is_alive:
                raise ActorExited(ref, "noproc")
            holding = self._claims.holder(name)
            if holding is not None and self._is_this(holding):
                if holding.data == b"%d" % ref._serial:
                    token = self._claims.token(name)
                    if token is not None:
                        return token
            elif holding is not None and self._leases.term is not None:
                await self._claims.refresh(name)  # what was told may be late
                holding = self._claims.holder(name)
                if holding is not None and not self._is_this(holding):
                    raise NameTaken(name, self._actor(name, holding))
                continue
            await self._change()

    async def _change(self) -> None:
        self._changes.clear()
        await self._changes.wait()

    def _local(self, name: str, ref: ActorRef[Any] | None) -> None:
        """A name of this node was given or freed: some are made known to all nodes."""
        if not self._published(name):
            return
        if ref is not None:
            self._enter(name, ref, None)
        elif (known := self._registered.get(name)) is not None:
            self._withdraw(name, known.ref)

    # --- who has what

    def _is_this(self, holding: Holding) -> bool:
        return (holding.node, holding.life) == (self._node.name, self._node.life)

    def _is_of_this_node(self, name: str) -> bool:
        holding = self._claims.holder(name)
        return holding is not None and self._is_this(holding)

    def _actor(self, name: str, holding: Holding) -> ActorRef[Any] | None:
        try:
            address = Address(holding.node, holding.life, int(holding.data))
        except ValueError:
            return None
        if self._is_this(holding):
            return self._kernel.spawner.actors.get(address.serial)
        revision = self._claims.revision(name)
        known = self._known.get(name)
        if known is None or known[0] != revision:
            known = self._known[name] = revision, self._node.ref(address)
        ref = known[1]
        if ref.is_alive and ref._extension is None:  # nobody wants to know of its end yet
            self._kernel.on_exit(ref, lambda gone, _: self._ended(name, gone))
        return ref

    def _ended(self, name: str, ref: ActorRef[Any]) -> None:
        """An actor of another node has ended, or is not reached any more."""
        if not ref.is_alive:
            self._claims.look(name)

    def _has_no_actor(self, name: str, holding: Holding) -> bool:
        """Whether its actor is known to be dead, though its node has not freed the name yet."""
        if self._is_this(holding):
            return False
        known = self._known.get(name)
        if known is None or known[0] != self._claims.revision(name):
            return False
        return not known[1].is_alive

    def _changed(self, name: str) -> None:
        self._changes.set()
        if not self._claims.is_there(name):
            self._known.pop(name, None)
        registered = self._registered.get(name)
        if registered is None or registered.resolve is None or self._leases.term is None:
            return
        holding = self._claims.holder(name)
        if holding is None or self._is_this(holding) or not self._claims.was_had(name):
            return
        revision = self._claims.revision(name)
        if registered.resolved != revision:
            registered.resolved = revision
            self._resolve(name, registered, holding, revision)

    def _resolve(self, name: str, registered: _Registered, holding: Holding, revision: int) -> None:
        """Two have had the name on two sides of a partition: one of them keeps it."""
        mine, theirs = registered.ref, self._actor(name, holding)
        if theirs is None or registered.resolve is None:
            return
        log.warning("%s lost the name %r to %s while it was cut off", mine, name, theirs)
        try:
            winner = registered.resolve(name, mine, theirs)
        except Exception:
            log.exception("the resolver of the name %r failed; %s keeps it", name, theirs)
            winner = theirs
        if winner is not mine:
            self._withdraw(name, mine)
        if winner is not theirs:
            self._node.say(holding.node, SERVICE, [name, revision, winner])

    def _said(self, node: str, value: object) -> None:
        """Another node wants a name of this one, as its resolver has decided."""
        match value:
            case [str(name), int(revision), winner]:
                registered = self._registered.get(name)
                if registered is not None and self._claims.token(name) == revision:
                    log.warning("%s gives up the name %r to node %s", registered.ref, name, node)
                    self._withdraw(name, registered.ref)
                    keeper = winner if isinstance(winner, ActorRef) else None
                    send_unchecked(registered.ref, NameConflict(name, keeper))
