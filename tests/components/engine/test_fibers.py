"""What only the fast path does: guests suspended on one thread, beside each other and the loop."""

import asyncio
import gc
import resource
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from wasmtime.component import Component

from airssys_wasm.components.engine.fiber_engine import FiberEngine
from airssys_wasm.components.engine.instance import HOST_CALLS_PER_TURN, Instance
from airssys_wasm.components.engine.limits import Limits
from airssys_wasm.components.engine.path_choice import FAST_PATH_VERSION
from airssys_wasm.components.engine.runtime_host import runtime_host
from airssys_wasm.components.engine.traps import Limit
from airssys_wasm.components.engine.values import Ok
from airssys_wasm.components.errors import GuestTrap, InstanceClosed
from tests.guests import guests

pytestmark = pytest.mark.anyio

GUESTS = Path(__file__).parents[2] / "guests"
LIFECYCLE = (GUESTS / "lifecycle.wat").read_text()


@pytest.fixture(scope="module")
def engine() -> Iterator[FiberEngine]:
    made = FiberEngine(runtime_host(), stack=512 * 1024)
    yield made
    made.close()


@pytest.fixture(scope="module")
def component(engine: FiberEngine) -> Component:
    return Component(engine.engine, LIFECYCLE)


def answer(interface: str, function: str, arguments: tuple[object, ...]) -> object:
    return {"send": Ok(), "get": Ok(b"value"), "self-id": ("", "me", "")}.get(function)


async def handle(instance: Instance, payload: bytes) -> object:
    message = (("", "tester", ""), payload, (None, None, (1, 2), None))
    return await instance.call("handle-message", message)


async def test_a_guest_yields_after_each_slice_of_fuel(
    engine: FiberEngine, component: Component
) -> None:
    pauses = 0

    async def pause() -> None:
        nonlocal pauses
        pauses += 1

    instance = await engine.instantiate(
        component, limits=Limits(), host=answer, clock=time.monotonic, pause=pause
    )
    assert await handle(instance, b"h") == Ok(None)
    fuel = instance.fuel_used
    assert fuel is not None
    # Wasmtime hands fuel out by the slice, so the last one may be begun.
    assert fuel // 100_000 - 1 <= pauses <= fuel // 100_000 + 1
    instance.close()


async def test_a_guest_that_only_calls_the_host_lets_others_run(engine: FiberEngine) -> None:
    calls = 0
    at_pause: list[int] = []

    def count(interface: str, function: str, arguments: tuple[object, ...]) -> int:
        nonlocal calls
        calls += 1
        return calls

    async def pause() -> None:
        at_pause.append(calls)
        if len(at_pause) == 4:
            raise StopAsyncIteration

    instance = await engine.instantiate(
        Component(engine.engine, guests.asks_the_time_for_ever()),
        limits=Limits(),
        host=count,
        clock=time.monotonic,
        pause=pause,
    )
    with pytest.raises(StopAsyncIteration):
        await handle(instance, b"x")
    assert at_pause == [HOST_CALLS_PER_TURN * turn for turn in (1, 2, 3, 4)]
    assert not instance.is_alive


async def test_a_thousand_guests_are_suspended_on_one_thread(
    engine: FiberEngine, component: Component
) -> None:
    waiting = 0
    all_wait = asyncio.Event()

    async def wait() -> None:
        nonlocal waiting
        waiting += 1
        if waiting == 1_000:
            all_wait.set()
        await all_wait.wait()

    def host(interface: str, function: str, arguments: tuple[object, ...]) -> object:
        return wait()

    instances = [
        await engine.instantiate(component, limits=Limits(), host=host, clock=time.monotonic)
        for _ in range(1_000)
    ]
    replies = await asyncio.gather(*(handle(instance, b"z") for instance in instances))
    assert replies == [Ok(b"woke")] * 1_000
    for instance in instances:
        instance.close()


