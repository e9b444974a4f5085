"""Acts: gives an engine a pool of instances in the place of memory that is taken on demand.

With a pool the host does not make the guests' memories, so it can't count them: each memory is
bounded for itself, and what is used is not known.

Source: wasmtime 50.0.1, `crates/c-api/include/wasmtime/config.h`.
"""

from __future__ import annotations

import ctypes
import mmap
from importlib.metadata import version

import wasmtime
from wasmtime import _ffi as ffi

from airssys_wasm.components.engine.limits import MAX_TABLE_ELEMENTS
from airssys_wasm.components.engine.pooling import PoolSize

# What wasmtime says when all places are taken; it says so before anything of the guest runs.
FULL = "maximum concurrent"

_PAGE = 64 * 1024
_MEMORY = (4 * 1024 + 64) * 1024 * 1024  # what wasmtime reserves for each, with its guards
_TABLE = 8 * MAX_TABLE_ELEMENTS
_NO_ACCESS = 0
_RESERVED = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0)

_libc = ctypes.CDLL(None)
_mmap = _libc["mmap"]
_mmap.restype = ctypes.c_void_p
_mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
_munmap = _libc["munmap"]
_munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]


def why_no_pool(size: PoolSize, stack: int) -> str | None:
    """Why there can't be such a pool here, each fiber with `stack` bytes; None if there can.

    Asked before, since wasmtime ends the process when it does not get the address space.
    """
    if not hasattr(ffi, "wasmtime_pooling_allocation_strategy_set"):
        return f"wasmtime {version('wasmtime')} lets nobody have one"
    each = size.memories * _MEMORY + size.tables * _TABLE + stack + _PAGE
    address = _mmap(None, size.components * each, _NO_ACCESS, _RESERVED, -1, 0)
    if address in (None, ctypes.c_void_p(-1).value):
        return f"the system has no address space for {size.components} of {each} bytes each"
    _munmap(address, size.components * each)
    return None


def use_pool(config: wasmtime.Config, size: PoolSize) -> None:
    """Engines of this configuration have a pool of this size."""
    bounds = {
        "total_component_instances": size.components,
        "total_core_instances": size.components * size.instances,
        "total_memories": size.components * size.memories,
        "total_tables": size.components * size.tables,
        "total_stacks": size.components + 1,  # one for an instance that finds no place
        "max_core_instances_per_component": size.instances,
        "max_memories_per_component": size.memories,
        "max_tables_per_component": size.tables,
        "max_memories_per_module": size.memories,
        "max_tables_per_module": size.tables,
        "max_memory_size": -(-size.memory // _PAGE) * _PAGE,
        "table_elements": MAX_TABLE_ELEMENTS,
    }
    pool = ffi.wasmtime_pooling_allocation_config_new()
    try:
        for name, bound in bounds.items():
            getattr(ffi, f"wasmtime_pooling_allocation_config_{name}_set")(pool, bound)
        ffi.wasmtime_pooling_allocation_strategy_set(config.ptr(), pool)
    finally:
        ffi.wasmtime_pooling_allocation_config_delete(pool)
