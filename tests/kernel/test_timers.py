"""Timers: never early, final when cancelled, gone with their owner. And what an Actor does in time.

Time is the test's own where an order or a rest of time matters: the platform of the kernel is
replaced by one whose clock stands still until the test moves it.
"""

import asyncio
import heapq
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import count
from typing import Any

import pytest

from airssys_wasm.kernel import (
    Actor,
    ActorContext,
    ActorExited,
    ActorRef,
    Inbox,
    Kernel,
    Mailbox,
    RealPlatform,
    RequestTimeout,
    StartError,
    TimerRef,
)

pytestmark = pytest.mark.anyio

Until = Callable[[Callable[[], object]], Awaitable[None]]


class SetClock(RealPlatform):
    """The real platform, but for a clock that stands still until `advance` moves it."""

    def __init__(self) -> None:
        super().__init__()
        self.time = 1_000.0
        self.now = lambda: self.time
        self._calls: list[tuple[float, int, SetCall]] = []
        self._order = count()

    def call_at(self, when: float, callback: Callable[[], None]) -> "SetCall":  # type: ignore[override]
        call = SetCall(callback)
        heapq.heappush(self._calls, (when, next(self._order), call))
        return call

    async def advance(self, seconds: float) -> None:
        """Let `seconds` pass, and all that they bring about happen."""
        end = self.time + seconds
        await self._settle()
        while self._calls and self._calls[0][0] <= end:
            when, _, call = heapq.heappop(self._calls)
            self.time = max(self.time, when)
            call.make()
            await self._settle()
        self.time = end

    @staticmethod
    async def _settle() -> None:
        for _ in range(20):
            await asyncio.sleep(0)


class SetCall:
    def __init__(self, callback: Callable[[], None]) -> None:
        self._callback: Callable[[], None] | None = callback

    def cancel(self) -> None:
        self._callback = None

    def make(self) -> None:
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()


@pytest.fixture
async def timed(anyio_backend: object) -> AsyncIterator[tuple[Kernel, SetClock]]:
    """A kernel and the clock that it goes by."""
    clock = SetClock()
    async with Kernel("timed", platform=clock) as kernel:
        yield kernel, clock
    assert kernel.statistics().timers == 0


Timed = tuple[Kernel, SetClock]


class Does(Actor[Any]):
    """Calls each message with its context; other messages are noted."""

    def __init__(self, log: list[Any] | None = None) -> None:
        self.log = log if log is not None else []

    def receive(self, message: Any) -> object:
        if callable(message):
            return message(self.context)
        self.log.append(message)
        return None


def after(delay: float, to: Any, message: Any) -> Callable[[ActorContext], TimerRef]:
    return lambda context: context.send_after(delay, to, message)


@pytest.mark.rule("TMR-04")
async def test_a_message_comes_when_its_time_is_up_and_not_before(timed: Timed) -> None:
    kernel, clock = timed
    log: list[Any] = []
    ref = kernel.spawn(Does, log)
    await ref.request(after(2.0, ref, "ding"))
    await clock.advance(1.999)
    assert log == []
    await clock.advance(0.002)
    assert log == ["ding"]


@pytest.mark.rule("TMR-04")
@pytest.mark.parametrize("busy", [0.0, 0.02])
async def test_a_message_is_not_early_though_its_sender_was_busy(
    kernel: Kernel, busy: float
) -> None:
    """A loop may cut its clock to milliseconds, or let it stand still within a turn; we may not."""

    began: list[float] = []
    waited: list[float] = []
    heard = asyncio.Event()

    class Times(Actor[Any]):
        async def receive(self, message: str) -> None:
            if message == "wakes the timers up before":
                return
            if message == "ding":
                waited.append(time.monotonic() - began.pop())
                heard.set()
                return
            self.context.send_after(0.001, self.context.ref, "wakes the timers up before")
            end = time.monotonic() + busy
            while time.monotonic() < end:
                pass
            began.append(time.monotonic())
            self.context.send_after(0.01, self.context.ref, "ding")

    ref = kernel.spawn(Times)
    for _ in range(5):
        heard.clear()
        ref.send("go")
        await heard.wait()
    assert min(waited) >= 0.01


@pytest.mark.rule("TMR-03")
async def test_distinct_deadlines_deliver_in_their_order(timed: Timed) -> None:
    kernel, clock = timed
    log: list[Any] = []
    ref = kernel.spawn(Does, log)
    delays = [0.3, 0.1, 0.0005, 0.2, 0.10005, 5.0, 0.0]
    for delay in delays:
        await ref.request(after(delay, ref, delay))
    await clock.advance(10)
    assert log == sorted(delays)


