"""Acts: runs one incarnation of a component on a fiber, from the loop's own thread.

A call of an export is a future of wasmtime that this polls. A poll returns when the guest is done,
when it has called a host function, or when it has used a slice of fuel:

    call ──► poll ──┬──► done: the result, or the end of this incarnation
               ▲    ├──► a host function was called: run it here, write its result ──┐
               │    └──► the slice is used up: `pause`, so that others run ──────────┤
               └─────────────────────────────────────────────────────────────────────┘

Always:
  - one call at a time; while it waits the guest is suspended and other actors run;
  - a Store is of one incarnation: after a trap, a limit, an error of the host or a cancelled call
    it is dead and freed at once, the call future first;
  - memory is counted for all linear memories together, as the host makes them (`guest_memory.py`);
  - the host's functions, and nothing else of the host, run between two polls; whatever they raise
    ends this incarnation and is raised by `call`.

Source: wasmtime 50.0.1, `crates/c-api/include/wasmtime/async.h`.
"""

from __future__ import annotations

import asyncio
import ctypes
import sys
from collections.abc import Awaitable, Callable, Mapping
from threading import get_ident
from typing import cast

from airssys_wasm.components.engine import foreign
from airssys_wasm.components.engine.foreign import (
    Argument,
    call_async,
    future_delete,
    future_poll,
    future_poll_free,
    pointer,
    set_fuel,
    val_delete,
)
from airssys_wasm.components.engine.handles import give
from airssys_wasm.components.engine.host_calls import (
    DROPPED,
    HostCalls,
    Pause,
    Timeout,
    answer_in_time,
    next_turn,
)
from airssys_wasm.components.engine.interrupts import put_off
from airssys_wasm.components.engine.limits import (
    MAX_TABLE_ELEMENTS,
    MOST_OF_A_KIND,
    MOST_TABLES,
    UNBOUNDED_FUEL,
    CallTime,
    Limits,
    MemoryAccount,
    end_of,
    fuel_for_call,
    reply_limit,
    sent_limit,
)
from airssys_wasm.components.engine.linking import Export, HostFunction, Surroundings
from airssys_wasm.components.engine.traps import trap_of
from airssys_wasm.components.engine.values import OK, Ok
from airssys_wasm.components.errors import GuestTrap, InstanceClosed

# Fuel between two yields: about 0.1 ms of guest code, so that a spinning guest holds nobody up.
FUEL_SLICE = 100_000

# Host calls that return at once use no fuel to speak of, so they are counted as well.
HOST_CALLS_PER_TURN = 32

# The memory of an instance that wasmtime writes to, in words from the first.
_ERROR = foreign.VALUE_WORDS  # after the result
_FLAG = _ERROR + 1  # of a host call
_INSTANCE = _FLAG + 1
_FUNCTION = _INSTANCE + foreign.INSTANCE_WORDS
_ALL = _FUNCTION + foreign.FUNC_WORDS

_UNBOUNDED = foreign.number(UNBOUNDED_FUEL)


