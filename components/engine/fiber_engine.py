"""Acts: the fast path: guests on fibers, polled from the loop, over wasmtime's asynchronous C API.

For exactly one version of the wheel (see `foreign.py`), and one thread.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import Callable, Mapping
from threading import get_ident

import wasmtime
from wasmtime import _ffi as ffi
from wasmtime import component as wc

from airssys_wasm.components.engine import foreign
from airssys_wasm.components.engine.arena import Arena
from airssys_wasm.components.engine.compile_process import CodeSettings, configured
from airssys_wasm.components.engine.guest_memory import GuestMemories
from airssys_wasm.components.engine.host_calls import HostCalls, Pause, Timeout
from airssys_wasm.components.engine.instance import Instance
from airssys_wasm.components.engine.interrupts import unwrap_handlers, wrap_handlers
from airssys_wasm.components.engine.lifting import lifting
from airssys_wasm.components.engine.limits import Limits, MemoryAccount
from airssys_wasm.components.engine.linking import Export, Linkage, Surroundings
from airssys_wasm.components.engine.lowering import Lowering
from airssys_wasm.components.engine.pool_allocator import use_pool
from airssys_wasm.components.engine.pooling import PoolSize
from airssys_wasm.components.engine.turns import Turns
from airssys_wasm.components.engine.world import World, exported_interface

# Of a fiber, beyond what the guest may use: callbacks of Python run on top of the guest's frames.
_HOST_STACK = 512 * 1024


class FiberEngine:
    """The fast path's engine: one for many components, all of `world`.

    `stack` is what a guest may use, in bytes. `settings` names what compiled code depends on;
    compile with `engine`. Instances take their places in `pool`, if there is one, and memory is not
    counted then. Signal handlers are wrapped until `close` (see `interrupts.py`).
    """

    def __init__(self, world: World, *, stack: int, pool: PoolSize | None = None) -> None:
        self.settings = CodeSettings("fuel", stack, memories=True)
        config = configured(self.settings)
        ffi.wasmtime_config_async_stack_size_set(config.ptr(), stack + _HOST_STACK)
        self._memories = GuestMemories(self._account)
        if pool is None:
            self._memories.install(config)
        else:
            use_pool(config, pool)
        self.engine = wasmtime.Engine(config)
        self._world = world
        arena = Arena()
        self._linkage = Linkage(self.engine, world, arena)
        self._shared = Surroundings(
            self.engine,
            foreign.pointer(foreign.address_of(self.engine)),
            self._linkage,
            arena,
            self._memories,
            stack,
            counts_memory=pool is None,
        )
        self._callable = {
            interface: {
                name: (
                    Lowering(type_.params, arena, f"arguments of {name}"),
                    len(type_.params),
                    None if type_.result is None else lifting(type_.result),
                )
                for name, type_ in functions.items()
            }
            for interface, functions in world.callable.items()
        }
        self._exports: weakref.WeakKeyDictionary[wc.Component, Mapping[str, Export]] = (
            weakref.WeakKeyDictionary()
        )
        self._instances: weakref.WeakSet[Instance] = weakref.WeakSet()
        self._turns = Turns()
        self._closed = False
        self._thread = get_ident()
        wrap_handlers()

    async def instantiate(
        self,
        component: wc.Component,
        *,
        limits: Limits,
        host: HostCalls,
        clock: Callable[[], float],
        pause: Pause | None = None,
        timeout: Timeout = asyncio.timeout,
    ) -> Instance:
        """A new instance in a Store of its own, of a component that fits the world.

        `pause` gives others a turn when a slice of fuel is used up; `timeout` bounds a wait, as
        `asyncio.timeout` does. Raises GuestTrap when it traps or passes a limit as it begins.
        """
        if self._closed:
            raise RuntimeError("the engine is closed")
        if get_ident() != self._thread:
            # Who calls a host function is known only by whose poll it is in.
            raise RuntimeError("the fast path serves the thread on which its engine was made")
        instance = Instance(
            self._shared,
            component,
            self._exports_of(component),
            limits=limits,
            host=host,
            clock=clock,
            pause=pause or self._turns,
            timeout=timeout,
        )
        self._instances.add(instance)
        await instance.start(foreign.address_of(component))
        return instance

    def close(self) -> None:
        """End every instance. Does nothing again."""
        if self._closed:
            return
        self._closed = True
        for instance in list(self._instances):
            instance.close()
        unwrap_handlers()

    def _account(self) -> MemoryAccount:
        caller = self._linkage.caller
        assert caller is not None, "a memory is made inside a poll"
        return caller.memory

    def _exports_of(self, component: wc.Component) -> Mapping[str, Export]:
        found = self._exports.get(component)
        if found is None:
            names = component.type.exports(self.engine)
            found = {}
            for known, functions in self._callable.items():
                interface = exported_interface(names, known, self._world.minor)
                parent = interface and component.get_export_index(interface)
                if not parent:
                    if known in self._world.exports:
                        raise ValueError(f"the component does not export {known}")
                    continue
                for name, (arguments, count, lift) in functions.items():
                    index = component.get_export_index(name, parent)
                    if index is not None:
                        found[name] = Export(name, index, arguments, count, lift)
            self._exports[component] = found
        return found
