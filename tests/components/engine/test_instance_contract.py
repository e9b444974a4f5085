"""What every instance does, whichever path runs it: the same values, the same reasons of an end."""

import asyncio
import gc
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import wasmtime
from wasmtime.component import Component

from airssys_wasm.components.engine.fiber_engine import FiberEngine
from airssys_wasm.components.engine.instance import Instance
from airssys_wasm.components.engine.limits import MIB, Limits
from airssys_wasm.components.engine.runtime_host import runtime_host
from airssys_wasm.components.engine.threaded_engine import ThreadedEngine
from airssys_wasm.components.engine.threaded_instance import ThreadedInstance
from airssys_wasm.components.engine.traps import Limit, Trap
from airssys_wasm.components.engine.values import Err, Ok, Variant
from airssys_wasm.components.errors import GuestTrap, InstanceClosed

pytestmark = pytest.mark.anyio

# See its first lines for what it does with a message.
LIFECYCLE = (Path(__file__).parents[2] / "guests" / "lifecycle.wat").read_text()

AnyEngine = FiberEngine | ThreadedEngine
AnyInstance = Instance | ThreadedInstance
STACK = 512 * 1024
PAGE = 65536

ENGINES: dict[str, Callable[[], AnyEngine]] = {
    "fast": lambda: FiberEngine(runtime_host(), stack=STACK),
    "slow": lambda: ThreadedEngine(runtime_host(), stack=STACK),
}


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Iterator[AnyEngine]:
    made = ENGINES[request.param]()
    yield made
    made.close()


@pytest.fixture(scope="module")
def component(engine: AnyEngine) -> Component:
    return Component(engine.engine, LIFECYCLE)


class Clock:
    """Time that moves only when it is read, by `step` seconds."""

    def __init__(self, step: float = 0.0) -> None:
        self.now = 1000.0
        self.step = step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


class Host:
    """Serves the functions of the world, and remembers what was asked."""

    def __init__(self, **answers: object) -> None:
        self.calls: list[tuple[str, str, tuple[object, ...]]] = []
        self.threads: set[int] = set()
        self.answers: dict[str, object] = {
            "send": Ok(),
            "self-id": ("shop", "prices", "1"),
            "get": Ok(None),
            "set": Ok(),
            "current-time-millis": 7,
            **{name.replace("_", "-"): answer for name, answer in answers.items()},
        }

    def __call__(
        self, interface: str, function: str, arguments: tuple[object, ...]
    ) -> object | Awaitable[object]:
        self.calls.append((interface, function, arguments))
        self.threads.add(threading.get_ident())
        answer = self.answers.get(function)
        if isinstance(answer, BaseException):
            raise answer
        return answer() if callable(answer) else answer


Open = Callable[..., "asyncio.Future[AnyInstance]"]


@asynccontextmanager
async def opened(
    engine: AnyEngine,
    component: Component,
    *,
    limits: Limits | None = None,
    host: Host | None = None,
    clock: Callable[[], float] | None = None,
) -> AsyncIterator[AnyInstance]:
    instance: AnyInstance = await engine.instantiate(
        component, limits=limits or Limits(), host=host or Host(), clock=clock or Clock()
    )
    try:
        yield instance
    finally:
        instance.close()


def message(payload: bytes) -> tuple[object, ...]:
    return (("", "tester", ""), payload, (None, None, (1, 2), None))


CONFIG = ([("KEY", "value")], None, (64 * MIB, 5000, None))


async def reply(instance: AnyInstance, payload: bytes) -> object:
    return await instance.call("handle-message", message(payload))


async def end(instance: AnyInstance, payload: bytes) -> Trap | Limit:
    """The reason for which the guest ends on this message; the instance is dead after it."""
    with pytest.raises(GuestTrap) as caught:
        await reply(instance, payload)
    assert not instance.is_alive
    with pytest.raises(InstanceClosed):
        await reply(instance, b"e")
    return caught.value.reason


