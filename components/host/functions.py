"""Which Python function serves which import of a guest."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

# By their names in WIT.
Functions = Mapping[str, Callable[..., object]]

# Functions, and the first argument of each; None if they have no such argument.
Served = tuple[object | None, Functions]


def interface_name(interface: str) -> str:
    """The interface as the host knows it, without a version: it has one of each.

    >>> interface_name("airssys:core/storage@1.0.0")
    'airssys:core/storage'
    """
    return interface.partition("@")[0]


class HostFunctions:
    """All functions of one incarnation; the engine calls it, on the loop.

    `make` gives those of an interface, and of others if they are made together, by their names
    without a version. It is asked at the first call of one of them: most guests call few, and to
    have all at hand would cost each incarnation 8 KiB. Every call is counted, also of what is
    always allowed.
    """

    __slots__ = ("_make", "_served", "calls")

    def __init__(self, make: Callable[[str], Mapping[str, Served]]) -> None:
        self._make = make
        self._served: dict[str, Served] = {}  # by interface, as the guest names it, too
        self.calls = 0

    def __call__(
        self, interface: str, function: str, arguments: tuple[object, ...]
    ) -> object | Awaitable[object]:
        """The WIT result of the function, or an awaitable of it."""
        self.calls += 1
        owner, functions = self._served.get(interface) or self._of(interface)
        if owner is None:
            return functions[function](*arguments)
        return functions[function](owner, *arguments)

    def _of(self, interface: str) -> Served:
        name = interface_name(interface)
        if name not in self._served:
            made = self._make(name)
            if len(made) == 1 and name in made:
                self._served[interface] = made[name]
                return made[name]
            self._served.update(made)
        served = self._served[interface] = self._served[name]
        return served
