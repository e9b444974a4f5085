"""How large a pool of instances has to be, and which components fit into it.

Pure. A pool sets aside the address space of all that its instances are made of, so that a new
instance takes a slot and asks the system for nothing. Its size is fixed when the engine is made.

Always:
  - there is room for `components` of the neediest kind, so the pool is full only when that many
    run, and one more is refused before anything of its guest has run;
  - what would make the pool larger than its bounds is left out, the neediest first: it runs beside
    the pool, on demand.

Source: wasmtime, `PoolingAllocationConfig`; Component Model, "Binary.md"; WebAssembly, "Modules".
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

# wasmtime reserves 4 GiB and a guard for each memory: 32 TiB of the 128 that a process has.
MOST_MEMORIES = 8_192
MOST_COMPONENTS = 8_192  # each has a stack, and the system counts each stack's guard
MOST_TABLES = 65_536  # of 8 MiB of address space each
MOST_INSTANCES = 1_000_000
MOST_MEMORY = 4 * 1024 * 1024 * 1024

_STEPS = 500_000  # bytes that are looked at: 0.1 s; a Python guest has 2,000 that count

_CORE_MODULE, _CORE_INSTANCE, _COMPONENT, _ALIAS, _IMPORT = 1, 2, 4, 6, 10
_MODULE_TABLES, _MODULE_MEMORIES = 4, 5
_CORE_SORT, _MODULE_SORT = 0x00, 0x11


@dataclass(frozen=True, slots=True)
class Needs:
    """What one instance of a component is made of: core instances, their memories and tables."""

    instances: int
    memories: int
    tables: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """`count` instances at a time, with `memory` bytes at most for each memory."""

    needs: Needs
    count: int
    memory: int


@dataclass(frozen=True, slots=True)
class PoolSize:
    """Room for `components` instances, each made of at most this many, of `memory` bytes each."""

    components: int
    instances: int
    memories: int
    tables: int
    memory: int

    def fits(self, needs: Needs, memory: int) -> bool:
        """Whether a component has a place in it, whose memories may have `memory` bytes each."""
        return (
            needs.instances <= self.instances
            and needs.memories <= self.memories
            and needs.tables <= self.tables
            and memory <= self.memory
        )


def pool_size(wanted: Iterable[Wanted]) -> PoolSize | None:
    """The pool for all of `wanted` that it can hold; None when that is nothing.

    >>> pool_size([Wanted(Needs(1, 1, 0), 100, 65536), Wanted(Needs(3, 1, 1), 10, 131072)])
    PoolSize(components=110, instances=3, memories=1, tables=1, memory=131072)
    """
    fitting = sorted(
        (want for want in wanted if want.count > 0 and want.memory <= MOST_MEMORY),
        key=lambda want: (want.needs.memories, want.needs.tables, want.needs.instances),
    )
    while fitting:
        count = sum(want.count for want in fitting)
        instances = max(want.needs.instances for want in fitting)
        memories = max(want.needs.memories for want in fitting)
        tables = max(want.needs.tables for want in fitting)
        if (
            count <= MOST_COMPONENTS
            and count * memories <= MOST_MEMORIES
            and count * tables <= MOST_TABLES
            and count * instances <= MOST_INSTANCES
        ):
            memory = max(want.memory for want in fitting)
            return PoolSize(count, instances, memories, tables, memory)
        fitting.pop()
    return None


class _Unknown(Exception):
    """The binary is not of a kind that is counted."""


def needs_of(binary: bytes) -> Needs | None:
    """What a component is made of; None if that can't be told without compiling it.

    Counted are components whose core modules are all their own: what toolchains make. Those that
    are composed of others with code, or import modules, are not.
    """
    try:
        return _component(binary)
    except (_Unknown, IndexError, RecursionError):
        return None


class _Reader:
    """A part of a binary. `steps` are what may still be read of all of it, in one list for all."""

    __slots__ = ("at", "data", "end", "steps")

    def __init__(self, data: bytes, at: int, end: int, steps: list[int]) -> None:
        self.data = data
        self.at = at
        self.end = end
        self.steps = steps

    def byte(self) -> int:
        self.steps[0] -= 1
        if self.at >= self.end or not self.steps[0]:
            raise _Unknown
        value = self.data[self.at]
        self.at += 1
        return value

    def number(self) -> int:
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
            if shift > 63:
                raise _Unknown

    def skip(self, size: int) -> None:
        if size > self.end - self.at:
            raise _Unknown
        self.at += size

    def name(self) -> None:
        self.skip(self.number())

    def sections(self) -> Iterable[tuple[int, _Reader]]:
        self.skip(8)
        while self.at < self.end:
            kind = self.byte()
            size = self.number()
            start = self.at
            self.skip(size)
            yield kind, _Reader(self.data, start, start + size, self.steps)


def _component(binary: bytes) -> Needs:
    modules: list[tuple[int, int]] = []  # memories and tables of each
    instances = memories = tables = 0
    for kind, section in _Reader(binary, 0, len(binary), [_STEPS]).sections():
        if kind == _CORE_MODULE:
            modules.append(_module(section))
        elif kind == _CORE_INSTANCE:
            for index in _instantiated(section):
                if index >= len(modules):
                    raise _Unknown
                instances += 1
                memories += modules[index][0]
                tables += modules[index][1]
        elif kind == _COMPONENT:
            _has_no_code(section)
        elif kind == _ALIAS:
            _aliases_no_module(section)
        elif kind == _IMPORT:
            _imports_no_module(section)
    return Needs(instances, memories, tables)


def _module(module: _Reader) -> tuple[int, int]:
    memories = tables = 0
    for kind, section in module.sections():
        if kind == _MODULE_MEMORIES:
            memories = section.number()
        elif kind == _MODULE_TABLES:
            tables = section.number()
    return memories, tables


def _instantiated(section: _Reader) -> Iterable[int]:
    for _ in range(section.number()):
        if section.byte() == 0:
            yield section.number()
            for _ in range(section.number()):
                section.name()
                section.byte()
                section.number()
        else:  # a bundle of exports, which takes no place
            for _ in range(section.number()):
                section.name()
                section.byte()
                section.number()


def _has_no_code(component: _Reader) -> None:
    for kind, section in component.sections():
        if kind in (_CORE_MODULE, _CORE_INSTANCE):
            raise _Unknown
        if kind == _COMPONENT:
            _has_no_code(section)


def _aliases_no_module(section: _Reader) -> None:
    for _ in range(section.number()):
        if section.byte() == _CORE_SORT and section.byte() == _MODULE_SORT:
            raise _Unknown
        target = section.byte()
        section.number()
        if target == 2:  # of an enclosing component: two numbers
            section.number()
        else:
            section.name()


def _imports_no_module(section: _Reader) -> None:
    for _ in range(section.number()):
        if section.byte() > 1:
            raise _Unknown
        section.name()
        if section.byte() not in (1, 3, 4, 5):  # a function, a type, a component, an instance
            raise _Unknown
        if section.data[section.at] == 0 and section.data[section.at - 1] == 3:
            section.byte()  # a type that equals another
        section.number()