async def test_a_message_gets_its_reply(engine: AnyEngine, component: Component) -> None:
    async with opened(engine, component) as instance:
        assert await instance.call("initialize", CONFIG) == Ok()
        assert await reply(instance, b"ehello") == Ok(b"hello")
        assert await reply(instance, b"e") == Ok(b"")
        assert await reply(instance, b"n") == Ok(None)
        assert await reply(instance, b"xwrong") == Err(Variant("runtime-error", "wrong"))


async def test_every_export_can_be_called(engine: AnyEngine, component: Component) -> None:
    async with opened(engine, component) as instance:
        assert await instance.call("handle-callback", message(b"")) == Ok()
        assert await instance.call("metadata") == (
            "lifecycle", "1.0.0", "for tests", "", "", ["echo"], True,
        )  # fmt: skip
        assert await instance.call("health") == "healthy"
        await reply(instance, b"D")
        assert await instance.call("health") == "degraded"
        assert await instance.call("shutdown") == Ok()


async def test_an_error_of_initialize_is_a_value(engine: AnyEngine, component: Component) -> None:
    async with opened(engine, component) as instance:
        config: tuple[object, ...] = ([], b"fail", (1, 2, 3))
        assert await instance.call("initialize", config) == Err(
            Variant("initialization-failed", "refused")
        )
        assert instance.is_alive


async def test_the_state_of_a_guest_lives_between_messages(
    engine: AnyEngine, component: Component
) -> None:
    async with opened(engine, component) as one, opened(engine, component) as other:
        for count in (1, 2, 3):
            assert await reply(one, b"c") == Ok(bytes((count, 0, 0, 0)))
        assert await reply(other, b"c") == Ok(b"\x01\0\0\0")


