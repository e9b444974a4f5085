"""Which actor has which name. One name an actor, one actor a name; a name is never stolen.

Pure. Source: Erlang/OTP, Reference Manual, "Processes", "Registered Processes".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
        self.lookup = self.find  # whom an address means: who is here, or else elsewhere
        self._changed: Callable[[str, R | None], None] | None = None

    def span(
        self, elsewhere: Callable[[str], R | None], changed: Callable[[str, R | None], None]
    ) -> None:
        """Have `lookup` ask `elsewhere` for a name that nobody has here, and `changed` be called
        with each name that is given (to whom) or freed (None)."""
        find = self.find

        def lookup(name: str) -> R | None:
            ref = find(name)
            return elsewhere(name) if ref is None else ref

        self.lookup = lookup  # type: ignore[assignment]  # called with a name alone
        self._changed = changed

    def register(self, name: str, ref: R) -> None:
        """Give `name` to `ref`. Raises NameTaken when another has it."""
        holder = self._refs.get(name)
        if holder is not None:
            raise NameTaken(name, holder)
        self._refs[name] = ref
        if self._changed is not None:
            self._changed(name, ref)

    def hand_over(self, name: str, ref: R) -> None:
        """`ref` has `name` from now on, whoever had it before."""
        self._refs[name] = ref
        if self._changed is not None:
            self._changed(name, ref)

    def unregister(self, name: str) -> R:
        """Free `name`; gives who had it. Raises NotRegistered when nobody had."""
        try:
            ref = self._refs.pop(name)
        except KeyError:
            raise NotRegistered(name) from None
        if self._changed is not None:
            self._changed(name, None)
        return ref

    def statistics(self) -> RegistryStatistics:
        """How many names are taken."""
        return RegistryStatistics(len(self._refs))

    def __iter__(self) -> Iterator[str]:
        return iter(self._refs)

    def __len__(self) -> int:
        return len(self._refs)
