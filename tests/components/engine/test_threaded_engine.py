"""What only the slow path has: threads, which end, and a process that survives what guests do."""

import asyncio
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from wasmtime.component import Component

from airssys_wasm.components.engine.guest_threads import STACK, THREADS, GuestThreads
from airssys_wasm.components.engine.limits import Limits
from airssys_wasm.components.engine.runtime_host import runtime_host
from airssys_wasm.components.engine.threaded_call import Asked, ThreadedCall
from airssys_wasm.components.engine.threaded_engine import ThreadedEngine
from airssys_wasm.components.engine.values import Ok
from airssys_wasm.components.errors import InstanceClosed

pytestmark = pytest.mark.anyio

LIFECYCLE = Path(__file__).parents[2] / "guests" / "lifecycle.wat"

PRELUDE = f"""
import asyncio, time
from pathlib import Path
from wasmtime.component import Component
from airssys_wasm.components.engine.limits import Limits
from airssys_wasm.components.engine.runtime_host import runtime_host
from airssys_wasm.components.engine.threaded_engine import ThreadedEngine

def host(interface, function, arguments):
    if function == "sleep-millis":
        began.set()
        return asyncio.get_running_loop().create_future()
    return ("", "me", "")

async def open_instance(limits=Limits(), host=host):
    global began
    began = asyncio.Event()
    engine = ThreadedEngine(runtime_host())
    component = Component(engine.engine, Path({str(LIFECYCLE)!r}).read_text())
    return await engine.instantiate(component, limits=limits, host=host, clock=time.monotonic)

def handle(instance, payload):
    message = (("", "", ""), payload, (None, None, (0, 0), None))
    return instance.call("handle-message", message)
"""

PROCESSES = {
    "the engine is never closed": "asyncio.run(open_instance())",
    "a guest waits when the loop ends": """
async def main():
    task = asyncio.ensure_future(handle(await open_instance(), b"z"))
    await began.wait()
asyncio.run(main())
""",
    "a guest spins when the loop ends": """
async def main():
    task = asyncio.ensure_future(handle(await open_instance(), b"s"))
    await asyncio.sleep(0)
asyncio.run(main())
""",
    "a guest spins when its loop is gone without a word": """
async def main():
    instance = await open_instance(Limits(call=0.1))
    task = asyncio.ensure_future(handle(instance, b"s"))
    await asyncio.sleep(0)
    return task
loop = asyncio.new_event_loop()
task = loop.run_until_complete(main())
loop.close()
task._log_destroy_pending = False
""",
    "a host function exits": """
def host(interface, function, arguments):
    raise SystemExit(0)
async def main():
    await handle(await open_instance(host=host), b"i")
asyncio.run(main())
""",
    "guests overflow their stacks on the same threads": """
async def main():
    for _ in range(20):
        try:
            await handle(await open_instance(), b"r")
        except Exception as error:
            assert str(error) == "limit: stack 524288 bytes", error
asyncio.run(main())
""",
}


@pytest.mark.parametrize("case", PROCESSES)
def test_the_process_ends_well_when(case: str) -> None:
    command = [sys.executable, "-W", "error", "-c", PRELUDE + PROCESSES[case]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")


async def test_a_call_that_is_closed_in_the_moment_its_guest_asks_the_host_ends() -> None:
    asked: list[str] = []

    def host(interface: str, function: str, arguments: tuple[object, ...]) -> object:
        asked.append(function)
        return None

    call = ThreadedCall(Limits(), host, lambda: 0.0, asyncio.timeout)
    serving = asyncio.ensure_future(call.serve())
    await asyncio.sleep(0)
    call._post(Asked("services", "log", ()))  # the thread; the loop has not seen it yet
    call.abandon()
    async with asyncio.timeout(10):
        with pytest.raises(InstanceClosed):
            await serving
    assert asked == []


async def test_more_guests_than_threads_take_turns() -> None:
    engine = ThreadedEngine(runtime_host())
    component = Component(engine.engine, LIFECYCLE.read_text())
    waiting: list[asyncio.Future[None]] = []
    full = asyncio.Event()

    def host(interface: str, function: str, arguments: tuple[object, ...]) -> object:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting.append(future)
        if len(waiting) >= THREADS:
            full.set()
        return future

    async def one() -> object:
        instance = await engine.instantiate(
            component, limits=Limits(), host=host, clock=time.monotonic
        )
        message = (("", "", ""), b"z", (None, None, (0, 0), None))
        return await instance.call("handle-message", message)

    tasks = [asyncio.create_task(one()) for _ in range(THREADS + 8)]
    await full.wait()
    assert len(waiting) == THREADS
    while not all(task.done() for task in tasks):
        for future in waiting:
            if not future.done():
                future.set_result(None)
        await asyncio.sleep(0)
    assert [task.result() for task in tasks] == [Ok(b"woke")] * (THREADS + 8)
    engine.close()


async def test_the_stacks_of_other_threads_stay_as_they_were() -> None:
    engine = ThreadedEngine(runtime_host())
    threads = GuestThreads(engine.engine)
    before = threading.stack_size()
    ran = threading.Event()
    threads.start(ran.set)
    assert ran.wait(10)
    assert threading.stack_size() == before != STACK
    threads.close()
    engine.close()


async def test_a_closed_engine_has_no_threads_left() -> None:
    def silent(interface: str, function: str, arguments: tuple[object, ...]) -> None:
        return None

    before = set(threading.enumerate())
    engine = ThreadedEngine(runtime_host())
    component = Component(engine.engine, LIFECYCLE.read_text())
    await engine.instantiate(component, limits=Limits(), host=silent, clock=time.monotonic)
    assert set(threading.enumerate()) > before
    engine.close()
    assert set(threading.enumerate()) == before
    engine.close()
