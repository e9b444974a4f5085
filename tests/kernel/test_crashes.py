"""A handler that raises: the message in hand, the messages behind it, the report.

The kernel drains mailboxes in several ways; the same law holds in each.
"""

import asyncio
import contextvars
import gc
import logging
import weakref
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from airssys_wasm.kernel import (
    Actor,
    ActorExited,
    Crash,
    CrashReport,
    DeadLetter,
    Error,
    ExitActor,
    Inbox,
    Kernel,
    Mailbox,
    is_orderly,
)

pytestmark = pytest.mark.anyio

Until = Callable[[Callable[[], object]], Awaitable[None]]

VARIABLE: contextvars.ContextVar[int] = contextvars.ContextVar("variable", default=0)


class Fragile(Actor[Any]):
    """Crashes on the message it was made to crash on."""

    def __init__(self, poison: object, handled: list[object]) -> None:
        self.poison = poison
        self.handled = handled

    def receive(self, message: Any) -> None:
        if message == self.poison:
            raise ValueError("poisoned")
        self.handled.append(message)


class FragileAsync(Fragile):
    async def receive(self, message: Any) -> None:  # type: ignore[override]
        super().receive(message)


class FragileSuspended(Fragile):
    async def receive(self, message: Any) -> None:  # type: ignore[override]
        await asyncio.sleep(0)
        super().receive(message)


class FragileWithInit(Fragile):
    def init(self) -> None:
        pass


class FragileOwn(Fragile):
    """Has a context variable of its own, and so runs in tasks of its own."""

    def init(self) -> None:
        VARIABLE.set(7)


class FragileOwnAsync(FragileAsync):
    async def init(self) -> None:
        VARIABLE.set(7)


class FragileInOneTask(Fragile):
    own_task = True


class FragileInOneTaskSuspended(FragileSuspended):
    own_task = True


async def fragile_process(inbox: Inbox[Any], poison: object, handled: list[object]) -> None:
    async for message in inbox:
        if message == poison:
            raise ValueError("poisoned")
        handled.append(message)


KINDS = [
    pytest.param(Fragile, None, id="plain"),
    pytest.param(FragileAsync, None, id="async"),
    pytest.param(FragileSuspended, None, id="suspended"),
    pytest.param(FragileWithInit, None, id="init"),
    pytest.param(Fragile, Mailbox(10_000), id="bounded"),
    pytest.param(FragileAsync, Mailbox(10_000), id="bounded async"),
    pytest.param(FragileSuspended, Mailbox(10_000), id="bounded suspended"),
    pytest.param(FragileOwn, None, id="own context"),
    pytest.param(FragileOwnAsync, None, id="own context async"),
    pytest.param(FragileInOneTask, None, id="own task"),
    pytest.param(FragileInOneTaskSuspended, Mailbox(10_000), id="own task bounded suspended"),
]
each_kind = pytest.mark.parametrize(("behaviour", "mailbox"), KINDS)
each_place = pytest.mark.parametrize(
    ("before", "after"), [(0, 0), (0, 5), (1, 0), (3, 3), (0, 700), (300, 700), (999, 1)]
)


@each_kind
@each_place
async def test_the_message_in_hand_and_all_behind_it_are_dead_letters_in_their_order(
    kernel: Kernel, behaviour: type[Fragile], mailbox: Mailbox | None, before: int, after: int
) -> None:
    handled: list[object] = []
    ref = kernel.spawn(behaviour, "poison", handled, mailbox=mailbox)
    good = list(range(before))
    rest = list(range(before, before + after))
    for message in [*good, "poison", *rest]:
        ref.send(message)
    reason = await ref.wait()
    assert reason == Error("ValueError", "poisoned")
    assert handled == good
    assert kernel.dead_letters.recent() == (
        DeadLetter("poison", ref, reason, crashed=True),
        *(DeadLetter(message, ref, reason) for message in rest),
    )


@each_kind
async def test_none_can_be_the_poisoned_message(
    kernel: Kernel, behaviour: type[Fragile], mailbox: Mailbox | None
) -> None:
    ref = kernel.spawn(behaviour, None, [], mailbox=mailbox)
    ref.send(None)
    reason = await ref.wait()
    assert kernel.dead_letters.recent() == (DeadLetter(None, ref, reason, crashed=True),)