@pytest.mark.parametrize("size", [0, 1, 255, 65536, MIB - 1])
async def test_payloads_of_any_size_go_in_and_out(
    engine: AnyEngine, component: Component, size: int
) -> None:
    payload = bytes(index * 7 % 256 for index in range(256)) * (size // 256 + 1)
    async with opened(engine, component) as instance:
        assert await reply(instance, b"e" + payload[:size]) == Ok(payload[:size])


TRAPS = {
    b"u": "unreachable",
    b"d": "division by zero",
    b"f": "memory out of bounds",
}


@pytest.mark.parametrize("payload", TRAPS)
async def test_a_trap_ends_the_instance_with_its_kind(
    engine: AnyEngine, component: Component, payload: bytes
) -> None:
    async with opened(engine, component) as instance:
        reason = await end(instance, payload)
        assert isinstance(reason, Trap)
        assert reason.kind == TRAPS[payload]
        assert reason.fuel_used
        assert "main!" in reason.wasm_backtrace[0]


async def test_a_trap_in_initialize_ends_the_instance(
    engine: AnyEngine, component: Component
) -> None:
    async with opened(engine, component) as instance:
        with pytest.raises(GuestTrap) as caught:
            await instance.call("initialize", ([], b"trap", (1, 2, None)))
        assert isinstance(caught.value.reason, Trap)
        assert caught.value.reason.kind == "unreachable"
        assert not instance.is_alive


async def test_other_instances_live_on_after_a_trap(
    engine: AnyEngine, component: Component
) -> None:
    async with opened(engine, component) as dying, opened(engine, component) as living:
        await end(dying, b"u")
        assert await reply(living, b"estill") == Ok(b"still")


async def test_both_paths_end_with_equal_reasons(component: Component) -> None:
    del component
    reasons: list[list[object]] = []
    for make in ENGINES.values():
        engine = make()
        compiled = Component(engine.engine, LIFECYCLE)
        found: list[object] = []
        for payload in (b"u", b"d", b"f", b"g"):
            async with opened(engine, compiled, limits=Limits(memory=4 * MIB)) as instance:
                found.append(await end(instance, payload))
        reasons.append(found)
        engine.close()
    assert reasons[0] == reasons[1]


async def test_growing_over_the_limit_is_refused_and_no_trap(
    engine: AnyEngine, component: Component
) -> None:
    async with opened(engine, component, limits=Limits(memory=50 * PAGE)) as instance:
        assert await reply(instance, b"G") == Ok(b"refused")
        assert instance.memory_used == instance.memory_peak == 50 * PAGE
        assert instance.memory_nearly_full
        assert await reply(instance, b"ealive") == Ok(b"alive")


async def test_a_trap_after_a_refused_growth_is_the_memory_limit(
    engine: AnyEngine, component: Component
) -> None:
    async with opened(engine, component, limits=Limits(memory=4 * MIB)) as instance:
        reason = await end(instance, b"g")
        assert isinstance(reason, Limit)
        assert (reason.kind, reason.limit, reason.trap) == ("memory", 4 * MIB, "unreachable")
        assert reason.used is not None
        assert reason.used > 4 * MIB


async def test_a_component_that_begins_over_the_memory_limit_does_not_begin(
    engine: AnyEngine, component: Component
) -> None:
    with pytest.raises(GuestTrap) as caught:
        async with opened(engine, component, limits=Limits(memory=PAGE)):
            pass
    reason = caught.value.reason
    assert isinstance(reason, Limit)
    assert (reason.kind, reason.limit, reason.used) == ("memory", PAGE, 2 * PAGE)


async def test_a_message_over_the_fuel_budget_is_the_fuel_limit(
    engine: AnyEngine, component: Component
) -> None:
    async with opened(engine, component, limits=Limits(fuel=100_000)) as instance:
        assert await reply(instance, b"efew") == Ok(b"few")
        assert instance.fuel_used
        reason = await end(instance, b"h")
        assert isinstance(reason, Limit)
        assert (reason.kind, reason.limit, reason.trap) == ("fuel", 100_000, "out of fuel")


async def test_the_fuel_budget_is_refilled_for_each_message(
    engine: AnyEngine, component: Component
) -> None:
    async with opened(engine, component, limits=Limits(fuel=100_000)) as instance:
        used = set()
        for _ in range(5):
            assert await reply(instance, b"e" + b"x" * 20_000) == Ok(b"x" * 20_000)
            used.add(instance.fuel_used)
        assert len(used) == 1


async def test_a_guest_that_spins_is_the_call_limit(
    engine: AnyEngine, component: Component
) -> None:
    clock = Clock(step=0.2)
    async with opened(engine, component, clock=clock, limits=Limits(call=1.5)) as instance:
        reason = await end(instance, b"s")
        assert isinstance(reason, Limit)
        assert (reason.kind, reason.limit) == ("call", 1.5)
        assert reason.used is not None
        assert reason.used > 1.5


async def test_others_run_while_a_guest_spins(engine: AnyEngine, component: Component) -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    clock = Clock(step=0.2)
    task = asyncio.create_task(others())
    async with opened(engine, component, clock=clock, limits=Limits(call=1.5)) as instance:
        await end(instance, b"s")
    task.cancel()
    assert turns > 3


async def test_waiting_for_the_host_is_not_time_of_the_guest(
    engine: AnyEngine, component: Component
) -> None:
    clock = Clock()

    async def wait() -> None:
        clock.now += 1000.0

    host = Host(sleep_millis=wait)
    async with opened(engine, component, clock=clock, host=host) as instance:
        assert await reply(instance, b"z") == Ok(b"woke")


async def test_call_total_counts_the_wait(engine: AnyEngine, component: Component) -> None:
    limits = Limits(call_total=0.05, host_call=30.0)
    host = Host(sleep_millis=lambda: asyncio.get_running_loop().create_future())
    async with opened(engine, component, host=host, limits=limits) as instance:
        reason = await end(instance, b"z")
        assert isinstance(reason, Limit)
        assert (reason.kind, reason.limit) == ("call_total", 0.05)


async def test_a_host_call_that_takes_too_long_is_a_limit(
    engine: AnyEngine, component: Component
) -> None:
    limits = Limits(host_call=0.05)
    host = Host(sleep_millis=lambda: asyncio.get_running_loop().create_future())
    async with opened(engine, component, host=host, limits=limits) as instance:
        reason = await end(instance, b"z")
        assert isinstance(reason, Limit)
        assert (reason.kind, reason.limit) == ("host_call", 0.05)


async def test_a_timeout_of_the_host_itself_is_not_our_limit(
    engine: AnyEngine, component: Component
) -> None:
    async def fail() -> None:
        raise TimeoutError("of the host")

    async with opened(engine, component, host=Host(sleep_millis=fail)) as instance:
        with pytest.raises(TimeoutError, match="of the host"):
            await reply(instance, b"z")
        assert not instance.is_alive


async def test_a_reply_over_the_payload_limit_ends_the_instance(
    engine: AnyEngine, component: Component
) -> None:
    async with opened(engine, component, limits=Limits(payload=10)) as instance:
        assert await reply(instance, b"e" + b"x" * 10) == Ok(b"x" * 10)
        assert await end(instance, b"e" + b"x" * 11) == Limit("payload", 10, 11)


async def test_a_message_sent_over_the_payload_limit_ends_the_instance(
    engine: AnyEngine, component: Component
) -> None:
    host = Host()
    async with opened(engine, component, host=host, limits=Limits(payload=10)) as instance:
        assert await end(instance, b"m" + b"x" * 11) == Limit("payload", 10, 11)
        assert host.calls == []


async def test_a_result_that_multiplies_memory_is_the_payload_limit(engine: AnyEngine) -> None:
    # 14,848 strings that are all the same 64 KiB would be a gigabyte on the host's side.
    multiply = """
      (local $at i32) (local.set $at (i32.const 4096))
      (loop $l
        (i32.store (local.get $at) (i32.const 0))
        (i32.store offset=4 (local.get $at) (i32.const 65536))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (br_if $l (i32.lt_u (local.get $at) (i32.const 122880))))
      (i32.store (i32.const 296) (i32.const 4096)) (i32.store (i32.const 300) (i32.const 14848))"""
    head = '(func (export "metadata") (result i32)'
    few = "(i32.store (i32.const 296) (i32.const 128)) (i32.store (i32.const 300) (i32.const 1))"
    assert LIFECYCLE.count(head) == LIFECYCLE.count(few) == 1
    wat = LIFECYCLE.replace(few, "").replace(head, head + multiply)
    async with opened(engine, Component(engine.engine, wat)) as instance:
        with pytest.raises(GuestTrap) as caught:
            await instance.call("metadata")
        assert caught.value.reason == Limit("payload", MIB, None)


async def test_host_functions_get_their_arguments(engine: AnyEngine, component: Component) -> None:
    host = Host()
    async with opened(engine, component, host=host) as instance:
        assert await reply(instance, b"mhi") == Ok(b"ok")
        assert await reply(instance, b"pkey") == Ok(b"ok")
        assert await reply(instance, b"lto the log") == Ok(None)
        assert await reply(instance, b"i") == Ok(b"prices")
        assert await reply(instance, b"t") == Ok(b"\x07" + b"\0" * 7)
    core = "airssys:core/{}@1.1.0".format
    assert host.calls == [
        (core("host-messaging"), "send", (("", "peer", ""), b"hi")),
        (core("storage"), "set", ("key", b"key")),
        (core("host-services"), "log", ("info", "to the log", None)),
        (core("host-messaging"), "self-id", ()),
        (core("host-services"), "current-time-millis", ()),
    ]


async def test_host_functions_run_on_the_thread_of_the_loop(
    engine: AnyEngine, component: Component
) -> None:
    host = Host()
    async with opened(engine, component, host=host) as instance:
        await reply(instance, b"i")
    assert host.threads == {threading.get_ident()}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (Ok(b"value"), b"value"),
        (Ok(b""), b""),
        (Ok(None), b"-"),
        (Err(Variant("io-error", "capability-denied: …")), b"!"),
        (Err(Variant("quota-exceeded")), b"!"),
    ],
)
async def test_a_result_reaches_the_guest_with_its_case(
    engine: AnyEngine, component: Component, answer: object, expected: bytes
) -> None:
    async with opened(engine, component, host=Host(get=answer)) as instance:
        assert await reply(instance, b"qkey") == Ok(expected)


