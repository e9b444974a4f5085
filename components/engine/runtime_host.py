"""The world this host runs, read from the .wit files that ship with it.

The files are part of the package, so that what a guest is compiled against
and what the host checks it against are the same text.
"""

from functools import cache
from importlib import resources

from airssys_wasm.components.engine.wit_parser import parse_world
from airssys_wasm.components.engine.world import World

LIFECYCLE = "airssys:core/component-lifecycle@1.0.0"

# An interface comes after what it uses.
_FILES = (
    "types.wit",
    "errors.wit",
    "capabilities.wit",
    "component-lifecycle.wit",
    "host-messaging.wit",
    "host-services.wit",
    "storage.wit",
    "runtime-host.wit",
)


@cache
def runtime_host() -> World:
    """World `runtime-host` of `airssys:core@1.0.0`.

    >>> sorted(runtime_host().exports[LIFECYCLE])[:2]
    ['handle-callback', 'handle-message']
    """
    folder = resources.files("airssys_wasm.components.wit")
    texts = [folder.joinpath(name).read_text(encoding="utf-8") for name in _FILES]
    return parse_world(texts, "runtime-host")
