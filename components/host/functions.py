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

    Every call is counted, also of what is always allowed.
    """

    __slots__ = ("_functions", "calls")

    def __init__(self, interfaces: Mapping[str, Functions]) -> None:
        self._functions = {
            (interface_name(interface), name): function
            for interface, functions in interfaces.items()
            for name, function in functions.items()
        }
        self.calls = 0

    def __call__(
        self, interface: str, function: str, arguments: tuple[object, ...]
    ) -> object | Awaitable[object]:
        """The WIT result of the function, or an awaitable of it."""
        self.calls += 1
        return self._functions[interface_name(interface), function](*arguments)