async def test_every_other_of_a_hundred_suspended_guests_is_dropped_and_the_rest_goes_on(
    engine: FiberEngine, component: Component
) -> None:
    go_on = asyncio.Event()
    waiting = 0
    all_wait = asyncio.Event()

    async def wait() -> None:
        nonlocal waiting
        waiting += 1
        if waiting == 100:
            all_wait.set()
        await go_on.wait()

    def host(interface: str, function: str, arguments: tuple[object, ...]) -> object:
        return wait()

    instances = [
        await engine.instantiate(component, limits=Limits(), host=host, clock=time.monotonic)
        for _ in range(100)
    ]
    tasks = [asyncio.create_task(handle(instance, b"z")) for instance in instances]
    await all_wait.wait()
    for task in tasks[::2]:
        task.cancel()
    await asyncio.gather(*tasks[::2], return_exceptions=True)
    go_on.set()
    assert await asyncio.gather(*tasks[1::2]) == [Ok(b"woke")] * 50
    assert [instance.is_alive for instance in instances] == [False, True] * 50
    for instance in instances:
        instance.close()


async def test_another_thread_is_refused(engine: FiberEngine, component: Component) -> None:
    instance = await engine.instantiate(
        component, limits=Limits(), host=answer, clock=time.monotonic
    )

    def elsewhere() -> None:
        async def use() -> None:
            with pytest.raises(RuntimeError, match="thread"):
                await handle(instance, b"e")
            with pytest.raises(RuntimeError, match="thread"):
                await engine.instantiate(
                    component, limits=Limits(), host=answer, clock=time.monotonic
                )

        asyncio.run(use())

    await asyncio.to_thread(elsewhere)
    assert await handle(instance, b"ehere") == Ok(b"here")
    instance.close()


async def test_a_message_too_large_to_copy_is_the_payload_limit(
    engine: FiberEngine, component: Component
) -> None:
    limits = Limits(payload=64 * 1024 * 1024)
    instance = await engine.instantiate(component, limits=limits, host=answer, clock=time.monotonic)
    with pytest.raises(GuestTrap) as caught:
        await handle(instance, b"e" + bytes(4 * 1024 * 1024))
    assert caught.value.reason == Limit("payload", limits.payload, None)


async def test_nothing_is_left_of_calls_and_of_instances(
    engine: FiberEngine, component: Component
) -> None:
    instance = await engine.instantiate(
        component, limits=Limits(), host=answer, clock=time.monotonic
    )

    async def rounds(count: int) -> None:
        for _ in range(count):
            assert await handle(instance, b"e" + b"x" * 4_000) == Ok(b"x" * 4_000)
            await handle(instance, b"qkey")
            await handle(instance, b"mhello")
            await handle(instance, b"xwrong")
            await handle(instance, b"i")
            await instance.call("metadata")
            dying = await engine.instantiate(
                component, limits=Limits(), host=answer, clock=time.monotonic
            )
            with pytest.raises(GuestTrap):
                await handle(dying, b"u")

    await rounds(100)
    gc.collect()
    before = resident()
    await rounds(400)
    gc.collect()
    # A reply that was not freed would alone be 50 MiB by now, a Store as much.
    assert resident() - before < 8 * 1024 * 1024
    instance.close()


async def test_the_stack_of_a_guest_that_was_dropped_is_given_back(
    engine: FiberEngine, component: Component
) -> None:
    def host(interface: str, function: str, arguments: tuple[object, ...]) -> object:
        return asyncio.get_running_loop().create_future()

    async def drop(count: int) -> None:
        for _ in range(count):
            instance = await engine.instantiate(
                component, limits=Limits(), host=host, clock=time.monotonic
            )
            task = asyncio.create_task(handle(instance, b"z"))
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    await drop(10)
    before = mappings()
    await drop(100)
    assert mappings() - before < 50


async def test_a_host_function_may_close_the_instance_it_serves(
    engine: FiberEngine, component: Component
) -> None:
    instances: list[Instance] = []

    def host(interface: str, function: str, arguments: tuple[object, ...]) -> object:
        instances[0].close()
        return ("", "me", "")

    instances.append(
        await engine.instantiate(component, limits=Limits(), host=host, clock=time.monotonic)
    )
    with pytest.raises(InstanceClosed):
        await handle(instances[0], b"i")


def mappings() -> int:
    try:
        return len(Path("/proc/self/maps").read_bytes().splitlines())
    except OSError:
        pytest.skip("no /proc here")


