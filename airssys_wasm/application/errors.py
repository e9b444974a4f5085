"""The errors of a whole system."""

from __future__ import annotations

from airssys_wasm.kernel.errors import AirssysError


class SystemFailed(AirssysError):
    """The root supervisor ended though nobody asked it to.

    `reason` is its exit reason. `chain` leads from what the root says of it down to the first
    failure: `GaveUp` for each supervisor that gave up, then the reason of the actor under them.
    """

    def __init__(self, name: str, reason: object, chain: tuple[object, ...]) -> None:
        links = "".join(f"\n  because {link}" for link in chain)
        super().__init__(f"the system {name!r} failed: {reason}{links}")
        self.reason = reason
        self.chain = chain


class ControlUnavailable(AirssysError):
    """There is no control socket to listen on or to ask; the text says why."""
