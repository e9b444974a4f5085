"""The interfaces of WASI 0.2 that toolchains leave in components, as the host serves them.

Their types are read from the .wit files beside those of the worlds, which have what is served and
nothing else. Files and sockets are not: nobody can get one, so the functions of their resources are
known by name only, and are there to be linked.

Source: WASI 0.2.12, https://github.com/WebAssembly/WASI, `wasip2`.
"""

from collections.abc import Mapping
from functools import cache
from importlib import resources

from airssys_wasm.components.engine.wit_parser import Package, parse_packages

VERSION = "0.2.12"

# A package comes after those whose types it uses.
_FILES = ("io", "clocks", "random", "cli", "filesystem", "sockets")

_METHODS: Mapping[str, Mapping[str, str]] = {
    "wasi:filesystem/types": {
        "descriptor": """
            read-via-stream write-via-stream append-via-stream advise sync-data get-flags get-type
            set-size set-times read write read-directory sync create-directory-at stat stat-at
            set-times-at link-at open-at readlink-at remove-directory-at rename-at symlink-at
            unlink-file-at is-same-object metadata-hash metadata-hash-at""",
        "directory-entry-stream": "read-directory-entry",
    },
    "wasi:sockets/ip-name-lookup": {"resolve-address-stream": "resolve-next-address subscribe"},
    "wasi:sockets/tcp": {
        "tcp-socket": """
            start-bind finish-bind start-connect finish-connect start-listen finish-listen accept
            local-address remote-address is-listening address-family set-listen-backlog-size
            keep-alive-enabled set-keep-alive-enabled keep-alive-idle-time set-keep-alive-idle-time
            keep-alive-interval set-keep-alive-interval keep-alive-count set-keep-alive-count
            hop-limit set-hop-limit receive-buffer-size set-receive-buffer-size send-buffer-size
            set-send-buffer-size subscribe shutdown"""
    },
    "wasi:sockets/udp": {
        "udp-socket": """
            start-bind finish-bind stream local-address remote-address address-family
            unicast-hop-limit set-unicast-hop-limit receive-buffer-size set-receive-buffer-size
            send-buffer-size set-send-buffer-size subscribe""",
        "incoming-datagram-stream": "receive subscribe",
        "outgoing-datagram-stream": "check-send send subscribe",
    },
}


@cache
def wasi() -> Package:
    """Functions and resources of the interfaces, by their names with the version.

    >>> sorted(wasi().functions["wasi:random/random@0.2.12"])
    ['get-random-bytes', 'get-random-u64']
    """
    folder = resources.files("airssys_wasm.components.wit") / "wasi"
    return parse_packages(
        folder.joinpath(f"{name}.wit").read_text(encoding="utf-8") for name in _FILES
    )


@cache
def unreachable() -> Mapping[str, frozenset[str]]:
    """Functions of resources that nobody can get.

    >>> "[method]descriptor.stat" in unreachable()["wasi:filesystem/types@0.2.12"]
    True
    """
    return {
        f"{interface}@{VERSION}": frozenset(
            f"[method]{resource}.{name}"
            for resource, names in methods.items()
            for name in names.split()
        )
        for interface, methods in _METHODS.items()
    }