@each_kind
async def test_what_the_crashing_handler_had_sent_to_itself_is_dead_lettered_last(
    kernel: Kernel, behaviour: type[Fragile], mailbox: Mailbox | None
) -> None:
    class SendsFirst(behaviour):  # type: ignore[misc, valid-type]
        def describe_crash(self, crash: Crash) -> Crash:
            return replace(crash, state=None)

    handled: list[object] = []
    ref = kernel.spawn(SendsFirst, "poison", handled, mailbox=mailbox)

    class Trigger:
        def __eq__(self, other: object) -> bool:
            ref.send("from inside")
            return True

        __hash__ = None  # type: ignore[assignment]

    trigger = Trigger()
    ref.send(trigger)
    ref.send("behind")
    await ref.wait()
    letters = [letter.message for letter in kernel.dead_letters.recent()]
    assert letters[0] is trigger
    assert letters[1:] == ["behind", "from inside"]


async def test_a_process_that_crashes_leaves_its_queue_to_the_dead_letters(kernel: Kernel) -> None:
    handled: list[object] = []
    ref = kernel.spawn(fragile_process, "poison", handled)
    for message in [1, 2, "poison", 3, 4]:
        ref.send(message)
    reason = await ref.wait()
    assert handled == [1, 2]
    assert [letter.message for letter in kernel.dead_letters.recent()] == ["poison", 3, 4]
    assert [letter.crashed for letter in kernel.dead_letters.recent()] == [True, False, False]
    assert {letter.reason for letter in kernel.dead_letters.recent()} == {reason}


@each_kind
async def test_what_is_sent_to_a_dead_actor_is_a_dead_letter(
    kernel: Kernel, behaviour: type[Fragile], mailbox: Mailbox | None
) -> None:
    ref = kernel.spawn(behaviour, "poison", [], mailbox=mailbox)
    ref.send("poison")
    await ref.wait()
    ref.send("too late")
    await ref.put("too late as well")
    assert kernel.dead_letters.recent()[1:] == (
        DeadLetter("too late", ref, "noproc"),
        DeadLetter("too late as well", ref, "noproc"),
    )


@pytest.mark.parametrize("mailbox", [None, Mailbox(10_000)])
@pytest.mark.parametrize("suspended", [None, False, True])
@pytest.mark.parametrize("behind", [0, 1, 700])
async def test_an_actor_that_stops_in_its_handler_has_handled_that_message_and_no_other(
    kernel: Kernel, mailbox: Mailbox | None, suspended: bool | None, behind: int
) -> None:
    handled: list[object] = []

    class Stops(Actor[Any]):
        def receive(self, message: Any) -> None:
            if message == "stop":
                self.context.stop("done")
            handled.append(message)

    class StopsAsync(Stops):
        async def receive(self, message: Any) -> None:  # type: ignore[override]
            if suspended:
                await asyncio.sleep(0)
            super().receive(message)

    ref = kernel.spawn(Stops if suspended is None else StopsAsync, mailbox=mailbox)
    for message in ["first", "stop", *range(behind)]:
        ref.send(message)
    assert await ref.wait() == "done"
    assert handled == ["first", "stop"]
    assert kernel.dead_letters.recent() == tuple(
        DeadLetter(message, ref, "done") for message in range(behind)
    )


@pytest.mark.rule("GS-25")
async def test_an_abnormal_end_is_reported_once_with_message_and_state(
    kernel: Kernel, caplog: pytest.LogCaptureFixture
) -> None:
    reports: list[CrashReport] = []
    kernel.on_crash(reports.append)
    ref = kernel.spawn(Fragile, "poison", [])
    ref.send("poison")
    await ref.wait()
    (report,) = reports
    assert report.ref is ref
    assert report.behaviour == "Fragile"
    assert report.reason == ref.exit_reason
    assert report.last_message == "'poison'"
    assert "'poison': 'poison'" in report.state
    assert report.restarts == 0
    (record,) = caplog.records
    assert record.levelno == logging.ERROR
    assert "ValueError: poisoned" in record.getMessage()
    assert "test_crashes.py" in record.getMessage()