def resident() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        pytest.skip("no /proc here")
    return pages * resource.getpagesize()


@pytest.mark.parametrize("raised", ["KeyboardInterrupt", "SystemExit", "RecursionError"])
def test_what_is_raised_inside_the_callback_does_not_leave_it(raised: str) -> None:
    """In a process of its own: where this fails, the process is gone."""
    said = run(f"""
        def arguments(address):
            raise {raised}("in the callback")
        replace_arguments_of(engine, "self-id", arguments)
        try:
            loop.run_until_complete(handle(instance, b"i"))
        except BaseException as error:
            print(type(error).__name__, instance.is_alive)
        print("still here")
    """)
    assert said == f"{raised} False\nstill here\n"


def test_an_interrupt_that_comes_inside_the_callback_is_raised_after_it() -> None:
    said = run("""
        def arguments(address):
            signal.raise_signal(signal.SIGINT)
            print("the callback goes on")
            return ()
        replace_arguments_of(engine, "self-id", arguments)
        try:
            loop.run_until_complete(handle(instance, b"i"))
        except KeyboardInterrupt:
            print("interrupted", instance.is_alive)
        engine.close()
        print(signal.getsignal(signal.SIGINT) is signal.default_int_handler)
    """)
    assert said == "the callback goes on\ninterrupted False\nTrue\n"


def test_an_interrupt_outside_of_callbacks_is_raised_at_once() -> None:
    said = run("""
        try:
            signal.raise_signal(signal.SIGINT)
            print("too late")
        except KeyboardInterrupt:
            print("at once")
    """)
    assert said == "at once\n"


def test_an_instance_outlives_whoever_held_its_engine() -> None:
    said = run("""
        import gc
        del engine, component
        gc.collect()
        print(loop.run_until_complete(handle(instance, b"estill")))
        instance.close()
        del instance
        gc.collect()
    """)
    assert said == "Ok(value=b'still')\n"


def test_a_process_that_closes_nothing_ends_in_peace() -> None:
    said = run("""
        async def wait():
            await asyncio.get_running_loop().create_future()
        instance._host = lambda *call: wait()
        task = loop.create_task(handle(instance, b"z"))
        loop.run_until_complete(asyncio.sleep(0))
        print("suspended")
        sys.stdout.flush()
        sys.stderr.close()
    """)
    assert said == "suspended\n"


def run(script: str) -> str:
    """What a fresh process prints that has an engine and an instance, and ends without an error."""
    head = """
        import asyncio, dataclasses, signal, sys, time
        from wasmtime.component import Component
        from airssys_wasm.components.engine.fiber_engine import FiberEngine
        from airssys_wasm.components.engine.limits import Limits
        from airssys_wasm.components.engine.runtime_host import runtime_host

        # A shell may have started the tests in its background, with interrupts ignored.
        signal.signal(signal.SIGINT, signal.default_int_handler)

        def replace_arguments_of(engine, name, arguments):
            functions = engine._linkage.functions
            for index, function in enumerate(functions):
                if function.name == name:
                    functions[index] = dataclasses.replace(function, arguments=arguments)

        def handle(instance, payload):
            message = (("", "tester", ""), payload, (None, None, (1, 2), None))
            return instance.call("handle-message", message)

        loop = asyncio.new_event_loop()
        engine = FiberEngine(runtime_host(), stack=512 * 1024)
        component = Component(engine.engine, open(sys.argv[1]).read())
        instance = loop.run_until_complete(engine.instantiate(
            component, limits=Limits(), host=lambda i, f, a: ("", "me", ""), clock=time.monotonic))
    """
    program = textwrap.dedent(head) + textwrap.dedent(script)
    done = subprocess.run(
        [sys.executable, "-c", program, str(GUESTS / "lifecycle.wat")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_engine_says_why_it_can_not_be_for_another_wheel() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import importlib.metadata as m; m.version = lambda name: '51.0.0'\n"
            "import airssys_wasm.components.engine.foreign",
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert f"ImportError: the fast path is for wasmtime {FAST_PATH_VERSION}" in done.stderr
