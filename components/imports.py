"""What a component imports and was granted nothing of.

Pure. Functions of the world always link, since some toolchains import all of them; what is not
granted is denied when it is called. So this is a word at the start, or a refusal where strict.
"""

from __future__ import annotations

from collections.abc import Iterable

from airssys_wasm.components.security.capability import Capabilities
from airssys_wasm.kernel.errors import AirssysError


class UngrantedImports(AirssysError):
    """The component imports interfaces of which nothing is granted, and `strict_imports` is set.

    `problems` names each with the line to add.
    """

    def __init__(self, label: str, problems: tuple[str, ...]) -> None:
        super().__init__(f"{label}: {'; '.join(problems)}")
        self.problems = problems


def ungranted(imports: Iterable[str], capabilities: Capabilities) -> tuple[str, ...]:
    """A sentence for each imported interface of which nothing is granted, with the line to add.

    >>> for problem in ungranted(["airssys:core/storage@1.0.0"], Capabilities()): print(problem)
    imports airssys:core/storage@1.0.0, but is granted no storage; \
add capabilities: {storage: {access: read-write}}
    """
    messaging = capabilities.messaging
    found: list[str] = []
    for interface in imports:
        match interface.partition("@")[0]:
            case "airssys:core/storage" if capabilities.storage is None:
                what, line = "storage", "{storage: {access: read-write}}"
            case "airssys:core/host-messaging" if not messaging.send and not messaging.request:
                what, line = "messaging", "{messaging: {send: [NAME], request: [NAME]}}"
            case _:
                continue
        found.append(f"imports {interface}, but is granted no {what}; add capabilities: {line}")
    return tuple(found)
