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

    __slots__ = ("_functions", "_later", "calls")

    def __init__(
        self,
        interfaces: Mapping[str, Functions],
        later: Callable[[], Mapping[str, Functions]] | None = None,
    ) -> None:
        self._functions = _by_name(interfaces)
        self._later = later  # those that few need: asked for at the first call of one
        self.calls = 0

    def __call__(
        self, interface: str, function: str, arguments: tuple[object, ...]
    ) -> object | Awaitable[object]:
        """The WIT result of the function, or an awaitable of it."""
        self.calls += 1
        key = interface_name(interface), function
        found = self._functions.get(key)
        if found is None and self._later is not None:
            self._functions |= _by_name(self._later())
            self._later = None
            found = self._functions.get(key)
        if found is None:
            raise KeyError(f"{interface}#{function}")
        return found(*arguments)


def _by_name(interfaces: Mapping[str, Functions]) -> dict[tuple[str, str], Callable[..., object]]:
    return {
        (interface_name(interface), name): function
        for interface, functions in interfaces.items()
        for name, function in functions.items()
    }
