"""Acts: memory for the strings and lists of the value that is being written for foreign code.

One arena serves all instances of an engine: what is written is read, or copied, by the very next
foreign call.
"""

from __future__ import annotations

import ctypes

from airssys_wasm.components.engine.foreign import VALUE_SIZE, Kind

# Kept for the next message; 2 MiB of memory. A larger one gets memory of its own for the call.
_KEPT_CELLS = 65_536


class Arena:
    """Memory for the strings and lists of one value at a time.

    A `list<u8>` is an array of 32-byte values, each with its kind. The kinds are there already:
    only every 32nd byte is written. `used` cells are taken by the value that is being written;
    `keep` holds what it points to, and `turn` counts the values.
    """

    __slots__ = ("_address", "_buffer", "_cells", "keep", "turn", "used")

    def __init__(self) -> None:
        self.keep: list[object] = []
        self.used = 0
        self.turn = 0
        self._cells = 0
        self._address = 0
        self._buffer = bytearray()
        self._use(1024)

    def release(self) -> None:
        """Wasmtime has read what was written."""
        self.keep.clear()

    def put(self, value: bytes) -> int:
        """The address of `value` as the elements of a list<u8>."""
        if value.__class__ is not bytes:
            raise TypeError(f"expected bytes, not {type(value).__name__}")
        start = self.used
        end = start + len(value)
        if end > self._cells:
            return self._put_large(value)
        self._buffer[VALUE_SIZE * start + 8 : VALUE_SIZE * end : VALUE_SIZE] = value
        self.used = end
        return self._address + VALUE_SIZE * start

    def _put_large(self, value: bytes) -> int:
        cells = len(value)
        if cells <= _KEPT_CELLS // 2:
            self.keep.append(self._buffer)  # earlier lists of this value are in it
            self._use(min(_KEPT_CELLS, 2 * max(cells, self._cells)))
            return self.put(value)
        buffer = bytearray(bytes((Kind.U8,)) + bytes(VALUE_SIZE - 1)) * cells
        buffer[8::VALUE_SIZE] = value
        self.keep.append(buffer)
        return ctypes.addressof(ctypes.c_char.from_buffer(buffer))

    def _use(self, cells: int) -> None:
        self._cells = cells
        self.used = 0
        self._buffer = bytearray(bytes((Kind.U8,)) + bytes(VALUE_SIZE - 1)) * cells
        self._address = ctypes.addressof(ctypes.c_char.from_buffer(self._buffer))