@pytest.mark.rule("TMR-02")
async def test_cancel_gives_what_was_left_and_the_message_never_comes(timed: Timed) -> None:
    kernel, clock = timed
    log: list[Any] = []
    ref = kernel.spawn(Does, log)
    timer = await ref.request(after(2.0, ref, "ding"))
    await clock.advance(0.5)
    assert await ref.request(lambda context: context.cancel_timer(timer)) == pytest.approx(1.5)
    assert await ref.request(lambda context: context.cancel_timer(timer)) is None
    await clock.advance(10)
    assert log == []
    assert kernel.statistics().timers == 0


@pytest.mark.rule("TMR-01")
async def test_a_timer_that_has_fired_cannot_be_cancelled(timed: Timed) -> None:
    kernel, clock = timed
    log: list[Any] = []
    ref = kernel.spawn(Does, log)
    timer = await ref.request(after(1.0, ref, "ding"))
    await clock.advance(2)
    assert (timer.is_active, log) == (False, ["ding"])
    assert await ref.request(lambda context: context.cancel_timer(timer)) is None


async def test_an_interval_keeps_its_beat_until_it_is_cancelled(timed: Timed) -> None:
    kernel, clock = timed
    log: list[Any] = []
    ref = kernel.spawn(Does, log)
    timer = await ref.request(lambda context: context.send_every(1.0, ref, "tick"))
    await clock.advance(0.999)
    assert log == []
    await clock.advance(3.5)
    assert log == ["tick"] * 4
    await ref.request(lambda context: context.cancel_timer(timer))
    await clock.advance(10)
    assert log == ["tick"] * 4


@pytest.mark.rule("TMR-05")
async def test_a_name_is_resolved_when_the_timer_fires(timed: Timed) -> None:
    kernel, clock = timed
    first_log: list[Any] = []
    second_log: list[Any] = []
    owner = kernel.spawn(Does)
    first = kernel.spawn(Does, first_log, name="service")
    await owner.request(after(1.0, kernel.named("service"), "ding"))
    first.kill()
    kernel.spawn(Does, second_log, name="service")
    await clock.advance(2)
    assert (first_log, second_log) == ([], ["ding"])


@pytest.mark.rule("TMR-06")
async def test_a_timer_for_the_dead_is_a_dead_letter(timed: Timed) -> None:
    kernel, clock = timed
    owner, target = kernel.spawn(Does), kernel.spawn(Does)
    await owner.request(after(1.0, target, "ding"))
    target.kill()
    await clock.advance(2)
    assert [letter.message for letter in kernel.dead_letters.recent()] == ["ding"]
    assert owner.is_alive


@pytest.mark.rule("TMR-08")
async def test_an_interval_ends_with_its_receiver(timed: Timed) -> None:
    kernel, clock = timed
    log: list[Any] = []
    owner, target = kernel.spawn(Does), kernel.spawn(Does, log)
    await owner.request(lambda context: context.send_every(1.0, target, "tick"))
    await clock.advance(2.5)
    target.kill()
    await clock.advance(10)
    assert log == ["tick", "tick"]
    assert kernel.dead_letters.count == 0
    assert kernel.statistics().timers == 0


async def test_an_interval_to_a_name_goes_on_while_its_actor_is_restarted(timed: Timed) -> None:
    kernel, clock = timed
    log: list[Any] = []
    parent, owner = kernel.spawn(Does), kernel.spawn(Does)

    def spawn(adopt: ActorRef[Any] | None) -> Callable[[ActorContext], ActorRef[Any]]:
        return lambda context: context.spawn_child(
            Does, log, name="child", mailbox=Mailbox(keep_on_restart=True), adopt=adopt
        )

    first: ActorRef[Any] = await parent.request(spawn(None))
    await owner.request(
        lambda context: context.send_every(1.0, kernel.named("child"), "tick") and None
    )
    await clock.advance(1.5)
    first.kill()
    await clock.advance(1.0)
    await parent.request(spawn(first))
    await clock.advance(1.0)
    assert log == ["tick"] * 3


async def test_a_timer_dies_with_its_owner(timed: Timed) -> None:
    kernel, clock = timed
    log: list[Any] = []
    owner, target = kernel.spawn(Does), kernel.spawn(Does, log)
    await owner.request(after(1.0, target, "ding"))
    await owner.request(lambda context: context.send_every(1.0, target, "tick") and None)
    owner.kill()
    assert kernel.statistics().timers == 0
    await clock.advance(10)
    assert log == []


@pytest.mark.rule("TMR-07")
@pytest.mark.parametrize(
    ("delay", "error"),
    [(-1, ValueError), (float("nan"), ValueError), (float("inf"), ValueError),
     ("1", TypeError), (True, TypeError), (None, TypeError)],
)  # fmt: skip
async def test_what_is_no_time_from_now_is_refused(
    kernel: Kernel, delay: Any, error: type[Exception]
) -> None:
    for call in ("send_after", "send_every"):
        ref = kernel.spawn(Does)
        with pytest.raises(ActorExited) as caught:
            await ref.request(
                lambda context, call=call: getattr(context, call)(delay, context.ref, "ding")
            )
        assert isinstance(caught.value.__cause__, error)
    assert kernel.statistics().timers == 0


