"""Acts: what guests of the fast path call and are called by: the host's functions in one linker.

All functions of the world are linked, whatever a component imports or was granted: wasmtime does
not look at the types of host functions made through the C API, so the check of `world.py` before
this is the only guard, and what is denied is denied when it is called.

One Python function serves them all. Called on the guest's fiber, it fills in the continuation
first (without one, wasmtime ends the process), then copies the arguments and returns. Nothing of
the host runs there. The work is done on the loop, after the poll has returned (`instance.py`).

Source: wasmtime 50.0.1, `component/linker.h`, `async.h`.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from ctypes import c_void_p
from dataclasses import dataclass
from typing import Protocol

import wasmtime
from wasmtime import component as wc

from airssys_wasm.components.engine import foreign
from airssys_wasm.components.engine.arena import Arena
from airssys_wasm.components.engine.foreign import WORDS
from airssys_wasm.components.engine.guest_memory import GuestMemories
from airssys_wasm.components.engine.handles import (
    Destructor,
    Take,
    define_resources,
    given_by,
    resource_ids,
    taking,
)
from airssys_wasm.components.engine.interrupts import never_interrupt
from airssys_wasm.components.engine.lifting import Lift, lift_arguments
from airssys_wasm.components.engine.limits import MemoryAccount
from airssys_wasm.components.engine.lowering import Lowering
from airssys_wasm.components.engine.traps import HOST_ERROR
from airssys_wasm.components.engine.world import World

_HOST_ERROR = HOST_ERROR.encode()

# For a call that failed: it has an error and must not wait.
_ready = foreign.words(1)
_ready[0] = 1
_READY_FLAG = foreign.address_of_words(_ready)


class Caller(Protocol):
    """The instance whose guest runs: told of the host function that the guest has called."""

    flag: int  # address of two bytes: the first is 1 when the results are there
    memory: MemoryAccount
    drops: list[int]  # numbers of handles that the guest has dropped

    def called(self, function: HostFunction, arguments: tuple[object, ...], results: int) -> None:
        """Remember it. Runs on the fiber: do nothing else."""
        ...

    def failed(self, error: BaseException) -> None:
        """Remember why the call can't go on."""
        ...


@dataclass(frozen=True, slots=True)
class HostFunction:
    """A function of the world as the linker knows it; `result` is None if it returns nothing.

    `takes` makes numbers of the handles among its arguments; `gives` is the resource whose handle
    it returns, which is then its whole result.
    """

    interface: str
    name: str
    arguments: Callable[[int], tuple[object, ...]]
    result: Lowering | None
    takes: Take | None = None
    gives: int | None = None


class Linkage:
    """A linker with the functions of `world`, and who their caller is.

    Keep it as long as there are Stores: they call into it.
    """

    __slots__ = ("_callback", "_destructor", "_linker", "address", "caller", "functions")

    def __init__(self, engine: wasmtime.Engine, world: World, arena: Arena) -> None:
        self.caller: Caller | None = None
        ids = resource_ids(world)
        self.functions = _host_functions(world, arena, ids)
        self._callback = foreign.HostCallback(self._called)
        self._destructor = Destructor(self._dropped)
        self._linker = wc.Linker(engine)
        self.address = foreign.pointer(foreign.address_of(self._linker))
        callback = ctypes.cast(self._callback, c_void_p)
        destructor = ctypes.cast(self._destructor, c_void_p).value or 0
        by_interface: dict[str, list[tuple[int, str]]] = {name: [] for name in world.imports}
        for number, function in enumerate(self.functions):
            by_interface[function.interface].append((number, function.name))
        with self._linker.root() as root:
            for interface, functions in by_interface.items():
                with root.add_instance(interface) as instance:
                    at = foreign.address_of(instance)
                    define_resources(at, world.resources.get(interface, {}), ids, destructor)
                    for number, name in functions:
                        raw = name.encode()
                        error = foreign.linker_add_function(
                            at, raw, len(raw), callback, number, None
                        )
                        if error:
                            raise RuntimeError(foreign.take_error(error))

    @never_interrupt
    def _called(
        self,
        number: int | None,
        context: int,
        _type: int,
        arguments: int,
        _count: int,
        results: int,
        _result_count: int,
        error: int,
        continuation: int,
    ) -> None:
        caller = self.caller
        out = continuation >> 3
        try:
            WORDS[out] = foreign.CONTINUATION_READY
            WORDS[out + 1] = flag = caller.flag  # type: ignore[union-attr]  # set before each poll
            WORDS[out + 2] = 0
            WORDS[flag >> 3] = 0
            # ctypes gives a null pointer as None, and 0 is the first of the functions.
            function = self.functions[number or 0]
            given = function.arguments(arguments)
            if function.takes is not None:
                given = function.takes(context, given)
            caller.called(function, given, results)  # type: ignore[union-attr]
        except BaseException as failure:
            WORDS[out] = foreign.CONTINUATION_READY
            WORDS[out + 1] = _READY_FLAG
            WORDS[out + 2] = 0
            WORDS[error >> 3] = foreign.error_new(_HOST_ERROR)
            if caller is not None:
                caller.failed(failure)

    @never_interrupt
    def _dropped(self, _env: int | None, _context: int, number: int) -> int:
        with suppress(BaseException):  # there is nobody to tell, and nothing may leave this
            if self.caller is not None:
                self.caller.drops.append(number)
        return 0


class Export:
    """A function that guests export: where it is in a component, and how to call it.

    `write` puts the arguments where `given` points, `count` of them; there are `results`, none or
    one, which `lift` reads.
    """

    __slots__ = ("count", "given", "index", "index_at", "lift", "name", "results", "write")

    def __init__(
        self, name: str, index: wc.ExportIndex, arguments: Lowering, count: int, lift: Lift | None
    ) -> None:
        self.name = name
        self.index = index  # what is at that address
        self.index_at = foreign.pointer(foreign.address_of(index))
        self.write = arguments.write
        self.given = foreign.pointer(arguments.address)
        self.count = foreign.number(count)
        self.results = foreign.number(lift is not None)
        self.lift = lift


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the instances of one engine share, and keep alive: their Stores call into it."""

    engine: wasmtime.Engine
    engine_at: foreign.Argument
    linkage: Linkage
    arena: Arena
    memories: GuestMemories
    stack: int  # bytes that a guest may use for its own calls
    counts_memory: bool  # or each memory is bounded for itself


def _host_functions(world: World, arena: Arena, ids: Mapping[str, int]) -> Sequence[HostFunction]:
    typed = [
        HostFunction(
            interface,
            name,
            lift_arguments(type_.params),
            None
            if type_.result is None or given_by(type_, ids) is not None
            else Lowering([type_.result], arena, f"result of {interface}#{name}"),
            taking(type_, ids),
            given_by(type_, ids),
        )
        for interface, functions in world.imports.items()
        for name, type_ in functions.items()
    ]
    untyped = [
        HostFunction(interface, name, lambda _: (), None)
        for interface, names in world.unreachable.items()
        for name in sorted(names)
    ]
    return typed + untyped