@pytest.mark.rule("GS-25")
@pytest.mark.parametrize("reason", ["normal", "shutdown", ("shutdown", "upgrade")])
async def test_an_orderly_end_is_not_reported(
    kernel: Kernel, caplog: pytest.LogCaptureFixture, reason: object
) -> None:
    class Leaves(Actor[str]):
        def receive(self, message: str) -> None:
            if message == "stop":
                self.context.stop(reason)
            raise ExitActor(reason)

    for message in ["stop", "exit"]:
        ref = kernel.spawn(Leaves)
        ref.send(message)
        assert await ref.wait() == reason
        assert is_orderly(ref.exit_reason)
    assert caplog.records == []


@pytest.mark.rule("GS-25")
@pytest.mark.parametrize("client", ["class", "process", "task", "outside"])
@pytest.mark.parametrize("queued", [False, True], ids=["at once", "queued"])
@each_kind
async def test_a_report_names_who_made_the_request_in_hand(
    kernel: Kernel, behaviour: type[Fragile], mailbox: Mailbox | None, queued: bool, client: str
) -> None:
    reports: list[CrashReport] = []
    kernel.on_crash(reports.append)
    server = await kernel.start(behaviour, "poison", [], mailbox=mailbox)

    async def ask() -> None:
        if queued:
            server.send("before")
        with pytest.raises(ActorExited):
            await server.request("poison")

    async def in_a_task() -> None:
        await asyncio.create_task(ask())

    class Client(Actor[Any]):
        async def receive(self, message: Any) -> None:
            await (in_a_task() if client == "task" else ask())

    async def process(inbox: Inbox[Any]) -> None:
        await ask()

    if client == "outside":
        await ask()
        asks = None
    else:
        asks = kernel.spawn(process) if client == "process" else kernel.spawn(Client)
        asks.send("go")
        await server.wait()
        asks.stop()
        await asks.wait()
    (report,) = reports
    assert report.client is asks
    assert (f"client: {asks}" in str(report)) is (asks is not None)


@pytest.mark.rule("GS-25")
async def test_a_report_on_a_message_that_was_no_request_names_no_client(kernel: Kernel) -> None:
    reports: list[CrashReport] = []
    kernel.on_crash(reports.append)

    async def asked_before(inbox: Inbox[Any]) -> None:
        await inbox.receive()
        inbox.context.defer_reply().send("done")
        await inbox.receive()
        raise ValueError("poisoned")

    ref = kernel.spawn(Fragile, "poison", [])
    other = kernel.spawn(asked_before)

    class Client(Actor[Any]):
        async def receive(self, message: Any) -> None:
            for server in (ref, other):
                await server.request("hello")
                server.send("poison")
                await server.wait()

    await kernel.spawn(Client).request("go")
    assert [(report.client, report.last_message) for report in reports] == [(None, "'poison'")] * 2


SECRET = "correct horse battery staple"


class Keeper(Actor[Any]):
    """Has a secret in its state, in its messages and in the reason of its crash."""

    def __init__(self) -> None:
        self.secret = SECRET

    def receive(self, message: Any) -> None:
        if isinstance(message, str):
            raise ValueError(f"refused: {message}")
        raise ExitActor(("refused", message))


class Discreet(Keeper):
    def describe_crash(self, crash: Crash) -> Crash:
        assert SECRET in repr(crash.message)
        assert crash.state == {"secret": SECRET}
        return Crash("refused", "a message", {"secret": "***"})


class Clumsy(Keeper):
    def describe_crash(self, crash: Crash) -> Crash:
        raise LookupError(f"what is {crash.message}?")


class Forgetful(Keeper):
    def describe_crash(self, crash: Crash) -> Any:
        return None


@pytest.mark.rule("GS-32")
@pytest.mark.parametrize("message", [SECRET, [SECRET]], ids=["error", "reason"])
@pytest.mark.parametrize("request_", [False, True], ids=["sent", "requested"])
async def test_one_hook_hides_secrets_in_state_message_and_reason_and_so_in_the_log(
    kernel: Kernel, caplog: pytest.LogCaptureFixture, message: object, request_: bool
) -> None:
    reports: list[CrashReport] = []
    kernel.on_crash(reports.append)
    ref = kernel.spawn(Discreet)
    if request_:
        with pytest.raises(ActorExited):
            await ref.request(message)
    else:
        ref.send(message)
    assert SECRET in str(await ref.wait())
    (report,) = reports
    assert report.reason == "refused"
    assert (report.last_message, report.state) == ("'a message'", "{'secret': '***'}")
    assert SECRET not in str(report) + repr(report) + caplog.text
    assert "crashed: refused" in caplog.text


