"""Acts: handles of the host's own resources: how a guest's handle becomes a number, and back.

A resource is a number of ours, which the guest can only hand back. wasmtime keeps its tables: a
handle that a guest made up traps there, and one of another kind of resource is refused here.

Always:
  - what a guest lends for a call is given back before the call goes on: nothing borrowed is kept;
  - a handle that a function returns belongs to the guest, which drops it.

Source: wasmtime 50.0.1, `component/val.h`, "resources".
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence
from ctypes import c_uint32, c_void_p
from typing import Any

from wasmtime import _ffi as ffi

from airssys_wasm.components.engine.world import ForeignType, FuncType, ListType, Type, World

Take = Callable[[int, tuple[object, ...]], tuple[object, ...]]

KIND: int = int(ffi.WASMTIME_COMPONENT_RESOURCE.value)

_library = ctypes.PyDLL(str(ffi.filename))  # quick: the GIL is kept


def _function(name: str, arguments: Sequence[Any], result: Any = c_void_p) -> Callable[..., Any]:
    function = _library[name]
    function.argtypes = list(arguments)
    function.restype = result
    return function


_any_to_host = _function("wasmtime_component_resource_any_to_host", [c_void_p] * 3)
_host_to_any = _function("wasmtime_component_resource_host_to_any", [c_void_p] * 3)
_any_drop = _function("wasmtime_component_resource_any_drop", [c_void_p] * 2)
_any_delete = _function("wasmtime_component_resource_any_delete", [c_void_p], None)
_host_new = _function("wasmtime_component_resource_host_new", [ctypes.c_bool, c_uint32, c_uint32])
_host_number = _function("wasmtime_component_resource_host_rep", [c_void_p], c_uint32)
_host_type = _function("wasmtime_component_resource_host_type", [c_void_p], c_uint32)
_host_delete = _function("wasmtime_component_resource_host_delete", [c_void_p], None)
_type_new = _function("wasmtime_component_resource_type_new_host", [c_uint32])
_type_delete = _function("wasmtime_component_resource_type_delete", [c_void_p], None)
_error_delete = _function("wasmtime_error_delete", [c_void_p], None)
_add_resource = _function(
    "wasmtime_component_linker_instance_add_resource",
    [c_void_p, ctypes.c_char_p, ctypes.c_size_t, c_void_p, c_void_p, c_void_p, c_void_p],
)

# env, context, number
Destructor = ctypes.CFUNCTYPE(ctypes.c_size_t, c_void_p, c_void_p, c_uint32)


def resource_ids(world: World) -> dict[str, int]:
    """A number for each resource of a world, by its full name; never 0."""
    names = {full for named in world.resources.values() for full in named.values()}
    return {full: number for number, full in enumerate(sorted(names), start=1)}


def define_resources(
    instance: int, named: Mapping[str, str], ids: Mapping[str, int], destructor: int
) -> None:
    """Give an instance of a linker the resources that its interface has."""
    for name, full in named.items():
        raw = name.encode()
        type_ = _type_new(ids[full])
        error = _add_resource(instance, raw, len(raw), type_, destructor, None, None)
        _type_delete(type_)
        if error:
            _error_delete(error)
            raise RuntimeError(f"the resource {name} can't be defined")


def taking(function: FuncType, ids: Mapping[str, int]) -> Take | None:
    """Makes numbers of the handles among arguments; None for a function that takes none."""
    parts = [_part(param, ids) for param in function.params]
    if not any(parts):
        return None

    def take(context: int, arguments: tuple[object, ...]) -> tuple[object, ...]:
        return tuple(
            argument if part is None else part(context, argument)
            for part, argument in zip(parts, arguments, strict=True)
        )

    return take


def given_by(function: FuncType, ids: Mapping[str, int]) -> int | None:
    """Of which resource the handle is that a function returns; None if it returns none."""
    result = function.result
    return ids[result.resource] if isinstance(result, ForeignType) else None


def give(context: object, number: object, resource: int, target: int) -> None:
    """Write a handle for our `number` to the empty value at `target`; the guest owns it."""
    if not isinstance(number, int):
        raise TypeError(f"a handle is a number, not {number!r}")
    host = _host_new(True, number, resource)
    made = c_void_p()
    error = _host_to_any(context, host, ctypes.byref(made))
    _host_delete(host)
    if error:
        _error_delete(error)
        raise RuntimeError("wasmtime takes no more handles")
    words = (ctypes.c_uint64 * 2).from_address(target)
    words[0], words[1] = KIND, made.value or 0


def _part(type_: Type, ids: Mapping[str, int]) -> Callable[[int, Any], object] | None:
    match type_:
        case ForeignType("borrow", resource):
            expected = ids[resource]
            return lambda context, address: _number(context, address, expected)
        case ListType(ForeignType("borrow", resource)):
            expected = ids[resource]
            return lambda context, addresses: [
                _number(context, address, expected) for address in addresses
            ]
    return None


def _number(context: int, address: int, resource: int) -> int:
    """Our number for a handle that the guest lends, which has it back after this."""
    host = c_void_p()
    error = _any_to_host(context, address, ctypes.byref(host))
    if error:
        _error_delete(error)
        raise TypeError("the guest handed over a resource that is not of the host")
    number, kind = _host_number(host), _host_type(host)
    _host_delete(host)
    error = _any_drop(context, address)
    if error:
        _error_delete(error)
    if kind != resource:
        raise TypeError("the guest handed over a resource of another kind")
    return int(number)
