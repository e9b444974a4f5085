"""Acts: native code of a component that several threads may hold: freed once, and not in use.

wasmtime's wrapper frees in `close` and in `__del__`, and lets go of the GIL before it has noted
that it did. The last reference may go on a thread of an executor, which keeps the result of its
work until it gets more; a weak reference can still be followed then. So an engine that is closed at
that moment would free the code a second time, and the process dies of that, now or later.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import wasmtime
from wasmtime.component import Component


class NativeCode(Component):
    """A component in native code. Any thread may close it, and it may be closed again.

    The pointer may be given to wasmtime inside of `used`, or by whoever closes it, before that.
    """

    _lock: threading.Lock  # of the three that follow
    _users: int
    _closed: bool
    _freed: bool

    def __new__(cls, *_arguments: object) -> NativeCode:
        # Not in `__init__`, which `deserialize` does not call.
        code = super().__new__(cls)
        code._lock = threading.Lock()
        code._users = 0
        code._closed = code._freed = False
        return code

    @classmethod
    def from_bytes(cls, engine: wasmtime.Engine, serialized: bytes | bytearray) -> NativeCode:
        """What `serialize` gave, of an engine with equal settings. Raises WasmtimeError."""
        return _checked(cls.deserialize(engine, serialized))

    @classmethod
    def from_code_file(cls, engine: wasmtime.Engine, path: str) -> NativeCode:
        """The same from a file, which stays open until the code is freed. Raises WasmtimeError."""
        return _checked(cls.deserialize_file(engine, path))

    @contextmanager
    def used(self) -> Iterator[None]:
        """It is not freed inside of this. Raises RuntimeError if it has been closed."""
        with self._lock:
            if self._closed:
                raise RuntimeError("the engine of this component is closed")
            self._users += 1
        try:
            yield
        finally:
            self._leave()

    def close(self) -> None:
        """Free it: now, or as soon as nobody uses it any more."""
        with self._lock:
            self._closed = True
            if self._users or self._freed:
                return
            self._freed = True
        super().close()

    def _leave(self) -> None:
        with self._lock:
            self._users -= 1
            closed = self._closed
        if closed:
            self.close()


def _checked(code: Component) -> NativeCode:
    assert isinstance(code, NativeCode), "it is made by the class that was asked"
    return code