async def test_a_host_function_may_wait(engine: AnyEngine, component: Component) -> None:
    async def later() -> object:
        for _ in range(3):
            await asyncio.sleep(0)
        return Ok(b"later")

    async with opened(engine, component, host=Host(get=later)) as instance:
        assert await reply(instance, b"qkey") == Ok(b"later")


async def test_many_guests_wait_at_once(engine: AnyEngine, component: Component) -> None:
    waiting = 0
    all_wait = asyncio.Event()

    async def wait() -> None:
        nonlocal waiting
        waiting += 1
        if waiting == 20:
            all_wait.set()
        await all_wait.wait()

    host = Host(sleep_millis=wait)
    instances = [
        await engine.instantiate(component, limits=Limits(), host=host, clock=Clock())
        for _ in range(20)
    ]
    replies = await asyncio.gather(*(reply(instance, b"z") for instance in instances))
    assert replies == [Ok(b"woke")] * 20
    for instance in instances:
        instance.close()


class Odd(BaseException):
    """Not an Exception."""


@pytest.mark.parametrize("error", [ValueError("no"), Odd(), GeneratorExit()], ids=repr)
async def test_what_a_host_function_raises_is_raised_by_the_call(
    engine: AnyEngine, component: Component, error: BaseException
) -> None:
    async with opened(engine, component, host=Host(self_id=error)) as instance:
        with pytest.raises(type(error)) as caught:
            await reply(instance, b"i")
        assert caught.value is error
        assert not instance.is_alive