class Instance:
    """One incarnation of a component, with a Store of its own. Made by `Engine.instantiate`.

    Not thread-safe: it belongs to the thread of its loop.
    """

    __slots__ = (
        "__weakref__",
        "_at",
        "_busy",
        "_clock",
        "_component",
        "_context",
        "_error_at",
        "_export",
        "_exports",
        "_failure",
        "_fuel",
        "_function_at",
        "_future",
        "_host",
        "_limits",
        "_pause",
        "_request",
        "_result_at",
        "_shared",
        "_space",
        "_store",
        "_thread",
        "_timeout",
        "calls",
        "drops",
        "flag",
        "memory",
        "seconds",
    )

    def __init__(
        self,
        shared: Surroundings,
        component: object,
        exports: Mapping[str, Export],
        *,
        limits: Limits,
        host: HostCalls,
        clock: Callable[[], float],
        pause: Pause = next_turn,
        timeout: Timeout = asyncio.timeout,
    ) -> None:
        self._shared = shared
        self._component = component  # its code has to live as long as the Store
        self._exports = exports
        self._limits = limits
        self._host = host
        self._clock = clock
        self._pause = pause
        self._timeout = timeout
        self.memory = MemoryAccount(limits)
        self.calls = 0
        self.seconds = 0.0
        self.drops: list[int] = []
        self._export: Export | None = None  # what was called last, most often the same again
        self._request: tuple[HostFunction, tuple[object, ...], int] | None = None
        self._failure: BaseException | None = None
        self._future: Argument | None = None
        self._busy = False
        self._thread = get_ident()
        self._space = foreign.words(_ALL)
        where = foreign.address_of_words(self._space)
        self._at = where >> 3  # in `foreign.WORDS`
        self.flag = where + 8 * _FLAG
        self._result_at = pointer(where)
        self._error_at = pointer(where + 8 * _ERROR)
        self._function_at = pointer(where + 8 * _FUNCTION)
        self._fuel = _UNBOUNDED if limits.fuel is None else foreign.number(limits.fuel)
        self._store = foreign.store_new(shared.engine_at, None, None)
        self._context = pointer(foreign.store_context(self._store))
        foreign.store_limiter(
            self._store,
            -1 if shared.counts_memory else limits.memory,
            MAX_TABLE_ELEMENTS,
            limits.instances or MOST_OF_A_KIND,
            limits.tables or MOST_TABLES,
            MOST_OF_A_KIND,
        )
        set_fuel(self._context, self._fuel)
        foreign.fuel_yield_interval(self._context, FUEL_SLICE)

    @property
    def is_alive(self) -> bool:
        """Whether it can be called."""
        return bool(self._store)

    @property
    def memory_used(self) -> int | None:
        """Bytes of all linear memories together; None in a pool."""
        return self.memory.used if self._shared.counts_memory else None

    @property
    def memory_peak(self) -> int | None:
        """The most they ever were; None in a pool."""
        return self.memory.peak if self._shared.counts_memory else None

    @property
    def memory_nearly_full(self) -> bool:
        """Whether the peak is within a tenth of the limit."""
        return self.memory.nearly_full

    @property
    def fuel_used(self) -> int | None:
        """What the last call has used; None while one is in flight and after the end."""
        if not self._store or self._future is not None:
            return None
        left = ctypes.c_uint64()
        foreign.get_fuel(self._context, ctypes.byref(left))
        return fuel_for_call(self._limits) - left.value

    async def start(self, component: int) -> None:
        """Instantiate: runs the start functions of the guest, under the limits of a call."""
        self._begin()
        shared = self._shared
        await self._run(
            lambda: foreign.linker_instantiate(
                shared.linkage.address,
                self._context,
                component,
                8 * (self._at + _INSTANCE),
                self._error_at,
            )
        )
        self._busy = False

    async def call(self, function: str, *arguments: object) -> object:
        """What the export `function` of component-lifecycle returns, as in `values.py`.

        Raises GuestTrap for a trap and for a limit; this instance is closed then, and also when
        the call is cancelled or a host function raises, which is raised here. Raises TypeError
        for arguments that do not fit, ValueError for an unknown function, RuntimeError while
        another call is in flight and InstanceClosed after the end, all without harm.
        """
        export = self._export
        if export is None or export.name != function:
            export = self._look_up(function)
        if self._busy or not self._store or get_ident() != self._thread:
            self._refuse()
        export.write(arguments)
        self._busy = True
        shared = self._shared
        context, result_at = self._context, self._result_at
        try:
            set_fuel(context, self._fuel)
            shared.linkage.caller = self
            self.calls += 1
            started = self._clock()
            future = pointer(
                call_async(
                    self._function_at,
                    context,
                    export.given,
                    export.count,
                    result_at,
                    export.results,
                    self._error_at,
                )
            )
            self._future = future
            done = future_poll(future)
            shared.arena.keep.clear()  # the arguments have been read
            if put_off.pending:
                put_off.deliver()
            if done:
                self.seconds += self._clock() - started
            else:
                await self._drive(started)
            self._future = None
            future_delete(future)
            space = self._space
            if space[_ERROR]:
                raise self._end()
            result = None
            if export.lift is not None:
                try:
                    result = export.lift(self._at + 1)
                finally:
                    val_delete(result_at)
                    space[0] = 0
            # Most messages get OK: there is no reply to be looked at.
            if result is not OK and (result.__class__ is Ok or result.__class__ is list):
                limit = reply_limit(self._limits, function, result)
                if limit is not None:
                    raise GuestTrap(limit)
        except BaseException:
            self.close()
            raise
        self._busy = False
        return result

    def close(self) -> None:
        """Free the Store, also in the middle of a call: its future first. Does nothing again."""
        store, self._store = self._store, 0
        if not store:
            return
        future, self._future = self._future, None
        if future is not None:
            future_delete(future)
        error, self._space[_ERROR] = self._space[_ERROR], 0
        if error:
            foreign.take_error(error)
        foreign.store_delete(store)
        self._request = None
        linkage = self._shared.linkage
        if linkage.caller is self:
            linkage.caller = None

    def __del__(self) -> None:
        # At the end of the interpreter, what a Store calls into may be gone already.
        if getattr(self, "_store", 0) and not sys.is_finalizing():
            self.close()

    def called(self, function: HostFunction, arguments: tuple[object, ...], results: int) -> None:
        """The guest waits for a host function. Called on the fiber."""
        self._request = (function, arguments, results)

    def failed(self, error: BaseException) -> None:
        """The call of a host function could not even be read. Called on the fiber."""
        self._failure = error

    def _begin(self) -> None:
        if self._busy or not self._store:
            self._refuse()
        self._busy = True

    def _refuse(self) -> None:
        if not self._store:
            raise InstanceClosed
        if get_ident() != self._thread:
            raise RuntimeError("an instance can be called from the thread it was made on only")
        raise RuntimeError("a call is in flight: an instance takes one at a time")

    def _look_up(self, name: str) -> Export:
        """Find an export in this instance; ValueError if there is no such function."""
        export = self._exports.get(name)
        if export is None:
            raise ValueError(f"the component does not export {name!r}")
        if self._busy or not self._store or get_ident() != self._thread:
            self._refuse()
        instance = 8 * (self._at + _INSTANCE)
        self._export = None
        if not foreign.instance_get_func(
            instance, self._context, export.index_at, self._function_at
        ):
            raise ValueError(f"the component does not export {name!r}")
        self._export = export
        return export

    async def _run(self, create: Callable[[], int]) -> None:
        """A future from its first poll to its end, for what is not on the hot path."""
        try:
            self._shared.linkage.caller = self
            started = self._clock()
            self._future = future = pointer(create())
            if not future_poll(future):
                await self._drive(started)
            self._future = None
            future_delete(future)
            if self._space[_ERROR]:
                raise self._end()
        except BaseException:
            self.close()
            raise

    async def _drive(self, started: float) -> None:
        """Serve the guest and poll it again until it is done.

        One coroutine, as few are below it: each is memory that a suspended guest takes.
        """
        clock, linkage = self._clock, self._shared.linkage
        time = CallTime(self._limits, started)
        time.enter(started)
        now = clock()
        in_turn = 0
        poll = future_poll
        try:
            while True:
                time.leave(now)
                limit = time.passed(now)
                if limit is not None:
                    raise GuestTrap(limit)
                request, self._request = self._request, None
                if request is not None:
                    function, value = request[0], self._serve(*request)
                    in_turn += 1
                    if hasattr(type(value), "__await__"):
                        value = await answer_in_time(
                            cast(Awaitable[object], value), self._limits, time, clock, self._timeout
                        )
                        in_turn = 0
                        poll = future_poll
                    self._give(function, value, request[2])
                    value = None  # it may be large
                if request is None or in_turn == HOST_CALLS_PER_TURN:
                    await self._pause()
                    in_turn = 0
                    # A guest that is never idle leaves the GIL to other threads meanwhile.
                    poll = future_poll_free
                if not self._store or self._future is None:
                    raise InstanceClosed
                linkage.caller = self
                now = clock()
                time.enter(now)
                done = poll(self._future)
                now = clock()
                if put_off.pending:
                    put_off.deliver()
                if done:
                    time.leave(now)
                    return
        finally:
            self.seconds += time.guest(clock())

    def _serve(
        self, function: HostFunction, arguments: tuple[object, ...], _results: int
    ) -> object | Awaitable[object]:
        """Run a host function: its value, or what gives it."""
        limit = sent_limit(self._limits, function.interface, arguments)
        if limit is not None:
            raise GuestTrap(limit)
        if self.drops:
            drops, self.drops = self.drops, []
            self._host(*DROPPED, (drops,))
        return self._host(function.interface, function.name, arguments)

    def _give(self, function: HostFunction, value: object, results: int) -> None:
        """Write the value of a host function for the guest."""
        if not self._store:  # then there is nowhere to write to
            raise InstanceClosed
        result = function.result
        if result is not None:
            result.write((value,))
            foreign.val_clone(result.address, results)
            self._shared.arena.release()
        elif function.gives is not None:
            give(self._context, value, function.gives, results)
        elif value is not None:
            raise TypeError(f"{function.interface}#{function.name} has no result, not {value!r}")
        self._space[_FLAG] = 1

    def _end(self) -> BaseException:
        """What to raise for the error that wasmtime has left."""
        # Cleared first: an interrupt in between may lose an error, but never free it twice.
        error, self._space[_ERROR] = self._space[_ERROR], 0
        text = foreign.take_error(error)
        if self._failure is not None:
            failure, self._failure = self._failure, None
            return failure
        trap = trap_of(text, self.fuel_used)
        return GuestTrap(end_of(trap, self._limits, self.memory, self._shared.stack))