@pytest.mark.rule("GS-32")
@pytest.mark.parametrize("behaviour", [Clumsy, Forgetful])
async def test_a_hook_that_crashes_hides_all_but_the_report_itself(
    kernel: Kernel, caplog: pytest.LogCaptureFixture, behaviour: type[Keeper]
) -> None:
    reports: list[CrashReport] = []
    kernel.on_crash(reports.append)
    for message in (SECRET, [SECRET]):
        ref = kernel.spawn(behaviour)
        ref.send(message)
        await ref.wait()
    failed = f"<describe_crash() raised {'TypeError' if behaviour is Forgetful else 'LookupError'}>"
    error, other = reports
    assert isinstance(error.reason, Error)
    assert (error.reason.type, error.reason.message) == ("ValueError", failed)
    assert [frame.function for frame in error.reason.stack] == ["receive"]
    assert error.reason.exception is None
    assert repr(other.reason) == "<tuple>"
    assert [report.last_message for report in reports] == ["<str>", "<list>"]
    assert [report.state for report in reports] == [failed] * 2
    assert SECRET not in "".join(map(repr, reports)) + caplog.text
    assert len(caplog.records) == 2


async def test_a_crash_callback_that_raises_changes_nothing_about_the_end(
    kernel: Kernel, until: Until
) -> None:
    reports: list[CrashReport] = []

    def broken(report: CrashReport) -> None:
        raise RuntimeError("the reporter is broken")

    kernel.on_crash(broken)
    kernel.on_crash(reports.append)
    ref = kernel.spawn(Fragile, "poison", [])
    ref.send("poison")
    ref.send("behind")
    assert await ref.wait() == Error("ValueError", "poisoned")
    assert len(reports) == 1
    assert kernel.dead_letters.count == 2


async def test_a_message_whose_repr_raises_does_not_hide_the_report(kernel: Kernel) -> None:
    reports: list[CrashReport] = []
    kernel.on_crash(reports.append)

    class Unprintable:
        def __repr__(self) -> str:
            raise RuntimeError("unprintable")

    poison = Unprintable()
    ref = kernel.spawn(Fragile, poison, [])
    ref.send(poison)
    await ref.wait()
    assert reports[0].last_message is not None
    assert "Unprintable" in reports[0].last_message


@pytest.mark.rule("LINK-14")
async def test_the_reason_of_a_crash_carries_type_message_and_stack(kernel: Kernel) -> None:
    ref = kernel.spawn(Fragile, "poison", [])
    ref.send("poison")
    reason = await ref.wait()
    assert isinstance(reason, Error)
    assert (reason.type, reason.message) == ("ValueError", "poisoned")
    assert [frame.function for frame in reason.stack] == ["receive"]
    assert isinstance(reason.exception, ValueError)