@pytest.mark.parametrize(
    "answer", [None, "text", ("a",), ("a", "b", 3), Ok(), ("a", "b", "\udc80")]
)
async def test_an_answer_of_another_type_is_an_error_of_the_host(
    engine: AnyEngine, component: Component, answer: object
) -> None:
    async with opened(engine, component, host=Host(self_id=answer)) as instance:
        with pytest.raises((TypeError, ValueError)):
            await reply(instance, b"i")
        assert not instance.is_alive


async def test_an_answer_where_none_belongs_is_an_error_of_the_host(
    engine: AnyEngine, component: Component
) -> None:
    async with opened(engine, component, host=Host(log="something")) as instance:
        with pytest.raises(TypeError, match="log"):
            await reply(instance, b"ltext")


@pytest.mark.parametrize(
    "arguments",
    [(), (None,), (message(b""), 1), ((("", "", ""), "text", (None, None, (1, 2), None)),)],
)
async def test_arguments_that_do_not_fit_are_refused_without_harm(
    engine: AnyEngine, component: Component, arguments: tuple[object, ...]
) -> None:
    async with opened(engine, component) as instance:
        with pytest.raises(TypeError):
            await instance.call("handle-message", *arguments)
        assert await reply(instance, b"ealive") == Ok(b"alive")


async def test_an_unknown_function_is_refused_without_harm(
    engine: AnyEngine, component: Component
) -> None:
    async with opened(engine, component) as instance:
        with pytest.raises(ValueError, match="no-such-function"):
            await instance.call("no-such-function")
        assert instance.is_alive


async def test_a_second_call_at_once_is_refused_without_harm(
    engine: AnyEngine, component: Component
) -> None:
    go_on = asyncio.Event()
    began = asyncio.Event()

    async def wait() -> None:
        began.set()
        await go_on.wait()

    async with opened(engine, component, host=Host(sleep_millis=wait)) as instance:
        first = asyncio.create_task(reply(instance, b"z"))
        await began.wait()
        with pytest.raises(RuntimeError, match="in flight"):
            await reply(instance, b"e")
        go_on.set()
        assert await first == Ok(b"woke")
        assert await reply(instance, b"ealive") == Ok(b"alive")


