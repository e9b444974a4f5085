"""Acts: the part of wasmtime's C API that the fast path uses, called directly through ctypes.

The stock wheel declares the asynchronous API in `wasmtime._bindings` and wraps none of it. All
that depends on the layout of its structures is here and in `lowering.py` and `lifting.py`, so
the import fails, with ImportError, unless the wheel is exactly the one this was written for.

Always:
  - pointers are plain `int` addresses, and what an address belongs to is held by whoever made it;
  - the functions keep the GIL (`PyDLL`): a poll lasts one fuel slice at most, and giving the GIL
    away and back costs as much as the call. But a guest that has used up a slice is polled without
    it: other threads would hardly ever get it beside a loop that is never idle;
  - what is called for each message takes an `Argument` for everything, made once: to convert an
    `int` costs as much as the call. A plain `int` there would be cut to 32 bits;
  - a value that wasmtime wrote for us is read, then freed by `val_delete`, once; a value that we
    give to the guest is written into memory of ours and cloned by `val_clone`, which allocates
    with wasmtime's allocator. No structure is ever owned by both.

Source: wasmtime 50.0.1, `crates/c-api/include/wasmtime/{async,config,component}*.h`.
"""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Callable
from ctypes import c_bool, c_char_p, c_size_t, c_uint64, c_void_p
from importlib.metadata import version
from typing import Any, NewType, cast

import wasmtime
from wasmtime import _bindings
from wasmtime import _ffi as ffi

from airssys_wasm.components.engine.path_choice import FAST_PATH_VERSION

if version("wasmtime") != FAST_PATH_VERSION:
    raise ImportError(
        f"the fast path is for wasmtime {FAST_PATH_VERSION}, not {version('wasmtime')}"
    )

VALUE_SIZE = 32  # wasmtime_component_val_t: kind in the first word, then up to three words
VALUE_WORDS = 4
ENTRY_WORDS = 6  # wasmtime_component_valrecord_entry_t: a name (size, data), then a value
FUNC_WORDS = 4  # wasmtime_component_func_t
INSTANCE_WORDS = 2  # wasmtime_component_instance_t
CONTINUATION_WORDS = 3  # wasmtime_async_continuation_t: callback, env, finalizer

_SIZES: dict[str, int] = {
    "wasmtime_component_val": VALUE_SIZE,
    "wasmtime_component_valunion": 24,
    "wasmtime_component_valrecord_entry": 8 * ENTRY_WORDS,
    "wasmtime_component_vallist": 16,
    "wasmtime_component_valrecord": 16,
    "wasmtime_component_valtuple": 16,
    "wasmtime_component_valflags": 16,
    "wasmtime_component_valvariant": 24,
    "wasmtime_component_valresult": 16,
    "wasm_byte_vec_t": 16,
    "wasmtime_component_func": 8 * FUNC_WORDS,
    "wasmtime_component_instance": 8 * INSTANCE_WORDS,
    "wasmtime_async_continuation_t": 8 * CONTINUATION_WORDS,
}

for _name, _size in _SIZES.items():
    if ctypes.sizeof(getattr(_bindings, _name)) != _size:
        raise ImportError(f"{_name} is not {_size} bytes here: the fast path can't read it")
if _bindings.wasmtime_component_val.of.offset != 8:
    raise ImportError("the payload of a component value does not begin at byte 8")

# Where the bytes of a `bytes` object begin: lets a string be passed without a copy.
BYTES_OFFSET = bytes.__basicsize__ - 1
if ctypes.string_at(id(b"airssys") + BYTES_OFFSET, 7) != b"airssys":
    raise ImportError("this interpreter keeps the bytes of `bytes` elsewhere than CPython")


class Kind:
    """What the first byte of a value says it is."""

    BOOL = 0
    S8 = 1
    U8 = 2
    S16 = 3
    U16 = 4
    S32 = 5
    U32 = 6
    S64 = 7
    U64 = 8
    F32 = 9
    F64 = 10
    CHAR = 11
    STRING = 12
    LIST = 13
    RECORD = 14
    TUPLE = 15
    VARIANT = 16
    ENUM = 17
    OPTION = 18
    RESULT = 19
    FLAGS = 20


for _kind, _value in vars(Kind).items():
    if not _kind.startswith("_") and getattr(ffi, f"WASMTIME_COMPONENT_{_kind}").value != _value:
        raise ImportError(f"kind {_kind} is not {_value} in this wheel")

_library = ctypes.PyDLL(str(ffi.filename))
_free_library = ctypes.CDLL(str(ffi.filename))
_libc = ctypes.PyDLL(None)

Function = Callable[..., Any]

# What a foreign call takes as it is. It holds nothing alive.
Argument = NewType("Argument", object)


# An address as an argument.
pointer = cast(Callable[[int], Argument], c_void_p.from_param)


def number(value: int) -> Argument:
    """A number of 64 bits, or a size, as an argument."""
    return cast(Argument, c_uint64.from_param(value))


