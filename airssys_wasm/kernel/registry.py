"""Which actor has which name. One name an actor, one actor a name; a name is never stolen.

Pure. Source: Erlang/OTP, Reference Manual, "Processes", "Registered Processes".
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

from airssys_wasm.kernel.errors import NameTaken, NotRegistered
from airssys_wasm.kernel.statistics import RegistryStatistics

R = TypeVar("R")

RESERVED = frozenset({"undefined", "normal", "self", "parent"})


def check_name(name: object) -> str:
    """`name`, if it can name an actor: a non-empty string without white space around it.

    Raises TypeError or ValueError that says what is wrong.
    """
    if not isinstance(name, str):
        raise TypeError(f"a name is a string, not {name!r}")
    if not name or name != name.strip() or not name.isprintable():
        raise ValueError(f"{name!r} can't be a name: empty, white space around it, or unprintable")
    if name in RESERVED:
        raise ValueError(f"{name!r} is a reserved word and can't be a name")
    return name


class Registry(Generic[R]):
    """Names to refs.

    >>> names = Registry[int]()
    >>> names.register("store", 7)
    >>> names.find("store"), names.find("other")
    (7, None)
    """

    def __init__(self) -> None:
        self._refs: dict[str, R] = {}
        self.find = self._refs.get

    def register(self, name: str, ref: R) -> None:
        """Give `name` to `ref`. Raises NameTaken when another has it."""
        holder = self._refs.get(name)
        if holder is not None:
            raise NameTaken(name, holder)
        self._refs[name] = ref

    def hand_over(self, name: str, ref: R) -> None:
        """`ref` has `name` from now on, whoever had it before."""
        self._refs[name] = ref

    def unregister(self, name: str) -> R:
        """Free `name`; gives who had it. Raises NotRegistered when nobody had."""
        try:
            return self._refs.pop(name)
        except KeyError:
            raise NotRegistered(name) from None

    def statistics(self) -> RegistryStatistics:
        """How many names are taken."""
        return RegistryStatistics(len(self._refs))

    def __iter__(self) -> Iterator[str]:
        return iter(self._refs)

    def __len__(self) -> int:
        return len(self._refs)
