"""What goes to one node in one turn of the loop goes in one frame.

Pure. A frame costs the same whatever is in it, so that many small parts together cost a tenth of
what they cost alone. Parts leave in the order in which they came.
"""

from __future__ import annotations

import msgspec

from airssys_wasm.broker.nodes.wire import HEADER, Part, encode_part, frame_of

FULL = 64 * 1024  # bytes after which a frame goes without waiting for the end of the turn


class Outbox:
    """The parts for one node that have not gone yet, from the node `name` in its life `life`."""

    __slots__ = ("_life", "_name", "_parts", "_size")

    def __init__(self, name: str, life: str) -> None:
        self._name = name
        self._life = life
        self._parts: list[msgspec.Raw] = []
        self._size = HEADER

    def put(self, part: Part, most: int) -> bytes | None:
        """Add a part. The frame before it, when the two together are more than `most` bytes, or
        FULL."""
        data = encode_part(part)
        full = None
        if self._parts and self._size + len(data) > min(most, FULL):
            full = self.take()
        self._parts.append(msgspec.Raw(data))
        self._size += len(data)
        return full

    def take(self) -> bytes | None:
        """A frame with all of them; None when there is none."""
        if not self._parts:
            return None
        parts, self._parts, self._size = self._parts, [], HEADER
        return frame_of(self._name, self._life, parts)
