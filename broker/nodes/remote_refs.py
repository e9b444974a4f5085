"""Acts: refs of actors on other nodes, by their addresses, and the addresses of all refs.

Two refs of one actor are one object, as long as somebody has it. A ref that is not known any more,
or is of an earlier life of a node, is dead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol
from weakref import WeakKeyDictionary, WeakValueDictionary

import msgspec

from airssys_wasm.broker.errors import NotDecodable, NotEncodable
from airssys_wasm.broker.nodes.node_settings import NAME
from airssys_wasm.broker.nodes.wire import LONGEST, Address, Body
from airssys_wasm.kernel.address import NamedRef
from airssys_wasm.kernel.outside_ref import Outside, OutsideRef, end, merge, outside_ref
from airssys_wasm.kernel.ref import ActorRef
from airssys_wasm.kernel.registry import check_name

if TYPE_CHECKING:
    from airssys_wasm.kernel.kernel import Kernel


class Line(Protocol):
    """What carries bodies to other nodes, for those who have something to say."""

    name: str
    life: str

    @property
    def is_open(self) -> bool:
        """Whether anything is carried."""
        ...

    @property
    def room(self) -> int:
        """How many bytes a value may have."""
        ...

    def post(self, node: str, body: Body) -> None:
        """Say `body`, in order with all else to that node. Never waits, never raises."""
        ...

    def life_of(self, node: str) -> str:
        """The latest life of a node that is known; empty when none is."""
        ...


class RemoteRefs:
    """The refs of one node."""

    def __init__(self, kernel: Kernel, line: Line, outside: Outside) -> None:
        self._kernel = kernel
        self._line = line
        self._outside = outside
        self._known: WeakValueDictionary[Address, OutsideRef[Any]] = WeakValueDictionary()
        self._told: WeakValueDictionary[int, ActorRef[Any]] = WeakValueDictionary()  # ours
        self._names: WeakKeyDictionary[ActorRef[Any], dict[tuple[str, str], None]]
        self._names = WeakKeyDictionary()  # by which they were found
        self._numbers = 0

    # --- addresses

    def address(self, ref: ActorRef[Any]) -> Address:
        """Where `ref` is. Raises NotEncodable for one that means nothing to other nodes."""
        if isinstance(ref, OutsideRef) and isinstance(ref.place, Address):
            place: Address = ref.place
            if place.life[:1] == "@" and place.serial:
                raise NotEncodable("ActorRef", f"{ref} was found by its name, and is not known yet")
            return place
        if ref._scheduler.kernel is not self._kernel:
            raise NotEncodable("ActorRef", f"{ref} is of another system in this process")
        self._told[ref._serial] = ref
        return Address(self._line.name, self._line.life, ref._serial)

    def out(self, value: ActorRef[Any] | NamedRef) -> list[Any]:
        """What stands for a ref or a name in a message. Raises NotEncodable."""
        if isinstance(value, NamedRef):
            node = value.node if isinstance(value, NameElsewhere) else self._line.name
            return [node, f"@{value.name}", 0]
        where = self.address(value)
        return [where.node, where.life, where.serial]

    def into(self, given: object) -> ActorRef[Any] | NamedRef:
        """The ref or name that stands in a message. Raises NotDecodable."""
        try:
            address = msgspec.convert(given, Address)
        except msgspec.ValidationError as error:
            raise NotDecodable(f"no ref: {error}") from None
        if address.life[:1] == "@" and not address.serial:
            return self.named(address.life[1:], address.node)
        return self.ref(address)

    # --- refs

    def ref(self, address: Address) -> ActorRef[Any]:
        """The actor at `address`. Raises NotDecodable for what can't be one."""
        found: ActorRef[Any] | None = self._known.get(address)
        if found is not None:
            return found
        if address.node == self._line.name:
            found = self.here(address)
            if found is not None:
                return found
        return self._new(address)

    def here(self, address: Address) -> ActorRef[Any] | None:
        """The actor of this node at `address`; None when it has ended."""
        if address.life != self._line.life:
            return None
        # One that is restarting has a mailbox, and is no actor meanwhile.
        return self._kernel.spawner.actors.get(address.serial) or self._told.get(address.serial)

    def find(self, address: Address) -> OutsideRef[Any] | None:
        """The ref of that actor elsewhere, if anybody here has one."""
        return self._known.get(address)

    def same(self, found: OutsideRef[Any], address: Address) -> OutsideRef[Any]:
        """`found` was asked for by a name: it is the actor at `address`. Gives its one ref."""
        self._known.pop(found.place, None)
        found.place = address
        known = self._known.setdefault(address, found)
        if known is not found:
            self._names.setdefault(known, {}).update(self._names.pop(found, {}))
            merge(found, known)
        return known

    def of(self, node: str) -> list[OutsideRef[Any]]:
        """All refs of actors of that node."""
        return [ref for address, ref in list(self._known.items()) if address.node == node]

    def _new(self, address: Address) -> OutsideRef[Any]:
        if not NAME.fullmatch(address.node) or len(address.life) > LONGEST + 1:
            raise NotDecodable(f"{address.node[:40]!r} is no node")
        named = address.life[:1] == "@"
        label = f"{address.life[1:]}@{address.node}" if named else _label(address)
        ref = self._known[address] = outside_ref(self._kernel, self._outside, address, label)
        gone = address.node == self._line.name or address.life < self._line.life_of(address.node)
        if gone and not named:
            end(ref, "noproc")
        return ref

    # --- names

    def named(self, name: str, node: str) -> NamedRef:
        """An address that follows a name on `node`. Raises ValueError for what can't be one."""
        check_name(name)
        if not NAME.fullmatch(node):
            raise ValueError(f"{node[:40]!r} can't be a node: letters, digits, '_' and '-'")
        if len(name) > LONGEST:
            raise ValueError(f"a name of {len(name)} characters is too long for another node")
        if node == self._line.name:
            return self._kernel.named(name)
        return NameElsewhere(self._kernel, self, name, node)

    def was(self, ref: ActorRef[Any], named: NameElsewhere) -> bool:
        """Whether `ref` was found by that name."""
        return (named.node, named.name) in self._names.get(ref, ())

    def each_time(self, name: str, node: str) -> ActorRef[Any]:
        """Whoever has the name when something comes there."""
        return self.ref(Address(node, f"@{name}", 0))

    def now(self, name: str, node: str) -> ActorRef[Any]:
        """Whoever has the name when the next thing comes there, and nobody else from then on."""
        self._numbers += 1
        ref = self.ref(Address(node, f"@{name}", self._numbers))
        self._names[ref] = {(node, name): None}
        return ref


