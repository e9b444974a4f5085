"""What a component imports and was granted nothing of.

Pure. Functions of the world always link, since some toolchains import all of them; what is not
granted is denied when it is called. So this is a word at the start, or a refusal where strict.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from airssys_wasm.components.security.capability import Capabilities
from airssys_wasm.kernel.errors import AirssysError

# Of which grants an interface needs at least one, and the line that gives it the most.
_NEEDS = {
    "storage": ("storage",),
    "host-messaging": ("messaging.send", "messaging.request"),
    "pubsub": ("messaging.publish", "messaging.subscribe"),
    "calls": ("messaging.request",),
    "actors": ("messaging.spawn", "messaging.send", "messaging.request"),
    "wasi:clocks/monotonic-clock": ("time",),
    "wasi:clocks/wall-clock": ("time",),
    "wasi:random/random": ("random",),
    "wasi:random/insecure": ("random",),
    "wasi:random/insecure-seed": ("random",),
}
_LINES = {
    "storage": "{storage: {access: read-write}}",
    "host-messaging": "{messaging: {send: [NAME], request: [NAME]}}",
    "pubsub": "{messaging: {publish: [TOPIC], subscribe: [TOPIC]}}",
    "calls": "{messaging: {request: [NAME]}}",
    "actors": "{messaging: {spawn: [NAME]}}",
    "wasi:clocks/monotonic-clock": "{time: true}",
    "wasi:clocks/wall-clock": "{time: true}",
    "wasi:random/random": "{random: true}",
    "wasi:random/insecure": "{random: true}",
    "wasi:random/insecure-seed": "{random: true}",
}


def _has(capabilities: Capabilities, grant: str) -> bool:
    family, _, right = grant.partition(".")
    if family == "storage":
        return capabilities.storage is not None
    if family != "messaging":
        return capabilities.time if family == "time" else capabilities.random
    return bool(getattr(capabilities.messaging, right))


class UngrantedImports(AirssysError):
    """The component imports interfaces of which nothing is granted, and `strict_imports` is set.

    `problems` names each with the line to add.
    """

    def __init__(self, label: str, problems: tuple[str, ...]) -> None:
        super().__init__(f"{label}: {'; '.join(problems)}")
        self.problems = problems


@dataclass(frozen=True, slots=True)
class MissingGrant:
    """An imported interface of which nothing is granted, its family, and the line to add."""

    interface: str
    family: str
    line: str


def missing_grants(imports: Iterable[str], capabilities: Capabilities) -> tuple[MissingGrant, ...]:
    """What is imported and not granted, in the order of `imports`.

    >>> missing_grants(["airssys:core/storage@1.0.0"], Capabilities())[0].line
    'capabilities: {storage: {access: read-write}}'
    """
    found: list[MissingGrant] = []
    for interface in imports:
        name = interface.partition("@")[0].removeprefix("airssys:core/")
        needs = _NEEDS.get(name)
        if needs is not None and not any(_has(capabilities, grant) for grant in needs):
            family = needs[0].partition(".")[0]
            found.append(MissingGrant(interface, family, f"capabilities: {_LINES[name]}"))
    return tuple(found)


def ungranted(imports: Iterable[str], capabilities: Capabilities) -> tuple[str, ...]:
    """A sentence for each imported interface of which nothing is granted, with the line to add.

    >>> for problem in ungranted(["airssys:core/storage@1.0.0"], Capabilities()): print(problem)
    imports airssys:core/storage@1.0.0, but is granted no storage; \
add capabilities: {storage: {access: read-write}}
    """
    return tuple(
        f"imports {grant.interface}, but is granted no {grant.family}; add {grant.line}"
        for grant in missing_grants(imports, capabilities)
    )
