"""Which Python function serves which import of a guest."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

Functions = Mapping[str, Callable[..., object]]


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

    __slots__ = ("_functions", "_make", "calls")

    def __init__(self, make: Callable[[str], Mapping[str, Functions]]) -> None:
        self._make = make
        self._functions: dict[str, Functions] = {}  # by interface, as the guest names it, too
        self.calls = 0

    def __call__(
        self, interface: str, function: str, arguments: tuple[object, ...]
    ) -> object | Awaitable[object]:
        """The WIT result of the function, or an awaitable of it."""
        self.calls += 1
        functions = self._functions.get(interface)
        if functions is None:
            functions = self._of(interface)
        return functions[function](*arguments)

    def _of(self, interface: str) -> Functions:
        name = interface_name(interface)
        if name not in self._functions:
            self._functions.update(self._make(name))
        functions = self._functions[interface] = self._functions[name]
        return functions