def _function(name: str, arguments: int | list[Any], result: Any = c_void_p) -> Function:
    # Indexing makes a function object of our own: the attribute is shared with the wrapper.
    function = _library[name]
    function.argtypes = [c_void_p] * arguments if isinstance(arguments, int) else arguments
    function.restype = result
    return function


def _of_arguments(name: str, result: Any) -> Any:
    """A function that takes nothing but `Argument`."""
    function = _library[name]
    function.restype = result
    return function


store_new = _function("wasmtime_store_new", 3)
store_context = _function("wasmtime_store_context", 1)
store_limiter = _function(
    "wasmtime_store_limiter", [c_void_p, *[ctypes.c_int64] * 5], None
)  # memory size, table elements, instances, tables, memories; -1 for the default
store_delete = _function("wasmtime_store_delete", 1, None)
set_fuel: Callable[[Argument, Argument], int | None] = _of_arguments(
    "wasmtime_context_set_fuel", c_void_p
)
get_fuel = _function("wasmtime_context_get_fuel", 2)
fuel_yield_interval = _function("wasmtime_context_fuel_async_yield_interval", [c_void_p, c_uint64])
export_index = _function(
    "wasmtime_component_get_export_index", [c_void_p, c_void_p, c_char_p, c_size_t]
)
export_index_delete = _function("wasmtime_component_export_index_delete", 1, None)
instance_get_func = _function("wasmtime_component_instance_get_func", 4, c_bool)
linker_instantiate = _function("wasmtime_component_linker_instantiate_async", 5)
linker_add_function = _function(
    "wasmtime_component_linker_instance_add_func_async",
    [c_void_p, c_char_p, c_size_t, c_void_p, c_void_p, c_void_p],
)
# func, context, arguments, their number, results, their number, error out. The arguments are
# read by the first poll, not before.
call_async: Callable[
    [Argument, Argument, Argument, Argument, Argument, Argument, Argument], int
] = _of_arguments("wasmtime_component_func_call_async", c_void_p)
future_poll: Callable[[Argument], bool] = _of_arguments("wasmtime_call_future_poll", c_bool)
# The same, while other threads may run. The host's callbacks take the GIL for themselves.
future_poll_free: Callable[[Argument], bool] = _free_library["wasmtime_call_future_poll"]
future_poll_free.restype = c_bool  # type: ignore[attr-defined]
future_delete: Callable[[Argument], None] = _of_arguments("wasmtime_call_future_delete", None)
val_clone = _function("wasmtime_component_val_clone", 2, None)
val_delete: Callable[[Argument], None] = _of_arguments("wasmtime_component_val_delete", None)
error_new = _function("wasmtime_error_new", [c_char_p])

_error_message = _function("wasmtime_error_message", 2, None)
_error_delete = _function("wasmtime_error_delete", 1, None)
_byte_vec_delete = _function("wasm_byte_vec_delete", 1, None)

# env, context, type, arguments, their number, results, their number, error out, continuation out
HostCallback = ctypes.CFUNCTYPE(
    None,
    *[c_void_p, c_void_p, c_void_p, c_void_p, c_size_t, c_void_p, c_size_t, c_void_p, c_void_p],
)

# `bool ready(void *env)` of a suspended call. strlen of a flag of two bytes is 0 or 1: a
# continuation that is no Python code can't raise, and costs a tenth.
CONTINUATION_READY: int = ctypes.cast(_libc["strlen"], c_void_p).value or 0

# The memory of this process: bytes by their address, words by an eighth of it. To look at a word
# costs a tenth of a foreign call and takes next to no stack: what a host function is given is read
# on the guest's fiber, whose first page is then all it ever needs. What is at an address has to be
# there, as everywhere with wasmtime's structures.
_ADDRESS_BITS = 48
MEMORY = memoryview((c_uint64 * (1 << _ADDRESS_BITS - 3)).from_address(0)).cast("B")
WORDS = MEMORY.cast("Q")


def take_error(error: int) -> str:
    """The text of an error that wasmtime gave us, which is freed by this."""
    text = (c_size_t * 2)()
    _error_message(error, text)
    try:
        return str(MEMORY[text[1] : text[1] + text[0]], "utf-8", "replace")
    finally:
        _byte_vec_delete(text)
        _error_delete(error)


def address_of(managed: wasmtime.Engine | wasmtime.Store | Any) -> int:
    """Where the object is that one of the wrapper's values stands for."""
    address = ctypes.cast(managed.ptr(), c_void_p).value
    if address is None:
        raise ValueError("already closed")
    return address


def words(count: int) -> array[int]:
    """Zeroed memory of `count` words of 8 bytes; `address_of_words` says where."""
    return array("Q", bytes(8 * count))


def address_of_words(memory: array[int]) -> int:
    """Where the words are, for as long as the array lives and does not grow."""
    return memory.buffer_info()[0]
