"""What would leave the simulation is refused by its name, inside a run and only there."""

from __future__ import annotations

import _thread
import asyncio
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Awaitable, Callable
from multiprocessing import get_context
from typing import Any

import anyio.to_thread
import pytest

from airssys_wasm.kernel import Actor
from airssys_wasm.testing.errors import Refused
from airssys_wasm.testing.searching import run_seed
from airssys_wasm.testing.simulation import Simulation

SPAWN = get_context("spawn")


async def _connect() -> None:
    await asyncio.open_connection("localhost", 1)


async def _serve() -> None:
    await asyncio.start_server(lambda _reader, _writer: None)


async def _run() -> None:
    await asyncio.create_subprocess_exec("true")


async def _in_executor() -> None:
    await asyncio.get_running_loop().run_in_executor(None, int)


async def _blocking(function: Callable[..., Any], *args: Any) -> None:
    function(*args)


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (_connect, "loop.getaddrinfo()"),
        (_serve, "loop.create_server()"),
        (_run, "loop.subprocess_exec()"),
        (lambda: _blocking(socket.socket), "socket.socket()"),
        (lambda: _blocking(subprocess.Popen, ["true"]), "subprocess.Popen()"),
        (lambda: _blocking(threading.Thread().start), "threading.Thread.start()"),
        (lambda: _blocking(time.sleep, 0), "time.sleep()"),
        (lambda: _blocking(signal.signal, signal.SIGUSR1, None), "signal.signal()"),
        (lambda: anyio.to_thread.run_sync(int), "anyio.to_thread.run_sync()"),
        (lambda: asyncio.to_thread(int), "asyncio.to_thread()"),
        (lambda: _in_executor(), "loop.run_in_executor()"),
        (lambda: anyio.run_process(["true"]), "loop.subprocess_exec()"),
        (lambda: anyio.Path("file").read_text(), "anyio.to_thread.run_sync()"),
        (lambda: _blocking(socket.getaddrinfo, "localhost", 1), "socket.getaddrinfo()"),
        (lambda: _blocking(socket.create_connection, ("127.0.0.1", 1)), "socket.getaddrinfo()"),
        (lambda: _blocking(os.posix_spawn, "/bin/true", ["true"], {}), "os.posix_spawn()"),
        (lambda: _blocking(SPAWN.Process(target=int).start), "multiprocessing.Process.start()"),
        (lambda: _blocking(_thread.start_new_thread, int, ()), "_thread.start_new_thread()"),
        (lambda: _blocking(signal.alarm, 0), "signal.alarm()"),
        (lambda: _blocking(signal.setitimer, signal.ITIMER_REAL, 0), "signal.setitimer()"),
    ],
)
def test_what_leaves_the_simulation_is_refused_by_name(
    call: Callable[[], Awaitable[object]], name: str
) -> None:
    async def test(_simulation: Simulation) -> None:
        await call()

    failure = run_seed(test, 0).failure
    assert isinstance(failure, Refused)
    assert failure.call in (name, "loop.create_connection()")


def test_outside_of_a_run_nothing_is_refused() -> None:
    async def test(_simulation: Simulation) -> None:
        pass

    run_seed(test, 0)
    time.sleep(0)
    socket.socket().close()


def test_other_threads_go_on_during_a_run() -> None:
    slept: list[bool] = []
    begin, done = threading.Event(), threading.Event()

    def other() -> None:
        begin.wait()
        time.sleep(0)
        slept.append(True)
        done.set()

    thread = threading.Thread(target=other)
    thread.start()

    async def test(_simulation: Simulation) -> None:
        begin.set()
        done.wait()

    assert run_seed(test, 0).failure is None
    thread.join()
    assert slept == [True]


def test_what_the_platform_is_asked_to_offload_runs_in_line() -> None:
    class Worker(Actor[Any]):
        async def receive(self, message: Any) -> Any:
            return await self.context.offload(threading.get_ident)

    async def test(simulation: Simulation) -> None:
        kernel = await simulation.kernel()
        assert await kernel.spawn(Worker).request("go") == threading.get_ident()

    assert run_seed(test, 0).failure is None
