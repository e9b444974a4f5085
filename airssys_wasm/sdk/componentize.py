"""Acts: turns a core module into a component of our world, with nothing but wasmtime's own parser.

    module  →  text of the component around it  →  binary with a hole  →  the module in the hole

The module's bytes stand in the component as they are, custom sections
(names, producers) included, and the same module gives the same bytes.
"""

import wasmtime
from wasmtime.component import Component

from airssys_wasm.components.engine.runtime_host import runtime_host, world_1_0
from airssys_wasm.components.engine.world import World
from airssys_wasm.sdk.component_text import component_text, unfit
from airssys_wasm.sdk.core_module import CoreModule, NotAModule, read_core_module, section, sections
from airssys_wasm.sdk.errors import CoreModuleUnfit

_CORE_MODULE = 1  # section id in a component, Component Model, "Binary.md"


def componentize(core: bytes, world: World | None = None, *, validate: bool = True) -> bytes:
    """The component around the core module `core`, in the world `runtime-host` unless told.

    That has the imports of 1.1, and exports the lifecycle of 1.0, so that a component which imports
    nothing newer runs on a host of 1.0; of `batch`, `text` and `text-batch` it exports what the
    module has. The module exports `memory`, the functions of each exported interface as
    `airssys:core/component-lifecycle@1.0.0#initialize`, and, if anything that
    is passed has to be stored, `cabi_realloc`; `cabi_post_…` functions are
    used where they are. It imports host functions under their interface's
    name, and only those become imports of the component. An exported
    `_initialize` runs first.

    Raises CoreModuleUnfit with every reason. With `validate` the result is
    compiled once, which finds what only a whole check of the code can find.
    """
    try:
        module = read_core_module(core)
    except NotAModule as error:
        raise CoreModuleUnfit((str(error),)) from error
    world = _world_for(module) if world is None else world
    reasons = unfit(module, world)
    if reasons:
        raise CoreModuleUnfit(tuple(reasons))
    component = fill(bytes(wasmtime.wat2wasm(component_text(module, world))), core)
    if validate:
        try:
            Component(wasmtime.Engine(), component)
        except wasmtime.WasmtimeError as error:
            raise CoreModuleUnfit((str(error),)) from error
    return component


def _world_for(module: CoreModule) -> World:
    latest = runtime_host()
    also = {
        interface: functions
        for interface, functions in latest.optional.items()
        if any(name.startswith(f"{interface}#") for name in module.functions)
    }
    return World(latest.name, latest.imports, {**world_1_0().exports, **also})


def fill(component: bytes, core: bytes) -> bytes:
    """Put `core` in place of the first core module of `component`."""
    out = bytearray(component[:8])
    filled = False
    for kind, contents in sections(component):
        if kind == _CORE_MODULE and not filled:
            contents, filled = core, True
        out += section(kind, contents)
    return bytes(out)