class NameElsewhere(NamedRef):
    """The address of whoever has a name on another node: found there, at each call.

    `link` and `monitor` bind to who has it then.
    """

    __slots__ = ("_refs", "node")

    def __init__(self, kernel: Kernel, refs: RemoteRefs, name: str, node: str) -> None:
        super().__init__(kernel, name)
        self._refs = refs
        self.node = node

    def resolve(self) -> ActorRef[Any]:
        return self._refs.now(self.name, self.node)

    def _linked_to(self, ref: ActorRef[Any]) -> ActorRef[Any] | None:
        links = ref._extension.links if ref._extension is not None else None
        label = f"{self.name}@{self.node}"
        return next(
            (o for o in links or () if isinstance(o, OutsideRef) and o._label == label), None
        )

    def _each(self) -> ActorRef[Any]:
        return self._refs.each_time(self.name, self.node)

    def send(self, message: Any, /, *, priority: int = 0, ttl: float | None = None) -> None:
        self._each()._send_stamped(message, priority, ttl)

    async def put(self, message: Any, /, *, priority: int = 0, ttl: float | None = None) -> None:
        await self._each().put(message, priority=priority, ttl=ttl)

    async def request(
        self,
        message: Any,
        /,
        timeout: float | None = 5.0,
        priority: int = 0,
        ttl: float | None = None,
    ) -> Any:
        return await self._each().request(message, timeout, priority, ttl)

    def stop(self, reason: object = "normal") -> None:
        self._each().stop(reason)

    def exit(self, reason: object) -> None:
        self._each().exit(reason)

    def kill(self) -> None:
        self._each().kill()

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, NameElsewhere) and other.node == self.node and super().__eq__(other)
        )

    def __hash__(self) -> int:
        return hash((self.name, self.node))

    def __repr__(self) -> str:
        return f"<NamedRef {self.name}@{self.node}>"


def _label(address: Address) -> str:
    return f"{address.node}#{address.serial}"
