"""The worlds this host runs, read from the .wit files that ship with it.

The files are part of the package, so that what a guest is compiled against
and what the host checks it against are the same text. Those of 1.1 are the
interfaces that are new or have more functions; the rest is that of 1.0 under
the newer version, so that what 1.0 has stays as it is.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from importlib import resources
from typing import Literal

from airssys_wasm.components.engine.wasi import unreachable, wasi
from airssys_wasm.components.engine.wit_parser import parse_world
from airssys_wasm.components.engine.world import World

Version = Literal["1.0", "1.1"]

LIFECYCLE = "airssys:core/component-lifecycle@1.0.0"

# An interface comes after what it uses.
_SHARED = (
    "types.wit",
    "errors.wit",
    "capabilities.wit",
    "component-lifecycle.wit",
    "host-messaging.wit",
    "host-services.wit",
)
_OWN: Mapping[Version, tuple[str, ...]] = {
    "1.0": ("storage.wit", "runtime-host.wit"),
    "1.1": (
        "storage.wit",
        "pubsub.wit",
        "calls.wit",
        "actors.wit",
        "batch.wit",
        "text.wit",
        "text-batch.wit",
        "runtime-host.wit",
    ),
}

# Worlds that export what a component need not: see `World.optional`.
_WITH_MORE = ("runtime-host-batch", "runtime-host-text", "runtime-host-text-batch")


@cache
def wit_files(version: Version) -> Mapping[str, str]:
    """The texts of the package `airssys:core` by file name, in the order in which they are read.

    >>> wit_files("1.1")["types.wit"].splitlines()[0]
    'package airssys:core@1.1.0;'
    """
    folder = resources.files("airssys_wasm.components.wit")
    own = folder if version == "1.0" else folder / version
    texts = {name: folder.joinpath(name).read_text(encoding="utf-8") for name in _SHARED}
    if version != "1.0":
        texts = {
            name: text.replace("package airssys:core@1.0.0;", f"package airssys:core@{version}.0;")
            for name, text in texts.items()
        }
    return texts | {name: (own / name).read_text(encoding="utf-8") for name in _OWN[version]}


@cache
def world_1_0() -> World:
    """World `runtime-host` of `airssys:core@1.0.0`.

    >>> sorted(world_1_0().exports[LIFECYCLE])[:2]
    ['handle-callback', 'handle-message']
    """
    return parse_world(wit_files("1.0").values(), "runtime-host")


@cache
def runtime_host() -> World:
    """What this host serves: world `runtime-host` of `airssys:core@1.1.0`, and with it 1.0, and
    what the worlds `runtime-host-batch`, `-text` and `-text-batch` export besides.

    The lifecycle has its name of 1.0, which is looked up first.

    >>> [name.partition("/")[2] for name in sorted(runtime_host().optional)]
    ['batch@1.1.0', 'text-batch@1.1.0', 'text@1.1.0']
    """
    texts = wit_files("1.1").values()
    world = parse_world(texts, "runtime-host")
    more = {
        interface: functions
        for name in _WITH_MORE
        for interface, functions in parse_world(texts, name).exports.items()
        if interface not in world.exports
    }
    return replace(world, exports=world_1_0().exports, optional=more, minor=1)


@cache
def host_world() -> World:
    """What this host serves altogether: `runtime_host`, and the interfaces of WASI.

    >>> "wasi:clocks/wall-clock@0.2.12" in host_world().imports
    True
    """
    world, more = runtime_host(), wasi()
    return replace(
        world,
        imports={**world.imports, **more.functions},
        resources=more.resources,
        unreachable=unreachable(),
    )
