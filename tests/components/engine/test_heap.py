"""Memory that was freed goes back to the system."""

import ctypes
import threading

import pytest

from airssys_wasm.components.engine.heap import Heap, resident

LIBC = ctypes.CDLL(None)
MIB = 1024 * 1024
PIECE, COUNT = 1024, 200_000


@pytest.mark.skipif(not hasattr(LIBC, "malloc_trim"), reason="only glibc keeps what is freed")
def test_what_a_thread_has_freed_is_given_back_though_its_last_piece_is_in_use() -> None:
    LIBC.malloc.restype = ctypes.c_void_p
    LIBC.malloc.argtypes = [ctypes.c_size_t]
    kept: list[int] = []

    def work() -> None:
        pieces = [LIBC.malloc(PIECE) for _ in range(COUNT)]
        for piece in pieces:
            ctypes.memset(piece, 1, PIECE)
        kept.append(pieces.pop())
        for piece in pieces:
            LIBC.free(ctypes.c_void_p(piece))

    heap = Heap()
    heap.look()
    before = resident()
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert resident() - before > 100 * MIB
    heap.look()
    assert resident() - before < 50 * MIB
    LIBC.free(ctypes.c_void_p(kept.pop()))