async def test_the_exception_of_a_crash_keeps_no_local_variable_alive(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What the log has got, the test framework keeps.
    monkeypatch.setattr(logging.getLogger("airssys_wasm.kernel"), "disabled", True)

    class Payload:
        pass

    class Direct(Actor[Any]):
        async def receive(self, message: Any) -> None:
            raise ValueError("boom")

    class Awaits(Actor[Any]):
        async def receive(self, message: Any) -> None:
            await self.fails(message)

        async def fails(self, local: Any) -> None:
            failing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_soon(failing.set_exception, ValueError("boom"))
            await failing

    for behaviour in (Direct, Awaits):
        ref = kernel.spawn(behaviour)
        payload = Payload()
        ref.send(payload)
        gone = weakref.ref(payload)
        del payload
        reason = await ref.wait()
        assert isinstance(reason, Error)
        assert isinstance(reason.exception, ValueError)
        assert reason.stack[0].function == "receive"
        kernel.dead_letters._recent.clear()
        await kernel.spawn(Fragile, "poison", []).request("the worker forgets")
        gc.collect()
        assert gone() is None


async def test_an_exception_may_be_a_frozen_dataclass(kernel: Kernel) -> None:
    @dataclass(frozen=True)
    class OutOfStock(Exception):
        article: str

    class Sells(Actor[str]):
        def receive(self, message: str) -> None:
            raise OutOfStock(message)

    ref = kernel.spawn(Sells)
    ref.send("umbrella")
    reason = await ref.wait()
    assert isinstance(reason, Error)
    assert reason.exception == OutOfStock("umbrella")


async def test_a_crash_leaves_a_coroutine_alone_that_had_caught_the_same_exception(
    kernel: Kernel,
) -> None:
    caught: list[Exception] = []
    gate = asyncio.Event()

    async def connection() -> str:
        try:
            raise OSError("connection lost")
        except OSError as error:
            caught.append(error)
        await gate.wait()
        return "reconnected"

    background = asyncio.create_task(connection())
    await asyncio.sleep(0)

    class Reports(Actor[str]):
        async def receive(self, message: str) -> None:
            raise caught[0]

    ref = kernel.spawn(Reports)
    ref.send("work")
    assert await ref.wait() == Error("OSError", "connection lost")
    gate.set()
    assert await background == "reconnected"


@pytest.mark.rule("GS-26")
async def test_an_unhandled_message_is_a_warning_and_the_actor_lives(
    kernel: Kernel, caplog: pytest.LogCaptureFixture
) -> None:
    class Picky(Actor[Any]):
        def receive(self, message: Any) -> object:
            return message if message == "good" else self.unhandled(message)

    ref = kernel.spawn(Picky)
    ref.send("strange")
    assert await ref.request("good") == "good"
    assert ["strange" in record.getMessage() for record in caplog.records] == [True]


async def test_a_coroutine_from_a_plain_receive_ends_the_actor_and_says_why(
    kernel: Kernel,
) -> None:
    class Forgot(Actor[str]):
        def receive(self, message: str) -> object:
            return asyncio.sleep(0)

    ref = kernel.spawn(Forgot)
    ref.send("hello")
    reason = await ref.wait()
    assert isinstance(reason, tuple)
    assert reason[0] == "bad_return_value"
    assert "make it async" in reason[1]


async def test_a_cancelled_error_from_elsewhere_is_abnormal(kernel: Kernel) -> None:
    class Cancelled(Actor[str]):
        async def receive(self, message: str) -> None:
            raise asyncio.CancelledError

    class CancelsItself(Actor[str]):
        async def receive(self, message: str) -> None:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            await asyncio.sleep(0)

    for behaviour in (Cancelled, CancelsItself):
        ref = kernel.spawn(behaviour)
        ref.send("go")
        assert await ref.wait() == Error("CancelledError", "")
    other = kernel.spawn(Fragile, "poison", [])
    await other.request("the kernel is as before")


async def test_dead_letters_can_be_subscribed_to(kernel: Kernel) -> None:
    letters: list[object] = []

    class Reads(Actor[DeadLetter]):
        def receive(self, letter: DeadLetter) -> None:
            letters.append(letter)

    reader = kernel.spawn(Reads)
    kernel.dead_letters.subscribe(reader)
    ref = kernel.spawn(Fragile, "poison", [])
    ref.send("poison")
    ref.send("behind")
    await ref.wait()
    reader.stop()
    await reader.wait()
    assert letters == list(kernel.dead_letters.recent())
    kernel.named("nobody").send("after the reader ended")
    assert kernel.dead_letters.count == 3


async def test_a_subscriber_that_crashes_on_dead_letters_makes_no_avalanche(
    kernel: Kernel,
) -> None:
    class Crashes(Actor[DeadLetter]):
        def receive(self, letter: DeadLetter) -> None:
            raise ValueError("cannot read")

    readers = [kernel.spawn(Crashes) for _ in range(3)]
    for reader in readers:
        kernel.dead_letters.subscribe(reader)
    kernel.named("nobody").send("lost")
    for reader in readers:
        await reader.wait()
    assert kernel.dead_letters.count == 1 + 3
