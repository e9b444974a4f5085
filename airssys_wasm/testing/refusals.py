"""Acts: what would leave a simulation, replaced by an error that names the call."""

from __future__ import annotations

import _thread
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing.process import BaseProcess
from typing import Any, NoReturn

import anyio.to_thread

from airssys_wasm.testing.errors import Refused

ENGINE = "airssys_wasm.components.engine"
ENGINES_OWN = ("signal.signal()", "subprocess.Popen()", "threading.Thread.start()")
OFFLOAD = "ask the platform: await context.offload(function)"
SLEEP = "await anyio.sleep(seconds)"

REFUSED: tuple[tuple[Any, str, str, str], ...] = (
    (_thread, "start_new_thread", "_thread.start_new_thread()", OFFLOAD),
    (anyio.to_thread, "run_sync", "anyio.to_thread.run_sync()", OFFLOAD),
    (BaseProcess, "start", "multiprocessing.Process.start()", ""),
    (os, "fork", "os.fork()", ""),
    (os, "posix_spawn", "os.posix_spawn()", ""),
    (os, "posix_spawnp", "os.posix_spawnp()", ""),
    (os, "system", "os.system()", ""),
    (signal, "alarm", "signal.alarm()", ""),
    (signal, "setitimer", "signal.setitimer()", ""),
    (signal, "signal", "signal.signal()", ""),
    (socket, "getaddrinfo", "socket.getaddrinfo()", ""),
    (socket.socket, "__init__", "socket.socket()", ""),
    (subprocess.Popen, "__init__", "subprocess.Popen()", ""),
    (threading.Thread, "start", "threading.Thread.start()", OFFLOAD),
    (time, "sleep", "time.sleep()", SLEEP),
)

# of the event loop
REFUSED_CALLS = (
    "add_reader", "add_signal_handler", "add_writer", "connect_accepted_socket",
    "connect_read_pipe", "connect_write_pipe", "create_connection", "create_datagram_endpoint",
    "create_server", "create_unix_connection", "create_unix_server", "getaddrinfo",
    "getnameinfo", "remove_reader", "remove_signal_handler", "remove_writer",
    "sendfile", "sock_accept", "sock_connect", "sock_recv", "sock_recv_into", "sock_recvfrom",
    "sock_recvfrom_into", "sock_sendall", "sock_sendfile", "sock_sendto", "start_tls",
    "subprocess_exec", "subprocess_shell",
)  # fmt: skip


@contextmanager
def refusing() -> Iterator[None]:
    """Inside, this thread can do none of these. Other threads are left alone."""
    simulated = threading.get_ident()
    before = []
    for place, name, call, instead in REFUSED:
        original = place.__dict__[name]
        before.append((place, name, original))
        setattr(place, name, _refusal(original, call, instead, simulated))
    submit = ThreadPoolExecutor.submit
    setattr(ThreadPoolExecutor, "submit", _inline(submit, simulated))  # noqa: B010
    before.append((ThreadPoolExecutor, "submit", submit))
    try:
        yield
    finally:
        for place, name, original in before:
            setattr(place, name, original)


def _inline(submit: Any, simulated: int) -> Callable[..., Any]:
    """The compiler of components waits for its threads anyway: it gets its results at once."""

    def run(self: Any, function: Any, /, *args: Any, **options: Any) -> Any:
        if threading.get_ident() != simulated:
            return submit(self, function, *args, **options)
        if not sys._getframe(1).f_globals.get("__name__", "").startswith(ENGINE):
            raise Refused("ThreadPoolExecutor.submit()", OFFLOAD)
        done: Future[Any] = Future()
        try:
            done.set_result(function(*args, **options))
        except BaseException as error:
            done.set_exception(error)
        return done

    return run


def _is_our_own(call: str) -> bool:
    """The engine of components has a ticker for limits of time, lets interrupts reach guests, and
    compiles in other processes.

    Neither shows in a run whose components are limited by fuel.
    """
    return call in ENGINES_OWN and any(
        sys._getframe(depth).f_globals.get("__name__", "").startswith(ENGINE) for depth in (2, 3)
    )


def _refusal(original: Any, call: str, instead: str, simulated: int) -> Callable[..., Any]:
    def refuse(*args: Any, **options: Any) -> Any:
        if threading.get_ident() == simulated and not _is_our_own(call):
            raise Refused(call, instead)
        return original(*args, **options)

    return refuse


def refusal_of(name: str) -> Callable[..., NoReturn]:
    """A method of the event loop that refuses, and says so by its own name."""

    def refuse(self: Any, *args: Any, **options: Any) -> NoReturn:
        raise Refused(f"loop.{name}()")

    refuse.__name__ = name
    return refuse
