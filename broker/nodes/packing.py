"""How values are packed for another node, within what a frame can carry.

Pure. A message that can't be packed is its sender's mistake; an exit reason is told as well as can
be.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from airssys_wasm.broker.errors import NotEncodable, TooLarge
from airssys_wasm.broker.nodes.codecs import Codecs
from airssys_wasm.broker.nodes.wire import Packed
from airssys_wasm.kernel.reasons import Error

TEXT = 1_000  # characters of an error whose reason can't be carried


class Packing:
    """Packs what one node says. `room` says how many bytes a value may have."""

    def __init__(self, codecs: Codecs, room: Callable[[], int]) -> None:
        self._codecs = codecs
        self._room = room

    def message(self, value: object) -> Packed:
        """A value of a user. Raises NotEncodable, TooLarge."""
        return self._fitting(self._codecs.message(value))

    def signal(self, value: object) -> Packed:
        """A value of the nodes' own. Raises NotEncodable, TooLarge."""
        return self._fitting(self._codecs.signal(value))

    def reason(self, value: object) -> Packed:
        """An exit reason; of what can't be carried, its type and its text."""
        try:
            return self.signal(value)
        except (NotEncodable, TooLarge):
            given = value if isinstance(value, Error) else Error(type(value).__name__, text(value))
            return self._codecs.signal(Error(given.type[:TEXT], given.message[:TEXT]))

    def unpacked(self, packed: Packed) -> Any:
        """The value. Raises NotDecodable."""
        return self._codecs.unpacked(packed)

    def _fitting(self, packed: Packed) -> Packed:
        if len(packed.data) > self._room():
            raise TooLarge(len(packed.data), self._room())
        return packed


def text(value: object) -> str:
    """What a value says of itself, cut to length."""
    try:
        return str(value)[:TEXT]
    except Exception as broken:  # what a user wrote must not hide the failure
        return f"<str() raised {type(broken).__name__}>"