async def test_an_interval_of_nothing_is_refused(kernel: Kernel) -> None:
    ref = kernel.spawn(Does)
    with pytest.raises(ActorExited, match="would never end"):
        await ref.request(lambda context: context.send_every(0, context.ref, "tick"))


async def test_what_a_full_mailbox_does_not_take_from_a_timer_is_a_dead_letter(
    timed: Timed,
) -> None:
    kernel, clock = timed
    gate = asyncio.Event()

    class Slow(Actor[str]):
        async def receive(self, message: str) -> None:
            await gate.wait()

    owner, slow = kernel.spawn(Does), kernel.spawn(Slow, mailbox=Mailbox(1))
    for number in range(3):
        await owner.request(after(number + 1.0, slow, number))
    await clock.advance(5)
    assert [(letter.message, letter.reason) for letter in kernel.dead_letters.recent()] == [
        (2, "full")
    ]
    gate.set()


async def test_timers_that_are_due_together_may_cancel_one_another(timed: Timed) -> None:
    """A start runs out of time in the very turn in which a timer of that actor is due."""
    kernel, clock = timed
    log: list[Any] = []
    witness = kernel.spawn(Does, log)

    class NeverReady(Actor[Any]):
        async def init(self) -> None:
            for _ in range(3):
                self.context.send_after(1.0, witness, "too late")
            await asyncio.Event().wait()

    starting = asyncio.create_task(kernel.start(NeverReady, timeout=1.0))
    for _ in range(5):
        await asyncio.sleep(0)
    await witness.request(after(1.0, witness, "ding"))
    await clock.advance(2)
    with pytest.raises(StartError):
        await starting
    assert log == ["ding"]


async def test_an_actor_that_cancels_every_timer_it_sets_keeps_none(kernel: Kernel) -> None:
    def set_and_cancel(context: ActorContext) -> None:
        for _ in range(1_000):
            context.cancel_timer(context.send_after(60, context.ref, "never"))

    ref = kernel.spawn(Does)
    await ref.request(set_and_cancel)
    assert kernel.statistics().timers == 0
    assert ref._extension is not None
    assert not ref._extension.timers


async def test_a_process_waits_no_longer_than_it_said(timed: Timed) -> None:
    kernel, clock = timed
    log: list[Any] = []

    async def patient(inbox: Inbox[str]) -> None:
        try:
            await inbox.receive(lambda message: message == "wanted", timeout=2.0)
        except TimeoutError:
            log.append(inbox.context.now())
        log.append(await inbox.receive(timeout=0))

    ref = kernel.spawn(patient)
    await clock.advance(1.0)
    ref.send("not wanted")
    await clock.advance(0.999)
    assert log == []
    await clock.advance(0.002)
    await ref.wait()
    assert log == [1_002.0, "not wanted"]


async def test_a_request_times_out_by_the_clock_of_the_kernel(timed: Timed) -> None:
    kernel, clock = timed
    gate = asyncio.Event()

    class Slow(Actor[str]):
        async def receive(self, message: str) -> None:
            await gate.wait()

    asking = asyncio.create_task(kernel.spawn(Slow).request("hello", timeout=5.0))
    await clock.advance(4.999)
    assert not asking.done()
    await clock.advance(0.002)
    with pytest.raises(RequestTimeout):
        await asking
    gate.set()


async def test_a_terminate_has_five_seconds_without_a_supervisor(timed: Timed) -> None:
    kernel, clock = timed

    class Hangs(Actor[Any]):
        async def terminate(self, reason: object) -> None:
            await asyncio.Event().wait()

    ref = kernel.spawn(Hangs)
    ref.stop()
    await clock.advance(4.9)
    assert ref.is_alive
    await clock.advance(0.2)
    assert await ref.wait() == "killed"


async def test_an_actor_asks_its_platform_for_time_chance_and_ids(timed: Timed) -> None:
    kernel, clock = timed
    clock.random.seed(7)
    ref = kernel.spawn(Does)
    assert await ref.request(lambda context: context.now()) == clock.time
    first = await ref.request(lambda context: context.new_id())
    clock.random.seed(7)
    assert await ref.request(lambda context: context.new_id()) == first
    assert len(first) == 32


async def test_blocking_code_is_offloaded_and_its_error_comes_back(kernel: Kernel) -> None:
    class Offloads(Actor[Any]):
        async def receive(self, message: str) -> object:
            return await self.context.offload(int, message, base=16)

    ref = kernel.spawn(Offloads)
    assert await ref.request("ff") == 255
    with pytest.raises(ActorExited, match="ValueError"):
        await ref.request("xyz")
