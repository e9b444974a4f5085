"""Acts: gives guests their linear memories, so that what they take is counted as it is taken.

wasmtime asks the functions here for each memory and each growth. The account
of the incarnation decides; a refusal makes `memory.grow` return -1, and is
remembered there.

Always:
  - address space is reserved once, with the guard that wasmtime asked for, and
    only what was granted can be touched; it comes zeroed from the system;
  - the system takes it back when wasmtime drops the Store, on any thread;
  - nothing is raised into wasmtime: a failure is one of its errors;
  - `install` also turns `memory_init_cow` off, without which the process aborts.

Source: wasmtime 50.0.1, `crates/c-api/include/wasmtime/config.h`
(`wasmtime_memory_creator_t`).
"""

from __future__ import annotations

import ctypes
import itertools
import mmap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import wasmtime
from wasmtime import _ffi as ffi

from airssys_wasm.components.engine.interrupts import never_interrupt
from airssys_wasm.components.engine.limits import MemoryAccount

_libc = ctypes.CDLL(None, use_errno=True)
_mmap = _libc["mmap"]
_mmap.restype = ctypes.c_void_p
_mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
_mprotect = _libc["mprotect"]
_mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
_munmap = _libc["munmap"]
_munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]

_FAILED = ctypes.c_void_p(-1).value
_NO_ACCESS = 0
_RESERVED = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | getattr(mmap, "MAP_NORESERVE", 0)
_READ_WRITE = mmap.PROT_READ | mmap.PROT_WRITE

_Finalizer = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


@dataclass(slots=True)
class _Memory:
    account: MemoryAccount
    base: int
    size: int
    capacity: int
    mapped: int


class GuestMemories:
    """All linear memories of the guests of one engine.

    `account_of_creator()` is asked, on the thread that instantiates, whose
    memory it is. Keep this object for as long as the engine and its Stores.
    """

    def __init__(self, account_of_creator: Callable[[], MemoryAccount]) -> None:
        self._account_of_creator = account_of_creator
        self._memories: dict[int, _Memory] = {}
        self._ids = itertools.count(1)
        # wasmtime holds bare pointers to these.
        self._new = ffi.wasmtime_new_memory_callback_t(self._new_memory)
        self._get = ffi.wasmtime_memory_get_callback_t(self._get_memory)
        self._grow = ffi.wasmtime_memory_grow_callback_t(self._grow_memory)
        self._drop = _Finalizer(self._drop_memory)

    @staticmethod
    def available() -> bool:
        """Whether this wheel lets a host create memories."""
        return hasattr(ffi, "wasmtime_config_host_memory_creator_set")

    def __len__(self) -> int:
        """How many memories are alive."""
        return len(self._memories)

    def install(self, config: wasmtime.Config) -> None:
        """Make the engine of this configuration take its memories from here."""
        # Or the process aborts; see `compile_process.py`.
        config.memory_init_cow = False
        creator = ffi.wasmtime_memory_creator_t(None, self._new, _Finalizer())
        ffi.wasmtime_config_host_memory_creator_set(config.ptr(), ctypes.byref(creator))

    @never_interrupt
    def _new_memory(
        self,
        _env: object,
        _type: object,
        minimum: int,
        maximum: int,
        reserved: int,
        guard: int,
        out: Any,
    ) -> int:
        try:
            account = self._account_of_creator()
            if not account.grow(minimum):
                return _error("the memory a component begins with is over the limit")
            # Without a reservation a memory never moves here, so all it may become is set aside.
            capacity = _pages(max(reserved or min(maximum, account.limit), minimum))
            mapped = capacity + _pages(guard)
            base = _mmap(None, max(mapped, mmap.PAGESIZE), _NO_ACCESS, _RESERVED, -1, 0)
            if base in (None, _FAILED):
                account.release(minimum)
                return _error("the system has no address space left for a memory")
            memory = _Memory(account, base, minimum, capacity, max(mapped, mmap.PAGESIZE))
            if minimum and _mprotect(base, _pages(minimum), _READ_WRITE):
                _munmap(base, memory.mapped)
                account.release(minimum)
                return _error("the system has no memory left")
            key = next(self._ids)
            self._memories[key] = memory
            linear = out.contents
            linear.env = key
            linear.get_memory = self._get
            linear.grow_memory = self._grow
            linear.finalizer = self._drop
        except BaseException as error:
            return _error(f"a memory can't be made: {type(error).__name__}")
        return 0

    @never_interrupt
    def _get_memory(self, env: int, size: Any, capacity: Any) -> int:
        memory = self._memories[env]
        size[0] = memory.size
        capacity[0] = memory.capacity
        return memory.base

    @never_interrupt
    def _grow_memory(self, env: int, new_size: int) -> int:
        try:
            memory = self._memories[env]
            by = new_size - memory.size
            if not memory.account.grow(by):
                return _error("over the limit")
            usable = new_size <= memory.capacity and not _mprotect(
                memory.base, _pages(new_size), _READ_WRITE
            )
            if not usable:
                memory.account.release(by)
                return _error("the system has no memory left")
            memory.size = new_size
        except BaseException as error:
            return _error(f"a memory can't grow: {type(error).__name__}")
        return 0

    @never_interrupt
    def _drop_memory(self, env: int) -> None:
        memory = self._memories.pop(env, None)
        if memory is not None:
            memory.account.release(memory.size)
            _munmap(memory.base, memory.mapped)


def _pages(size: int) -> int:
    return -(-size // mmap.PAGESIZE) * mmap.PAGESIZE


def _error(text: str) -> int:
    error = wasmtime.WasmtimeError(text)._consume()
    return ctypes.cast(error, ctypes.c_void_p).value or 0