async def test_a_cancelled_call_leaves_a_dead_instance_and_a_cancelled_host_function(
    engine: AnyEngine, component: Component
) -> None:
    began = asyncio.Event()
    cancelled = asyncio.Event()

    async def wait() -> None:
        began.set()
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            cancelled.set()

    async with opened(engine, component, host=Host(sleep_millis=wait)) as instance:
        task = asyncio.create_task(reply(instance, b"z"))
        await began.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert cancelled.is_set()
        assert not instance.is_alive
        with pytest.raises(InstanceClosed):
            await reply(instance, b"e")


async def test_a_guest_that_spins_can_be_cancelled(engine: AnyEngine, component: Component) -> None:
    async with opened(engine, component) as instance:
        task = asyncio.create_task(reply(instance, b"s"))
        for _ in range(3):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert not instance.is_alive


@pytest.mark.parametrize("payload", [b"s", b"z"], ids=["spins", "waits"])
async def test_a_cancelled_guest_gives_its_memory_back_while_its_instance_is_still_held(
    engine: AnyEngine, component: Component, payload: bytes
) -> None:
    host = Host(sleep_millis=lambda: asyncio.get_running_loop().create_future())
    async with opened(engine, component, host=host) as instance:
        assert instance.memory_used
        task = asyncio.create_task(reply(instance, payload))
        for _ in range(3):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        async with asyncio.timeout(10):
            # A thread may need a moment to leave the guest, and sets no event of ours.
            while instance.memory_used:  # noqa: ASYNC110
                await asyncio.sleep(0)


async def test_closing_an_instance_ends_the_call_that_waits(
    engine: AnyEngine, component: Component
) -> None:
    began = asyncio.Event()
    go_on = asyncio.Event()

    async def wait() -> None:
        began.set()
        await go_on.wait()

    async with opened(engine, component, host=Host(sleep_millis=wait)) as instance:
        task = asyncio.create_task(reply(instance, b"z"))
        await began.wait()
        instance.close()
        go_on.set()
        with pytest.raises(InstanceClosed):
            await task


async def test_closing_twice_is_allowed(engine: AnyEngine, component: Component) -> None:
    async with opened(engine, component) as instance:
        instance.close()
        instance.close()
        assert not instance.is_alive


async def test_an_instance_that_is_forgotten_is_freed(
    engine: AnyEngine, component: Component
) -> None:
    memories = engine._memories
    assert memories is not None
    async with opened(engine, component) as other:
        assert await reply(other, b"e") == Ok(b"")
        gc.collect()
        before = len(memories)
        instance = await engine.instantiate(component, limits=Limits(), host=Host(), clock=Clock())
        assert await reply(instance, b"e") == Ok(b"")
        del instance
        assert await reply(other, b"e") == Ok(b"")
        gc.collect()
        assert len(memories) == before


async def test_closing_the_engine_ends_its_calls_and_its_threads() -> None:
    threads = threading.active_count()
    for make in ENGINES.values():
        engine = make()
        compiled = Component(engine.engine, LIFECYCLE)
        began = asyncio.Event()
        go_on = asyncio.Event()

        async def wait(began: asyncio.Event = began, go_on: asyncio.Event = go_on) -> None:
            began.set()
            await go_on.wait()

        instance: AnyInstance = await engine.instantiate(
            compiled, limits=Limits(), host=Host(sleep_millis=wait), clock=Clock()
        )
        task = asyncio.create_task(reply(instance, b"z"))
        await began.wait()
        engine.close()
        go_on.set()
        with pytest.raises(InstanceClosed):
            await task
        assert not instance.is_alive
        with pytest.raises(RuntimeError):
            await engine.instantiate(compiled, limits=Limits(), host=Host(), clock=Clock())
    assert threading.active_count() == threads
    assert wasmtime.Engine() is not None
