"""Native code is freed once and not while it is used, whichever threads hold, use and close it."""

import threading
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import wasmtime

from airssys_wasm.components.engine.native_code import NativeCode

COMPONENT = bytes(wasmtime.wat2wasm("(component (core module (func unreachable)))"))


class Watched(NativeCode):
    """Tells each time that it is freed, and takes as long for it as it is told to."""

    freed: list[int]
    begun: threading.Event
    go_on: threading.Event

    def _delete(self, ptr: Any) -> None:
        self.freed.append(threading.get_ident())
        self.begun.set()
        assert self.go_on.wait(10)
        super()._delete(ptr)


def watched() -> Watched:
    made = Watched(wasmtime.Engine(), COMPONENT)
    assert isinstance(made, Watched)
    made.freed, made.begun, made.go_on = [], threading.Event(), threading.Event()
    return made


@pytest.fixture
def code() -> Watched:
    return watched()


def on_thread(work: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


def test_two_threads_that_close_it_at_once_free_it_once(code: Watched) -> None:
    thread = on_thread(code.close)
    assert code.begun.wait(10)
    code.close()
    code.go_on.set()
    thread.join()
    code.close()
    assert code.freed == [thread.ident]


def test_it_is_freed_once_if_it_is_closed_while_its_last_reference_goes_on_a_thread() -> None:
    held = [watched()]
    freed, begun, go_on = held[0].freed, held[0].begun, held[0].go_on
    followed = weakref.ref(held[0])
    thread = on_thread(held.clear)
    assert begun.wait(10)
    code = followed()  # its `__del__` runs, and a weak reference still leads to it
    assert code is not None
    code.close()
    go_on.set()
    thread.join()
    del code
    assert freed == [thread.ident]


def test_who_uses_it_can_end_though_it_has_been_closed(code: Watched) -> None:
    code.go_on.set()
    with code.used(), code.used():
        code.close()
        assert code.freed == []
        assert code.type is not None
    assert code.freed == [threading.get_ident()]


def test_what_has_been_closed_can_not_be_used(code: Watched) -> None:
    code.go_on.set()
    code.close()
    with pytest.raises(RuntimeError, match="the engine of this component is closed"), code.used():
        pass
