"""State machines: what gen_statem's manual says, shown on small machines.

What is decided is shown on the pure `Machine`, which gets its time as a number; what the behaviour
adds (replies, timers, ends) on actors in both event loops.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from enum import Enum
from typing import Any

import pytest

from airssys_wasm.kernel import (
    IGNORE,
    Actor,
    ActorExited,
    ActorRef,
    CancelTimeout,
    Down,
    Error,
    EventTimeout,
    Exit,
    ExitActor,
    Failed,
    Internal,
    KeepState,
    Kernel,
    Mailbox,
    NamedTimeout,
    NextEvent,
    NextState,
    Postpone,
    RepeatState,
    Reply,
    RequestTimeout,
    StartError,
    StateMachine,
    StateTimeout,
    Stop,
    TimedOut,
    Transition,
    UpdateTimeout,
    enter,
    state,
)
from airssys_wasm.kernel.state_machine import Enter, Handle, Machine
from tests.kernel.test_timers import SetClock

pytestmark = pytest.mark.anyio

Until = Callable[[Callable[[], object]], Awaitable[None]]
Timed = tuple[Kernel, SetClock]


@pytest.fixture
async def timed(anyio_backend: object) -> AsyncIterator[Timed]:
    """A kernel and the clock that it goes by."""
    clock = SetClock()
    async with Kernel("timed", platform=clock) as kernel:
        yield kernel, clock
    assert kernel.statistics().timers == 0


# --- what is decided


class Driven:
    """A pure machine of the states a, b and c whose handler answers what `plan` says."""

    def __init__(self, plan: dict[tuple[object, object], Transition] | None = None) -> None:
        self.machine = Machine(["a", "b", "c"], "a")
        self.plan = plan or {}
        self.now = 0.0
        self.done: list[Any] = []
        self.run()

    def run(self) -> list[Any]:
        """Take every step there is; what was done: events by state, and states entered."""
        self.done = []
        while (step := self.machine.step()) is not None:
            if isinstance(step, Enter):
                self.done.append(("enter", step.previous, step.state))
                answer = self.plan.get(("enter", step.state), KeepState())
            else:
                self.done.append((step.state, step.event))
                answer = self.plan.get((step.state, step.event), KeepState())
            self.machine.apply(answer, self.now)
        return self.done

    def get(self, *events: object) -> list[Any]:
        for event in events:
            self.machine.arrive(event)
        return self.run()

    def at(self, now: float) -> list[Any]:
        self.now = now
        self.machine.wake(now)
        return self.run()


@pytest.mark.rule("FSM-01")
def test_postponed_events_come_again_in_their_order_after_a_change_of_state() -> None:
    machine = Driven({
        ("a", 1): KeepState(Postpone()),
        ("a", 2): KeepState(Postpone()),
        ("a", "go"): NextState("b"),
    })  # fmt: skip
    assert machine.get(1, 2, "go", 3) == [
        ("a", 1), ("a", 2), ("a", "go"), ("enter", "a", "b"), ("b", 1), ("b", 2), ("b", 3),
    ]  # fmt: skip


@pytest.mark.rule("FSM-01")
def test_internal_events_come_before_postponed_ones_and_those_before_what_was_received() -> None:
    machine = Driven({
        ("a", "early"): KeepState(Postpone()),
        ("a", "go"): NextState("b", NextEvent("first"), NextEvent("second")),
    })  # fmt: skip
    assert machine.get("early", "go", "late")[3:] == [
        ("b", Internal("first")), ("b", Internal("second")), ("b", "early"), ("b", "late"),
    ]  # fmt: skip


@pytest.mark.rule("FSM-01")
def test_an_internal_event_that_asks_for_another_is_followed_by_it() -> None:
    machine = Driven({
        ("a", "go"): KeepState(NextEvent(1), NextEvent(2)),
        ("a", Internal(1)): KeepState(NextEvent("between")),
    })  # fmt: skip
    events = [event for _, event in machine.get("go", "late")]
    assert events == ["go", Internal(1), Internal("between"), Internal(2), "late"]


@pytest.mark.rule("FSM-01")
def test_nothing_postponed_comes_while_the_state_stays() -> None:
    machine = Driven({
        ("a", 1): KeepState(Postpone()),
        ("a", "same"): NextState("a"),
        ("a", "repeat"): RepeatState(),
    })  # fmt: skip
    machine.get(1)
    assert machine.get("same", "keep") == [("a", "same"), ("a", "keep")]
    assert machine.get("repeat") == [("a", "repeat"), ("enter", "a", "a")]
    assert machine.machine.postponed == (1,)


def test_the_event_that_changes_the_state_can_be_postponed_into_the_next_one() -> None:
    machine = Driven({
        ("a", 1): KeepState(Postpone()),
        ("a", 2): NextState("b", Postpone()),
    })  # fmt: skip
    assert machine.get(1, 2)[2:] == [("enter", "a", "b"), ("b", 1), ("b", 2)]


def test_an_event_may_be_postponed_from_state_to_state() -> None:
    machine = Driven({
        ("a", 1): KeepState(Postpone()), ("b", 1): KeepState(Postpone()),
        ("a", "go"): NextState("b"), ("b", "go"): NextState("c"),
    })  # fmt: skip
    assert ("b", 1) in machine.get(1, "go")
    assert machine.get("go") == [("b", "go"), ("enter", "b", "c"), ("c", 1)]


def test_a_change_of_state_amid_postponed_events_starts_over_with_those_postponed_again() -> None:
    machine = Driven({
        ("a", 1): KeepState(Postpone()), ("a", 2): KeepState(Postpone()),
        ("a", 3): KeepState(Postpone()), ("a", "go"): NextState("b"),
        ("b", 1): KeepState(Postpone()), ("b", 2): NextState("c"),
    })  # fmt: skip
    assert machine.get(1, 2, 3, "go")[5:] == [
        ("b", 1), ("b", 2), ("enter", "b", "c"), ("c", 1), ("c", 3),
    ]  # fmt: skip


@pytest.mark.rule("FSM-02")
def test_a_state_timeout_is_cancelled_by_a_change_of_state() -> None:
    machine = Driven({
        ("a", "arm"): KeepState(StateTimeout(5.0, "tired")),
        ("a", "go"): NextState("b"),
    })  # fmt: skip
    machine.get("arm", "go")
    assert machine.at(10.0) == []
    assert machine.machine.next_due == float("inf")


@pytest.mark.rule("FSM-02")
def test_a_state_timeout_comes_when_the_state_stays_whatever_else_happens() -> None:
    machine = Driven({
        ("a", "arm"): KeepState(StateTimeout(5.0, "tired")),
        ("a", "repeat"): RepeatState(),
        ("a", "same"): NextState("a"),
    })  # fmt: skip
    machine.get("arm", "other", "repeat", "same")
    assert machine.at(4.999) == []
    assert machine.at(5.0) == [("a", TimedOut("state", "tired"))]
    assert machine.at(50.0) == []


@pytest.mark.rule("FSM-02")
def test_a_state_timeout_set_on_the_way_belongs_to_the_new_state() -> None:
    machine = Driven({("a", "go"): NextState("b", StateTimeout(5.0))})
    machine.get("go")
    assert machine.at(5.0) == [("b", TimedOut("state"))]


@pytest.mark.rule("FSM-02")
def test_a_state_timeout_that_has_elapsed_is_still_cancelled_by_a_change_of_state() -> None:
    machine = Driven({
        ("a", "arm"): KeepState(NamedTimeout("leave", 1.0), StateTimeout(2.0)),
        ("a", TimedOut("leave")): NextState("b"),
    })  # fmt: skip
    machine.get("arm")
    assert machine.at(3.0) == [("a", TimedOut("leave")), ("enter", "a", "b")]


@pytest.mark.rule("FSM-03")
def test_a_named_timeout_survives_events_and_changes_of_state() -> None:
    machine = Driven({
        ("a", "arm"): KeepState(NamedTimeout("tea", 3.0, "ready")),
        ("a", "go"): NextState("b"),
    })  # fmt: skip
    machine.get("arm", "go", "other")
    assert machine.at(3.0) == [("b", TimedOut("tea", "ready"))]


@pytest.mark.rule("FSM-03")
def test_arming_a_named_timeout_again_replaces_it() -> None:
    machine = Driven({
        ("a", "first"): KeepState(NamedTimeout("tea", 3.0, "old")),
        ("a", "again"): KeepState(NamedTimeout("tea", 5.0, "new")),
    })  # fmt: skip
    machine.get("first", "again")
    assert machine.at(3.0) == []
    assert machine.at(5.0) == [("a", TimedOut("tea", "new"))]


@pytest.mark.rule("FSM-03")
def test_a_timeout_can_be_cancelled_and_updated() -> None:
    machine = Driven({
        ("a", "arm"): KeepState(
            NamedTimeout("x", 1.0), NamedTimeout("y", 1.0, "old"), StateTimeout(1.0, "old")
        ),
        ("a", "change"): KeepState(
            CancelTimeout("x"), UpdateTimeout("y", "new"), UpdateTimeout("state", "new")
        ),
    })  # fmt: skip
    machine.get("arm", "change")
    assert machine.at(1.0) == [("a", TimedOut("y", "new")), ("a", TimedOut("state", "new"))]


@pytest.mark.rule("FSM-03")
def test_what_does_not_run_is_cancelled_without_harm_and_updated_to_come_at_once() -> None:
    machine = Driven({("a", "change"): KeepState(CancelTimeout("x"), UpdateTimeout("y", 1))})
    assert machine.get("change") == [("a", "change"), ("a", TimedOut("y", 1))]


@pytest.mark.rule("FSM-04")
@pytest.mark.parametrize("event", ["message", Internal("mine"), TimedOut("other")])
def test_an_event_timeout_is_cancelled_by_any_event(event: object) -> None:
    machine = Driven({
        ("a", "arm"): KeepState(EventTimeout(5.0)),
        ("a", "arm and insert"): KeepState(EventTimeout(5.0), NextEvent("mine")),
        ("a", "arm two"): KeepState(EventTimeout(5.0), NamedTimeout("other", 1.0)),
    })  # fmt: skip
    match event:
        case Internal():
            machine.get("arm and insert")
        case TimedOut():
            machine.get("arm two")
            machine.at(2.0)
        case _:
            machine.get("arm", event)
    assert machine.machine.timeouts == frozenset()
    assert machine.at(10.0) == []


@pytest.mark.rule("FSM-04")
def test_an_event_timeout_comes_when_no_event_does() -> None:
    machine = Driven({("a", "arm"): KeepState(EventTimeout(5.0, "silence"))})
    machine.get("arm")
    assert machine.at(5.0) == [("a", TimedOut("event", "silence"))]


@pytest.mark.rule("FSM-04")
def test_an_event_timeout_survives_entering_a_state_and_not_what_was_postponed() -> None:
    plan: dict[tuple[object, object], Transition] = {
        ("a", "go"): NextState("b", EventTimeout(5.0)),
        ("a", "wait"): KeepState(Postpone()),
    }
    machine = Driven(plan)
    machine.get("go")
    assert machine.machine.timeouts == {"event"}
    machine = Driven(plan)
    machine.get("wait", "go")
    assert machine.machine.timeouts == frozenset()


@pytest.mark.rule("FSM-04")
def test_an_event_timeout_of_zero_comes_only_when_no_event_waits() -> None:
    machine = Driven({("a", "poll"): KeepState(EventTimeout(0))})
    assert machine.get("poll", "next") == [("a", "poll"), ("a", "next")]
    assert machine.get("poll") == [("a", "poll"), ("a", TimedOut("event"))]


def test_timeouts_of_zero_come_after_what_waits_in_the_order_in_which_they_were_set() -> None:
    machine = Driven({
        ("a", "go"): KeepState(NamedTimeout("x", 0), StateTimeout(0), NextEvent("first")),
    })  # fmt: skip
    assert [event for _, event in machine.get("go", "next")] == [
        "go", Internal("first"), "next", TimedOut("x"), TimedOut("state"),
    ]  # fmt: skip


def test_timeouts_come_in_the_order_of_their_times_and_equal_ones_as_they_were_set() -> None:
    machine = Driven({
        ("a", "arm"): KeepState(*[NamedTimeout(n, s) for n, s in (("z", 2), ("m", 1), ("b", 2))]),
    })  # fmt: skip
    machine.get("arm")
    assert machine.machine.next_due == 1
    assert [e.name for _, e in machine.at(9.0)] == ["m", "z", "b"]


def test_a_timeout_that_is_armed_for_ever_again_leaves_nothing_behind() -> None:
    machine = Driven({("a", "arm"): KeepState(EventTimeout(60.0), NamedTimeout("x", 90.0))})
    for _ in range(1_000):
        machine.get("arm")
    assert len(machine.machine._heap) < 50
    assert machine.machine.next_due == 60.0


@pytest.mark.rule("FSM-05")
def test_a_state_is_entered_at_the_start_at_each_change_and_when_it_is_repeated() -> None:
    machine = Driven({
        ("a", "go"): NextState("b"), ("b", "again"): RepeatState(), ("b", "same"): NextState("b"),
    })  # fmt: skip
    assert machine.done == [("enter", None, "a")]
    assert machine.get("go", "same", "again") == [
        ("a", "go"), ("enter", "a", "b"), ("b", "same"), ("b", "again"), ("enter", "b", "b"),
    ]  # fmt: skip


@pytest.mark.rule("FSM-05")
def test_an_enter_callback_may_set_timeouts() -> None:
    machine = Driven({
        ("enter", "b"): KeepState(StateTimeout(1.0)),
        ("a", "go"): NextState("b", StateTimeout(9.0), NamedTimeout("x", 2.0)),
    })  # fmt: skip
    machine.get("go")
    assert machine.at(1.0) == [("b", TimedOut("state"))]
    assert machine.at(2.0) == [("b", TimedOut("x"))]


@pytest.mark.parametrize(
    "answer",
    [
        NextState("b"),
        NextState("a"),
        RepeatState(),
        KeepState(Postpone()),
        KeepState(NextEvent(1)),
        KeepState(reply="hello"),
    ],
    ids=str,
)
def test_an_enter_callback_may_do_nothing_else(answer: Transition) -> None:
    machine = Machine(["a", "b"], "a")
    machine.step()
    with pytest.raises(ValueError, match="an enter callback"):
        machine.apply(answer, 0.0)
    machine.apply(KeepState(), 0.0)
    assert machine.step() is None


def test_a_stopped_machine_does_nothing_more_and_gives_what_waits() -> None:
    machine = Driven({("a", 1): KeepState(Postpone()), ("a", "stop"): Stop("done")})
    assert machine.get(1, "stop", 2) == [("a", 1), ("a", "stop")]
    assert not machine.machine.is_ready
    assert machine.machine.take_waiting() == [1, 2]
    assert machine.machine.take_waiting() == []


def test_a_state_that_the_machine_does_not_have_changes_nothing() -> None:
    machine = Driven()
    machine.machine.arrive(1)
    assert machine.machine.step() == Handle("a", 1)
    with pytest.raises(ValueError, match="no state 'd'; there are: 'a', 'b', 'c'"):
        machine.machine.apply(NextState("d", StateTimeout(1.0)), 0.0)
    assert machine.machine.state == "a"
    assert machine.machine.timeouts == frozenset()


def test_a_timeout_that_was_not_declared_is_refused() -> None:
    machine = Machine(["a"], "a", timeouts=["tea"])
    machine.step()
    for action in (NamedTimeout("tee", 1.0), CancelTimeout("tee"), UpdateTimeout("tee", 1)):
        with pytest.raises(ValueError, match="no timeout 'tee'; there are: 'tea'"):
            machine.apply(KeepState(action), 0.0)
    machine.apply(KeepState(NamedTimeout("tea", 1.0), CancelTimeout("state")), 0.0)
    assert machine.timeouts == {"tea"}


def test_a_machine_may_begin_in_another_state_with_timeouts_and_events() -> None:
    machine = Machine(["a", "b"], "a")
    machine.begin(NextState("b", NextEvent(1), StateTimeout(1.0)), 0.0)
    assert machine.step() == Enter("b", None)
    machine.apply(KeepState(), 0.0)
    assert machine.step() == Handle("b", Internal(1))
    assert machine.timeouts == {"state"}


def test_steps_and_answers_alternate() -> None:
    machine = Machine(["a"], "a")
    with pytest.raises(ValueError, match="no step is in hand"):
        machine.apply(KeepState(), 0.0)
    machine.step()
    with pytest.raises(ValueError, match="has had no answer yet"):
        machine.step()


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: KeepState("open"), TypeError, "'open' is not an action"),  # type: ignore[arg-type]
        (lambda: NextState(["open"]), TypeError, "not hashable"),  # type: ignore[arg-type]
        (lambda: KeepState(Postpone(), reply=1), ValueError, "postponed or answered"),
        (lambda: StateTimeout(-1), ValueError, "not a time from now"),
        (lambda: EventTimeout(float("inf")), ValueError, "not a time from now"),
        (lambda: NamedTimeout("x", float("nan")), ValueError, "not a time from now"),
        (lambda: StateTimeout("1s"), TypeError, "not a number of seconds"),  # type: ignore[arg-type]
        (lambda: StateTimeout(True), TypeError, "not a number of seconds"),
        (lambda: NamedTimeout("event", 1.0), ValueError, "use EventTimeout"),
        (lambda: NamedTimeout({}, 1.0), TypeError, "not hashable"),  # type: ignore[arg-type]
        (lambda: CancelTimeout([]), TypeError, "not hashable"),  # type: ignore[arg-type]
    ],
)
def test_misuse_is_reported_where_the_transition_is_written(
    make: Callable[[], object], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        make()


# --- classes


def test_two_handlers_for_one_state_are_refused_where_the_class_is_defined() -> None:
    with pytest.raises(TypeError, match=r"one\(\) and two\(\) both are for the state 'a'"):

        class Twice(StateMachine[Any]):
            @state("a")
            def one(self, event: object) -> None: ...

            @state("b", "a")
            def two(self, event: object) -> None: ...


def test_an_initial_state_without_a_handler_is_refused_where_the_class_is_defined() -> None:
    with pytest.raises(TypeError, match=r"it begins in 'aa', .* there are: 'a'"):

        class Misspelt(StateMachine[Any]):
            initial = "aa"

            @state("a")
            def one(self, event: object) -> None: ...


def test_an_enter_callback_of_an_unknown_state_is_refused_where_the_class_is_defined() -> None:
    with pytest.raises(TypeError, match=r"hello\(\) is to run on entering 'b'"):

        class Misspelt(StateMachine[Any]):
            @state("a")
            def one(self, event: object) -> None: ...

            @enter("b")
            def hello(self, previous: object) -> None: ...


@pytest.mark.parametrize("hook", ["init", "receive"])
def test_the_hooks_of_a_plain_actor_are_refused_where_the_class_is_defined(hook: str) -> None:
    with pytest.raises(TypeError, match=f"Old.{hook}: a state machine has .* instead"):
        type("Old", (StateMachine,), {hook: lambda self: None})


def test_a_handler_without_its_state_is_refused_where_it_is_defined() -> None:
    for decorate in (state, enter):
        with pytest.raises(TypeError, match="name the states"):
            decorate()
        with pytest.raises(TypeError, match="name the states"):
            decorate(lambda self, event: None)
        with pytest.raises(TypeError):
            decorate([])  # type: ignore[arg-type]


# --- actors


class Recorder(StateMachine[Any]):
    """Does what the message says, in the states `idle` and `busy`, and notes it."""

    initial: Any = "idle"

    def __init__(self, log: list[object] | None = None) -> None:
        self.log = [] if log is None else log
        self.gate = asyncio.Event()
        self.held: list[Reply] = []

    @enter("idle", "busy")
    def entered(self, previous: object) -> None:
        self.log.append(("enter", previous, self.state))

    @state("idle", "busy")
    def either(self, event: Any) -> Any:
        self.log.append(event)
        match event:
            case "go":
                return NextState("busy" if self.state == "idle" else "idle", reply="gone")
            case "later" if self.state == "idle":
                return KeepState(Postpone())
            case "hold":
                self.held.append(self.context.defer_reply())
                return KeepState(reply="ignored")
            case "give":
                self.held.pop(0).send("held")
            case "fail":
                return KeepState(reply=Failed(LookupError("no such door")))
            case "crash":
                raise ValueError("boom")
            case "stop":
                return Stop("done", reply="bye")
            case "unknown":
                return self.unhandled(event)
            case KeepState() | NextState() | RepeatState():
                return event
            case Internal("crash"):
                raise ValueError("boom")
            case TimedOut(name, _):
                return KeepState(reply=name)
        return KeepState(reply=(self.state, event))


class AsyncRecorder(Recorder):
    @enter("idle", "busy")
    async def entered(self, previous: object) -> None:  # type: ignore[override]
        await asyncio.sleep(0)
        super().entered(previous)

    async def either(self, event: Any) -> Any:
        if event == "wait":
            await self.gate.wait()
        return super().either(event)


@pytest.fixture(params=[Recorder, AsyncRecorder], ids=["plain", "async"])
def recorder(request: pytest.FixtureRequest) -> type[Recorder]:
    kind: type[Recorder] = request.param
    return kind


async def test_the_door_of_the_manual(kernel: Kernel, until: Until) -> None:
    class Door(StateMachine[str]):
        initial = "locked"

        @state("locked")
        def locked(self, event: object) -> Transition | None:
            match event:
                case "unlock":
                    return NextState("open", StateTimeout(0.001), reply="welcome")
                case "walk":
                    return KeepState(Postpone())
            return None

        @state("open")
        def opened(self, event: object) -> Transition | None:
            match event:
                case "walk":
                    return KeepState(reply="through")
                case TimedOut("state"):
                    return NextState("locked")
            return None

    door = await kernel.start(Door)
    walks = [asyncio.ensure_future(door.request("walk")) for _ in range(2)]
    await until(lambda: door._receive.__self__.postponed == 2)
    assert await door.request("unlock") == "welcome"
    assert [await walk for walk in walks] == ["through", "through"]


@pytest.mark.rule("FSM-01")
async def test_a_postponed_message_is_handled_in_the_next_state(
    kernel: Kernel, recorder: type[Recorder]
) -> None:
    log: list[object] = []
    machine = await kernel.start(recorder, log)
    for message in ("later", 1, "go", 2):
        machine.send(message)
    await machine.request("end")
    assert log == [
        ("enter", None, "idle"), "later", 1, "go", ("enter", "idle", "busy"), "later", 2, "end",
    ]  # fmt: skip


@pytest.mark.rule("FSM-01")
async def test_a_postponed_request_is_answered_by_the_next_state(
    kernel: Kernel, recorder: type[Recorder], until: Until
) -> None:
    log: list[object] = []
    machine = await kernel.start(recorder, log)
    asking = asyncio.ensure_future(machine.request("later"))
    await until(lambda: "later" in log)
    assert await machine.request("go") == "gone"
    assert await asking == ("busy", "later")


@pytest.mark.rule("FSM-01")
async def test_internal_events_come_before_messages_that_have_arrived(
    kernel: Kernel, recorder: type[Recorder]
) -> None:
    log: list[object] = []
    machine = kernel.spawn(recorder, log)
    machine.send(KeepState(NextEvent("mine"), NamedTimeout("now", 0)))
    machine.send("next")
    await machine.request("end")
    assert log[2:] == [Internal("mine"), TimedOut("now"), "next", "end"]


async def test_a_transition_answers_the_request_and_none_answers_none(
    kernel: Kernel, recorder: type[Recorder]
) -> None:
    machine = await kernel.start(recorder)
    assert await machine.request("hello") == ("idle", "hello")
    assert await machine.request(KeepState()) is None
    with pytest.raises(LookupError, match="no such door"):
        await machine.request("fail")
    assert machine.is_alive


async def test_a_reply_that_is_held_can_be_given_from_another_state(
    kernel: Kernel, recorder: type[Recorder], until: Until
) -> None:
    log: list[object] = []
    machine = await kernel.start(recorder, log)
    asking = asyncio.ensure_future(machine.request("hold"))
    await until(lambda: "hold" in log)
    machine.send("go")
    machine.send("give")
    assert await asking == "held"


async def test_a_reply_to_a_postponed_request_can_be_held_when_it_comes_again(
    kernel: Kernel, until: Until
) -> None:
    class Holder(StateMachine[Any]):
        initial = "a"
        reply: Reply

        @state("a")
        def a(self, event: object) -> Transition:
            return NextState("b") if event == "go" else KeepState(Postpone())

        @state("b")
        def b(self, event: object) -> Transition | None:
            if event == "give":
                self.reply.send("given")
            else:
                self.reply = self.context.defer_reply()
            return None

    machine = await kernel.start(Holder)
    asking = asyncio.ensure_future(machine.request("please"))
    for message in ("go", "give"):
        await asyncio.sleep(0)
        await machine.request(message)
    assert await asking == "given"


async def test_a_postponed_request_that_waits_too_long_times_out(kernel: Kernel) -> None:
    machine = await kernel.start(Recorder)
    with pytest.raises(RequestTimeout):
        await machine.request("later", timeout=0.001)
    assert await machine.request("go") == "gone"
    assert await machine.request("hello") == ("busy", "hello")


async def test_what_is_sent_later_does_not_answer_a_request_that_is_held(
    kernel: Kernel, until: Until
) -> None:
    class Holder(Recorder):
        def either(self, event: Any) -> Any:
            if event == "later" and self.state == "busy":
                self.log.append("held")
                self.held.append(self.context.defer_reply())
                return None
            return super().either(event)

    log: list[object] = []
    machine = await kernel.start(Holder, log)
    asking = asyncio.ensure_future(machine.request("later"))
    await until(lambda: "later" in log)
    for message in ("go", "hello", "give"):
        machine.send(message)
    assert await asking == "held"


async def test_a_reply_taken_for_a_sent_message_keeps_no_other_from_being_given(
    kernel: Kernel, until: Until
) -> None:
    class Takes(Recorder):
        def either(self, event: Any) -> Any:
            if event == "go":
                self.context.defer_reply()
            return super().either(event)

    log: list[object] = []
    machine = await kernel.start(Takes, log)
    asking = asyncio.ensure_future(machine.request("later"))
    await until(lambda: "later" in log)
    machine.send("go")
    assert await asking == ("busy", "later")


@pytest.mark.rule("FSM-02")
@pytest.mark.rule("FSM-03")
@pytest.mark.rule("FSM-04")
async def test_timeouts_come_by_the_clock(timed: Timed, recorder: type[Recorder]) -> None:
    kernel, clock = timed
    log: list[object] = []
    machine = await kernel.start(recorder, log)
    await machine.request(KeepState(StateTimeout(30.0), EventTimeout(30.0)))
    assert kernel.statistics().timers == 1
    await machine.request(NextState("busy", NamedTimeout("tea", 2.0), NamedTimeout("x", 30.0)))
    await machine.request(KeepState(StateTimeout(1.0, "tired"), CancelTimeout("x")))
    log.clear()
    await clock.advance(0.999)
    assert log == []
    await clock.advance(0.001)
    assert log == [TimedOut("state", "tired")]
    await clock.advance(60.0)
    assert log == [TimedOut("state", "tired"), TimedOut("tea")]
    assert kernel.statistics().timers == 0


async def test_the_timer_of_a_machine_ends_with_it(kernel: Kernel) -> None:
    machine = await kernel.start(Recorder)
    await machine.request(KeepState(StateTimeout(60.0)))
    assert kernel.statistics().timers == 1
    machine.kill()
    assert kernel.statistics().timers == 0


async def test_a_full_mailbox_keeps_no_timeout_from_coming(kernel: Kernel, until: Until) -> None:
    log: list[object] = []
    machine = await kernel.start(
        AsyncRecorder, log, mailbox=Mailbox(capacity=1, overflow="drop_new")
    )
    machine.send(KeepState(StateTimeout(0.001)))
    await until(lambda: len(log) == 2)
    machine.send("wait")
    await until(lambda: "wait" in log or kernel.statistics().timers == 0)
    machine.send("queued")
    await until(lambda: kernel.statistics().timers == 0)
    actor = machine._receive.__self__
    actor.gate.set()
    await until(lambda: TimedOut("state") in log)


@pytest.mark.rule("FSM-05")
async def test_the_initial_state_is_entered_before_the_start_is_over(
    kernel: Kernel, recorder: type[Recorder]
) -> None:
    log: list[object] = []
    await kernel.start(recorder, log)
    assert log == [("enter", None, "idle")]


@pytest.mark.rule("FSM-05")
async def test_entering_runs_for_each_change_and_on_repeating_the_state(
    kernel: Kernel, recorder: type[Recorder]
) -> None:
    log: list[object] = []
    machine = await kernel.start(recorder, log)
    for message in ("go", NextState("busy"), RepeatState(), "go", "end"):
        await machine.request(message)
    assert [entry for entry in log if isinstance(entry, tuple)] == [
        ("enter", None, "idle"), ("enter", "idle", "busy"), ("enter", "busy", "busy"),
        ("enter", "busy", "idle"),
    ]  # fmt: skip


@pytest.mark.rule("FSM-05")
async def test_an_enter_callback_can_stop_the_machine(kernel: Kernel) -> None:
    class Ends(StateMachine[Any]):
        initial = "on"

        @state("on", "off")
        def handle(self, event: object) -> Transition:
            return NextState("off", reply="going off")

        @enter("off")
        async def leave(self, previous: object) -> Transition:
            return Stop(("shutdown", previous))

    machine = await kernel.start(Ends)
    assert await machine.request("go") == "going off"
    assert await machine.wait() == ("shutdown", "on")


@pytest.mark.rule("FSM-06")
async def test_replies_are_delivered_before_the_exit(
    kernel: Kernel, recorder: type[Recorder], until: Until
) -> None:
    log: list[object] = []
    machine = await kernel.start(recorder, log)
    held = asyncio.ensure_future(machine.request("hold"))
    await until(lambda: "hold" in log)
    machine.send("give")
    machine.send("later")
    assert await machine.request("stop") == "bye"
    assert await held == "held"
    assert await machine.wait() == "done"
    assert [letter.message for letter in kernel.dead_letters.recent()] == ["later"]


@pytest.mark.rule("FSM-06")
async def test_a_watcher_gets_the_reply_before_the_end(kernel: Kernel, until: Until) -> None:
    seen: list[object] = []

    class Asker(Actor[Any]):
        async def receive(self, message: Any) -> None:
            if isinstance(message, Down):
                seen.append(message.reason)
            else:
                self.context.monitor(message)
                seen.append(await message.request("stop"))

    machine = await kernel.start(Recorder)
    kernel.spawn(Asker).send(machine)
    await until(lambda: len(seen) == 2)
    assert seen == ["bye", "done"]


async def test_a_message_sent_to_a_machine_that_stops_needs_no_reply(kernel: Kernel) -> None:
    machine = await kernel.start(Recorder)
    machine.send("stop")
    assert await machine.wait() == "done"


async def test_nothing_more_is_handled_once_a_handler_has_stopped_the_actor(
    kernel: Kernel,
) -> None:
    class Stops(Recorder):
        def either(self, event: Any) -> Any:
            self.context.stop("enough")
            return KeepState(NextEvent(super().either(event)), reply="last words")

    log: list[object] = []
    machine = await kernel.start(Stops, log)
    assert await machine.request("stop me") == "last words"
    assert await machine.wait() == "enough"
    assert log == [("enter", None, "idle"), "stop me"]


async def test_terminate_runs_in_the_last_state(kernel: Kernel) -> None:
    log: list[object] = []

    class Ends(Recorder):
        async def terminate(self, reason: object) -> None:
            self.log.append((self.state, reason))

    machine = await kernel.start(Ends, log)
    machine.send("go")
    machine.stop("enough")
    await machine.wait()
    assert log[-1] == ("busy", "enough")


async def test_signals_are_events(kernel: Kernel, until: Until) -> None:
    seen: list[Any] = []

    class Watcher(StateMachine[Any]):
        initial = "watching"

        def begin(self) -> None:
            self.context.trap_exit = True
            child = self.context.spawn(Recorder, link=True, monitor=True)
            child.stop("gone")

        @state("watching")
        def watching(self, event: object) -> Transition | None:
            if isinstance(event, Down | Exit):
                seen.append((type(event), event.reason))
            return NextState("done") if len(seen) == 2 else KeepState(Postpone())

        @state("done")
        def done(self, event: object) -> Transition | None:
            seen.append(type(event))
            return None

    kernel.spawn(Watcher)
    await until(lambda: len(seen) == 3)
    assert {kind for kind, _ in seen[:2]} == {Down, Exit}


# --- the beginning


async def test_begin_may_choose_where_to_begin_and_with_what(kernel: Kernel, until: Until) -> None:
    class Chooses(Recorder):
        async def begin(self) -> Transition:
            return NextState("busy", NextEvent("first"), StateTimeout(0))

    log: list[object] = []
    machine = kernel.spawn(Chooses, log)
    machine.send("message")
    await until(lambda: "message" in log)
    assert log == [("enter", None, "busy"), Internal("first"), TimedOut("state"), "message"]


async def test_what_begin_asks_for_comes_without_any_message(kernel: Kernel, until: Until) -> None:
    class Chooses(Recorder):
        def begin(self) -> Transition:
            return KeepState(NextEvent("first"))

    log: list[object] = []
    await kernel.start(Chooses, log)
    await until(lambda: log == [("enter", None, "idle"), Internal("first")])


async def test_begin_may_say_that_the_machine_is_not_needed(kernel: Kernel) -> None:
    class Ignored(Recorder):
        def begin(self) -> object:
            return IGNORE

    machine = kernel.spawn(Ignored)
    assert await machine.wait() == "normal"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("busy", "begin returned 'busy'"),
        (NextState("bussy"), "no state 'bussy'"),
        (KeepState(Postpone()), "no event that could be postponed"),
    ],
)
async def test_a_wrong_beginning_is_a_failed_start(
    kernel: Kernel, answer: object, words: str
) -> None:
    class Wrong(Recorder):
        def begin(self) -> object:
            return answer

    with pytest.raises(StartError, match=words):
        await kernel.start(Wrong)


async def test_a_machine_without_an_initial_state_does_not_start(kernel: Kernel) -> None:
    class Nowhere(StateMachine[Any]):
        @state("a")
        def a(self, event: object) -> None: ...

    with pytest.raises(StartError, match="Nowhere has no initial state"):
        await kernel.start(Nowhere)


async def test_the_initial_state_may_come_from_an_argument(kernel: Kernel) -> None:
    class Light(Enum):
        RED = 1
        GREEN = 2

    class Signal(StateMachine[Any]):
        def __init__(self, initial: Light) -> None:
            self.initial = initial

        @state(Light.RED, Light.GREEN)
        def show(self, event: object) -> Transition:
            return KeepState(reply=self.state)

    assert await (await kernel.start(Signal, Light.GREEN)).request("which?") is Light.GREEN


async def test_a_machine_that_stops_while_it_enters_its_first_state_has_not_started(
    kernel: Kernel,
) -> None:
    class Stops(Recorder):
        @enter("idle")
        def entered_idle(self, previous: object) -> Transition:
            return Stop("no power")

    with pytest.raises(StartError, match="no power"):
        await kernel.start(Stops)


async def test_a_subclass_overrides_a_handler_by_its_name_or_its_state(kernel: Kernel) -> None:
    class ByName(Recorder):
        def either(self, event: Any) -> Transition:
            return KeepState(reply="by name")

    class ByState(Recorder):
        @state("idle")
        def idle(self, event: Any) -> Transition:
            return NextState("busy", reply="by state")

    assert await (await kernel.start(ByName)).request(1) == "by name"
    machine = await kernel.start(ByState)
    assert [await machine.request(1), await machine.request(1)] == ["by state", ("busy", 1)]


# --- as Erlang/OTP does it

SOON, LATER = 0.001, 60.0
OTP: dict[str, tuple[dict[object, object], list[object], str]] = {
    # plan by state and event; messages, queued at once; what OTP 25.2.3 did with the same plan
    "what was postponed comes before the rest of the last transition's events": (
        {
            "a 1": KeepState(Postpone(), NextEvent("f"), NextEvent("g")),
            "a f": NextState("b"),
        },
        [1, 2],
        "a>a, a 1, a f, a>b, b 1, b g, b 2",
    ),
    "repeating keeps what is postponed and the state timeout": (
        {"a 1": KeepState(Postpone(), StateTimeout(SOON, "t")), "a 2": RepeatState()},
        [1, 2],
        "a>a, a 1, a 2, a>a, a state:t",
    ),
    "going to the same state keeps them, too": (
        {"a 1": KeepState(Postpone(), StateTimeout(SOON, "t")), "a 2": NextState("a")},
        [1, 2],
        "a>a, a 1, a 2, a state:t",
    ),
    "timeouts of zero come before what is still in the mailbox": (
        {"a 1": KeepState(NamedTimeout("x", 0, "v"), StateTimeout(0, "s"), NextEvent("f"))},
        [1, 2],
        "a>a, a 1, a f, a x:v, a state:s, a 2",
    ),
    "an update of what does not run comes at once": (
        {"a 1": KeepState(UpdateTimeout("x", "v"))},
        [1, 2],
        "a>a, a 1, a x:v, a 2",
    ),
    "an event timeout survives the entering of a state": (
        {"a 1": NextState("b", EventTimeout(SOON, "v"))},
        [1],
        "a>a, a 1, a>b, b event:v",
    ),
    "an event timeout is cancelled by what was postponed": (
        {"a 0": KeepState(Postpone()), "a 1": NextState("b", EventTimeout(SOON, "v"))},
        [0, 1],
        "a>a, a 0, a 1, a>b, b 0",
    ),
    "an event timeout of zero comes before what is still in the mailbox": (
        {"a 1": KeepState(EventTimeout(0, "v"))},
        [1, 2],
        "a>a, a 1, a event:v, a 2",
    ),
    "an event timeout of zero is cancelled by an internal event": (
        {"a 1": KeepState(EventTimeout(0, "v"), NextEvent("f"))},
        [1, 2],
        "a>a, a 1, a f, a 2",
    ),
    "an enter callback replaces the timeout that was set on the way": (
        {
            "a 1": NextState("b", StateTimeout(LATER, "late")),
            "a>b": KeepState(StateTimeout(SOON, "early")),
        },
        [1],
        "a>a, a 1, a>b, b state:early",
    ),
    "the event that changes the state can be postponed": (
        {"a 0": KeepState(Postpone()), "a 1": NextState("b", Postpone())},
        [0, 1, 2],
        "a>a, a 0, a 1, a>b, b 0, b 1, b 2",
    ),
    "an elapsed state timeout is cancelled by a change of state": (
        {
            "a 1": KeepState(NamedTimeout("x", 0, "v"), StateTimeout(0, "s")),
            "a x:v": NextState("b"),
        },
        [1],
        "a>a, a 1, a x:v, a>b",
    ),
    "a timeout can be postponed": (
        {
            "a 1": KeepState(NamedTimeout("x", 0, "v")),
            "a x:v": KeepState(Postpone()),
            "a 2": NextState("b"),
        },
        [1, 2],
        "a>a, a 1, a x:v, a 2, a>b, b x:v",
    ),
    "internal events, then postponed ones, then elapsed timeouts, then the mailbox": (
        {
            "a 0": KeepState(Postpone()),
            "a 1": NextState("b", NamedTimeout("x", 0, "v"), NextEvent("f")),
        },
        [0, 1, 2],
        "a>a, a 0, a 1, a>b, b f, b 0, b x:v, b 2",
    ),
    "arming again replaces what was to come at once": (
        {"a 1": KeepState(NamedTimeout("x", 0, "v"), NamedTimeout("x", SOON, "w"))},
        [1],
        "a>a, a 1, a x:w",
    ),
}


@pytest.mark.rule("FSM-01")
@pytest.mark.rule("FSM-02")
@pytest.mark.rule("FSM-03")
@pytest.mark.rule("FSM-04")
@pytest.mark.rule("FSM-05")
@pytest.mark.parametrize("case", OTP)
async def test_as_otp_does_it(kernel: Kernel, until: Until, case: str) -> None:
    plan, messages, expected = OTP[case]
    log: list[str] = []

    class Planned(StateMachine[Any]):
        initial = "a"

        @enter("a", "b")
        def entered(self, previous: object) -> object:
            log.append(f"{previous or 'a'}>{self.state}")  # OTP has no None for the first
            return plan.get(log[-1])

        @state("a", "b")
        def handle(self, event: object) -> object:
            match event:
                case Internal(payload):
                    event = payload
                case TimedOut(name, payload):
                    event = f"{name}:{payload}"
            log.append(f"{self.state} {event}")
            return plan.get(log[-1])

    machine = kernel.spawn(Planned)
    for message in messages:
        machine.send(message)
    await until(lambda: len(log) >= len(expected.split(", ")))
    await machine.request("end")
    assert ", ".join(log[:-1]) == expected
    assert kernel.statistics().timers == 0


# --- failures


async def test_a_crash_fails_the_request_in_hand_and_those_that_wait(
    kernel: Kernel, recorder: type[Recorder], until: Until
) -> None:
    log: list[object] = []
    machine = await kernel.start(recorder, log)
    waiting = [asyncio.ensure_future(machine.request(what)) for what in ("later", "hold")]
    await until(lambda: "hold" in log)
    with pytest.raises(ActorExited):
        await machine.request("crash")
    for request in waiting:
        with pytest.raises(ActorExited) as caught:
            await request
        assert caught.value.reason == Error("ValueError", "boom")
    letters = {letter.message: letter for letter in kernel.dead_letters.recent()}
    assert letters["crash"].crashed
    assert letters["later"].request
    assert not letters["later"].crashed


async def test_the_message_that_crashed_is_the_dead_letter_and_not_the_one_that_brought_it_up(
    kernel: Kernel,
) -> None:
    class Crashes(StateMachine[Any]):
        initial = "a"

        @state("a")
        def a(self, event: object) -> Transition:
            return NextState("b", reply="ok") if event == "go" else KeepState(Postpone())

        @state("b")
        async def b(self, event: object) -> Transition | None:
            await asyncio.sleep(0)
            raise ValueError(event)

    reports: list[str | None] = []
    kernel.on_crash(lambda report: reports.append(report.last_message))
    machine = await kernel.start(Crashes)
    before = kernel.statistics().handled
    for message in ("poison", "behind", "last"):
        machine.send(message)
    assert await machine.request("go") == "ok"
    assert await machine.wait() == Error("ValueError", "poison")
    letters = [(letter.message, letter.crashed) for letter in kernel.dead_letters.recent()]
    assert letters == [("poison", True), ("behind", False), ("last", False)]
    assert reports == ["'poison'"]
    assert kernel.statistics().handled - before == 1  # go; the others are dead letters


async def test_a_crash_on_an_internal_event_takes_no_message_with_it(
    kernel: Kernel, recorder: type[Recorder]
) -> None:
    reports: list[str | None] = []
    kernel.on_crash(lambda report: reports.append(report.last_message))
    machine = await kernel.start(recorder)
    assert await machine.request(KeepState(NextEvent("crash"), reply="ok")) == "ok"
    assert await machine.wait() == Error("ValueError", "boom")
    assert kernel.dead_letters.count == 0
    assert reports == ["Internal(payload='crash')"]


async def test_a_message_behind_an_event_that_crashed_is_no_less_a_dead_letter(
    kernel: Kernel, recorder: type[Recorder]
) -> None:
    class Begins(recorder):  # type: ignore[misc,valid-type]
        def begin(self) -> Transition:
            return KeepState(NextEvent("crash"))

    machine = kernel.spawn(Begins)
    machine.send("message")
    asking = asyncio.ensure_future(machine.request("request"))
    with pytest.raises(ActorExited):
        await asking
    assert {letter.message for letter in kernel.dead_letters.recent()} == {"message", "request"}


@pytest.mark.parametrize("answer", ["busy", 1, StateTimeout(1.0), Postpone()], ids=str)
async def test_a_handler_that_answers_something_else_ends_the_machine(
    kernel: Kernel, answer: object
) -> None:
    class Wrong(StateMachine[Any]):
        initial = "a"

        @state("a")
        def a(self, event: object) -> object:
            return answer

    machine = await kernel.start(Wrong)
    with pytest.raises(ActorExited, match=r"Wrong.a returned .*, which is no transition") as caught:
        await machine.request(1)
    assert caught.value.reason[0] == "bad_return_value"  # type: ignore[index]


async def test_a_state_without_a_handler_ends_the_machine(kernel: Kernel) -> None:
    machine = await kernel.start(Recorder)
    with pytest.raises(ActorExited, match="no state 'buzy'; there are: 'busy', 'idle'"):
        await machine.request(NextState("buzy"))


async def test_what_is_unhandled_is_a_warning_or_ends_the_machine_that_was_asked(
    kernel: Kernel, caplog: pytest.LogCaptureFixture
) -> None:
    machine = await kernel.start(Recorder)
    machine.send("unknown")
    await machine.request("hello")
    assert "does not handle 'unknown'" in caplog.text
    with pytest.raises(ActorExited) as caught:
        await machine.request("unknown")
    assert caught.value.reason == ("unhandled_request", "unknown")


async def test_exit_actor_ends_a_machine_with_its_reason(kernel: Kernel) -> None:
    class Leaves(StateMachine[Any]):
        initial = "a"

        @state("a")
        def a(self, event: object) -> None:
            raise ExitActor(("shutdown", event))

    machine = await kernel.start(Leaves)
    machine.send(1)
    assert await machine.wait() == ("shutdown", 1)


async def test_the_crash_report_shows_state_and_data(kernel: Kernel) -> None:
    states: list[str] = []
    kernel.on_crash(lambda report: states.append(report.state))
    machine = await kernel.start(Recorder)
    machine.send("go")
    machine.send("crash")
    await machine.wait()
    assert "'state': 'busy'" in states[0]


@pytest.mark.parametrize("end", [ActorRef.kill, lambda ref: ref.exit("away")], ids=["kill", "exit"])
async def test_a_machine_that_is_ended_leaves_no_caller_waiting(
    kernel: Kernel, until: Until, end: Callable[[ActorRef[Any]], None]
) -> None:
    log: list[object] = []
    machine = await kernel.start(AsyncRecorder, log)
    asking = [
        asyncio.ensure_future(machine.request(what, timeout=None))
        for what in ("later", "hold", "wait", "queued")
    ]
    await until(lambda: machine.mailbox_length == 1)
    end(machine)
    for request in asking:
        with pytest.raises(ActorExited):
            await request
    assert {letter.message for letter in kernel.dead_letters.recent()} == {
        "later", "wait", "queued",
    }  # fmt: skip


async def test_a_machine_that_is_killed_at_a_postponed_request_leaves_no_caller_waiting(
    kernel: Kernel, until: Until
) -> None:
    class Waits(Recorder):
        async def either(self, event: Any) -> Any:
            if event == "later" and self.state == "busy":
                self.log.append("at it")
                while not self.gate.is_set():
                    try:
                        await self.gate.wait()
                    except asyncio.CancelledError:
                        self.log.append("not yet")
            return super().either(event)

    log: list[object] = []
    machine = await kernel.start(Waits, log)
    actor = machine._receive.__self__
    asking = asyncio.ensure_future(machine.request("later", timeout=None))
    await until(lambda: "later" in log)
    assert await machine.request("go") == "gone"
    await until(lambda: "at it" in log)
    machine.send("behind")
    machine.kill()
    with pytest.raises(ActorExited):
        await asking
    actor.gate.set()
    await until(lambda: log[-1] == "later")  # its code goes on to the end, and harms nobody
    assert [letter.message for letter in kernel.dead_letters.recent()] == ["behind"]


async def test_a_flood_of_its_own_events_does_not_hold_up_others(kernel: Kernel) -> None:
    class Endless(StateMachine[Any]):
        initial = "a"

        @state("a")
        def a(self, event: object) -> Transition:
            return KeepState(NextEvent("again"))

    machine = await kernel.start(Endless)
    other = await kernel.start(Recorder)
    machine.send("go")
    assert await other.request("hello") == ("idle", "hello")
    machine.exit("enough")
    assert await machine.wait() == "enough"


# --- kept mailboxes


class Keeper(Actor[Any]):
    """Starts one child anew when it dies, as a supervisor would."""

    def __init__(self, behaviour: type[Recorder], log: list[object], *, again: bool) -> None:
        self.behaviour, self.log, self.again = behaviour, log, again
        self.child: ActorRef[Any] | None = None

    def start(self, old: ActorRef[Any] | None = None) -> None:
        self.child = self.context.spawn_child(
            self.behaviour, self.log, adopt=old, mailbox=Mailbox(keep_on_restart=True)
        )

    def init(self) -> None:
        self.start()

    def receive(self, message: Any) -> object:
        if isinstance(message, Down) and isinstance(message.ref, ActorRef):
            if self.again:
                self.start(message.ref)
            else:
                self.context.release(message.ref)
        return self.child


async def test_what_was_postponed_stays_with_a_kept_mailbox(kernel: Kernel, until: Until) -> None:
    log: list[object] = []
    keeper = await kernel.start(lambda: Keeper(Recorder, log, again=True))
    first = await keeper.request("child")
    first.send("later")
    asking = asyncio.ensure_future(first.request("later"))
    await until(lambda: log.count("later") == 2)
    first.send("crash")
    first.send("behind")
    await until(lambda: "behind" in log)
    second = await keeper.request("child")
    assert second is not first
    assert log[-4:] == [("enter", None, "idle"), "later", "later", "behind"]
    assert await second.request("go") == "gone"
    assert await asking == ("busy", "later")
    assert [letter.message for letter in kernel.dead_letters.recent()] == ["crash"]


async def test_what_was_postponed_outlives_a_child_that_does_not_start(
    kernel: Kernel, until: Until
) -> None:
    class Fails(Recorder):
        def begin(self) -> None:
            self.log.append("begin")
            if self.log.count("begin") == 2:
                raise OSError("not yet")

    log: list[object] = []
    keeper = await kernel.start(lambda: Keeper(Fails, log, again=True))
    first = await keeper.request("child")
    asking = asyncio.ensure_future(first.request("later"))
    await until(lambda: "later" in log)
    first.send("crash")
    await until(lambda: log.count("begin") == 3)
    third = await keeper.request("child")
    assert await third.request("go") == "gone"
    assert await asking == ("busy", "later")


async def test_what_was_postponed_is_given_up_with_a_kept_mailbox(
    kernel: Kernel, until: Until
) -> None:
    log: list[object] = []
    keeper = await kernel.start(lambda: Keeper(Recorder, log, again=False))
    first = await keeper.request("child")
    asking = asyncio.ensure_future(first.request("later"))
    await until(lambda: "later" in log)
    first.send("crash")
    with pytest.raises(ActorExited):
        await asking
    assert [letter.message for letter in kernel.dead_letters.recent()] == ["crash", "later"]


# --- looked into while it runs


async def test_a_machine_that_is_suspended_amid_its_own_events_goes_on_when_it_is_resumed(
    kernel: Kernel, until: Until
) -> None:
    class Held(Recorder):
        def either(self, event: Any) -> Any:
            if event == Internal("first"):
                kernel.suspend(self.context.ref)
            return super().either(event)

    log: list[object] = []
    machine = await kernel.start(Held, log)
    machine.send(KeepState(NextEvent("first"), NextEvent("second"), StateTimeout(0)))
    machine.send("message")
    await until(lambda: Internal("first") in log)
    await asyncio.sleep(0)
    assert log[-1] == Internal("first")
    kernel.resume(machine)
    await machine.request("end")
    assert log[2:] == [
        Internal("first"), Internal("second"), TimedOut("state"), "message", "end",
    ]  # fmt: skip


async def test_a_machine_that_is_suspended_at_the_last_of_its_own_events_takes_no_message(
    kernel: Kernel, until: Until
) -> None:
    class Held(Recorder):
        def either(self, event: Any) -> Any:
            if isinstance(event, Internal):
                kernel.suspend(self.context.ref)
            return super().either(event)

    log: list[object] = []
    machine = await kernel.start(Held, log)
    machine.send(KeepState(NextEvent("first"), NextEvent("second")))
    machine.send("message")
    for name in ("first", "second"):
        await until(lambda name=name: Internal(name) in log)  # type: ignore[misc]
        for _ in range(3):
            await asyncio.sleep(0)
        assert log[-1] == Internal(name)
        kernel.resume(machine)
    await machine.request("end")
    assert log[2:] == [Internal("first"), Internal("second"), "message", "end"]


async def test_state_and_data_can_be_seen_and_replaced(kernel: Kernel) -> None:
    machine = await kernel.start(Recorder)
    place, data = await kernel.get_state(machine)
    assert (place, data["log"]) == ("idle", [("enter", None, "idle")])
    await kernel.replace_state(machine, lambda both: ("busy", {**both[1], "log": []}))
    assert await machine.request("hello") == ("busy", "hello")
    with pytest.raises(ValueError, match="no state 'buzy'"):
        await kernel.replace_state(machine, lambda both: ("buzy", both[1]))
    with pytest.raises(TypeError, match="not a tuple of the state and the data"):
        await kernel.replace_state(machine, lambda both: "idle")
    assert (await kernel.get_state(machine))[1]["log"] == ["hello"]


async def test_a_machine_that_is_killed_over_a_request_leaves_nothing_behind(
    kernel: Kernel,
) -> None:
    class Doomed(StateMachine[str]):
        initial = "alive"

        @state("alive")
        def alive(self, event: object) -> None:
            self.context.ref.kill()

    ref = kernel.spawn(Doomed)
    with pytest.raises(ActorExited):
        await ref.request("die")
    for _ in range(5):  # its code goes on to its end
        await asyncio.sleep(0)
    assert ref._extension is None
