"""Children that are asked for their health: what is decided, and over real actors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import anyio
import pytest

from airssys_wasm.kernel import Actor, ExitActor, Inbox, Kernel
from airssys_wasm.supervision import (
    ChildEnded,
    ChildSpec,
    Health,
    HealthChanged,
    HealthCheck,
    InvalidSpec,
    Supervisor,
    SupervisorRef,
    steps,
)
from airssys_wasm.supervision.flags import Flags
from tests.kernel.test_timers import SetClock

CHECK = HealthCheck(every=10.0, timeout=1.0, threshold=3)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"every": 0}, "every"),
        ({"timeout": 0.0}, "timeout"),
        ({"timeout": "1s"}, "timeout"),
        ({"threshold": 0}, "threshold"),
        ({"threshold": 1.5}, "threshold"),
        ({"threshold": True}, "threshold"),
    ],
)
def test_a_health_check_that_could_never_be_right_is_refused(
    wrong: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidSpec) as refused:
        HealthCheck(**wrong)
    assert refused.value.field == field


def test_a_process_function_has_no_health_to_be_asked_for() -> None:
    async def process(inbox: Inbox[Any]) -> None: ...

    with pytest.raises(InvalidSpec, match="process function"):
        ChildSpec("a", process, health=CHECK)


# --- what is decided


def test_a_child_without_a_check_is_never_asked(rehearse: Any) -> None:
    sup = rehearse("a")
    sup.pass_time(1e6)
    assert sup.take_log() == ["start a", "ready"]
    assert sup.machine.which_children()[0].health is None


def test_a_healthy_child_is_asked_again_and_again(rehearse: Any, spec: Any) -> None:
    sup = rehearse([spec("a", health=CHECK)])
    sup.take_log()
    for _ in range(5):
        sup.pass_time(9.5)
        assert sup.take_log() == []
        sup.pass_time(0.5)
        assert sup.take_log() == ["ask a"]
        sup.tell_health("a", "healthy")
    assert sup.machine.which_children()[0].health == "healthy"
    assert len(sup.timers) == 1


def test_the_next_question_comes_one_interval_after_the_last_question(
    rehearse: Any, spec: Any
) -> None:
    sup = rehearse([spec("a", health=HealthCheck(every=10.0, timeout=4.0))])
    sup.pass_time(10.0)
    sup.pass_time(3.0)
    sup.tell_health("a", "healthy")
    sup.take_log()
    sup.pass_time(6.9)
    assert sup.take_log() == []
    sup.pass_time(0.2)
    assert sup.take_log() == ["ask a"]


def test_a_child_that_answers_later_than_the_interval_is_asked_at_once(
    rehearse: Any, spec: Any
) -> None:
    sup = rehearse([spec("a", health=HealthCheck(every=1.0, timeout=5.0))])
    sup.pass_time(1.0)
    sup.pass_time(3.0)
    sup.take_log()
    sup.tell_health("a", "healthy")
    sup.pass_time(0.0)
    assert sup.take_log() == ["ask a"]


def test_as_many_failures_in_a_row_as_the_threshold_end_the_child(rehearse: Any, spec: Any) -> None:
    sup = rehearse([spec("a", health=CHECK), "b"])
    sup.take_log()
    for detail in ("slow", "slower"):
        sup.pass_time(10.0)
        sup.tell_health("a", "unhealthy", detail)
        assert sup.status()["a"] == "running"
    sup.pass_time(10.0)
    sup.tell_health("a", "unhealthy", "dead slow")
    assert sup.take_log() == ["ask a", "ask a", "ask a", "exit a", "start a"]
    assert ChildEnded("a", ("unhealthy", "dead slow"), True) in sup.reports
    assert sup.machine.restarts_left(sup.now) == 0
    assert len(sup.timers) == 1


@pytest.mark.parametrize("word", ["healthy", "degraded"])
def test_an_answer_that_is_no_failure_ends_the_row(rehearse: Any, spec: Any, word: str) -> None:
    sup = rehearse([spec("a", health=CHECK)])
    for status in ("unhealthy", "unhealthy", word) * 3:
        sup.pass_time(10.0)
        sup.tell_health("a", status)
    assert "exit a" not in sup.log
    assert sup.machine.which_children()[0].health == word


def test_a_change_of_health_is_reported_once(rehearse: Any, spec: Any) -> None:
    sup = rehearse([spec("a", health=CHECK)])
    sup.reports.clear()
    for status in ("healthy", "degraded", "degraded", "healthy"):
        sup.pass_time(10.0)
        sup.tell_health("a", status, status[0])
    assert sup.reports == [HealthChanged("a", "degraded", "d"), HealthChanged("a", "healthy", "h")]


def test_no_answer_in_time_is_a_failure_and_a_late_answer_none(rehearse: Any, spec: Any) -> None:
    sup = rehearse([spec("a", health=HealthCheck(every=10.0, timeout=1.0, threshold=2))])
    sup.pass_time(10.0)
    sup.pass_time(1.0)
    assert sup.machine.which_children()[0].health == "unhealthy"
    sup.tell_health("a", "healthy")
    assert sup.machine.which_children()[0].health == "unhealthy"
    sup.pass_time(9.0)
    sup.pass_time(1.0)
    assert ChildEnded("a", ("unhealthy", "no answer within 1 s"), True) in sup.reports


def test_a_slow_answer_of_one_child_holds_up_no_other(rehearse: Any, spec: Any) -> None:
    sup = rehearse([spec(id, health=HealthCheck(timeout=9.0)) for id in "abc"])
    sup.take_log()
    sup.pass_time(10.0)
    assert sup.take_log() == ["ask a", "ask b", "ask c"]
    sup.tell_health("c", "healthy")
    sup.tell_health("a", "degraded")
    healths = {view.id: view.health for view in sup.machine.which_children()}
    assert healths == {"a": "degraded", "b": "healthy", "c": "healthy"}


def test_an_unhealthy_child_that_does_not_end_is_killed_when_its_shutdown_time_is_over(
    rehearse: Any, spec: Any
) -> None:
    check = HealthCheck(threshold=1)
    sup = rehearse([spec("a", health=check, shutdown=2.0)], stubborn="a")
    sup.pass_time(10.0)
    sup.take_log()
    sup.tell_health("a", "unhealthy", "hangs")
    sup.pass_time(1.9)
    assert sup.take_log() == ["exit a"]
    sup.pass_time(0.2)
    assert sup.take_log() == ["kill a", "start a"]
    assert ChildEnded("a", ("unhealthy", "hangs"), True) in sup.reports


@pytest.mark.parametrize(
    ("shutdown", "log"), [("infinity", ["exit a"]), ("brutal_kill", ["kill a", "start a"])]
)
def test_an_unhealthy_child_ends_as_its_shutdown_says(
    rehearse: Any, spec: Any, shutdown: Any, log: list[str]
) -> None:
    sup = rehearse([spec("a", health=HealthCheck(threshold=1), shutdown=shutdown)], stubborn="a")
    sup.pass_time(10.0)
    sup.take_log()
    sup.tell_health("a", "unhealthy")
    assert sup.take_log() == log
    assert len(sup.timers) == (0 if shutdown == "infinity" else 1)


def test_a_child_that_crashes_while_it_is_ended_for_its_health_keeps_its_own_reason(
    rehearse: Any, spec: Any
) -> None:
    sup = rehearse([spec("a", health=HealthCheck(threshold=1))], stubborn="a")
    sup.pass_time(10.0)
    sup.tell_health("a", "unhealthy")
    sup.crash("a", "boom")
    assert ChildEnded("a", "boom", True) in sup.reports
    assert len(sup.timers) == 1


def test_a_kill_from_outside_is_not_taken_for_one_of_a_former_incarnation(
    rehearse: Any, spec: Any
) -> None:
    sup = rehearse([spec("a", health=HealthCheck(threshold=1))], intensity=9, stubborn="a")
    sup.pass_time(10.0)
    sup.tell_health("a", "unhealthy", "hangs")
    sup.crash("a", "boom")
    sup.crash("a", "killed")
    assert ChildEnded("a", "killed", True) in sup.reports


def test_a_transient_child_is_restarted_after_an_unhealthy_end(rehearse: Any, spec: Any) -> None:
    sup = rehearse([spec("a", health=HealthCheck(threshold=1), restart="transient")])
    sup.pass_time(10.0)
    sup.tell_health("a", "unhealthy")
    assert sup.status() == {"a": "running"}


@pytest.mark.parametrize("how", ["crash", "terminate", "stop", "sibling"])
def test_a_child_that_runs_no_more_is_asked_no_more(rehearse: Any, spec: Any, how: str) -> None:
    checked = spec("a", health=CHECK, restart="temporary")
    sup = rehearse([checked, "b"], strategy="one_for_all")
    sup.pass_time(10.0)
    question = sup.questions["a"]
    match how:
        case "crash":
            sup.crash("a")
        case "terminate":
            sup.tell(steps.TerminateChild, "a")
        case "stop":
            sup.feed(steps.Stop("shutdown"))
        case "sibling":
            sup.crash("b")
    assert sup.timers == {}
    sup.take_log()
    sup.feed(question)
    sup.pass_time(100.0)
    assert sup.take_log() == []


def test_a_child_that_is_being_stopped_is_asked_no_more(rehearse: Any, spec: Any) -> None:
    sup = rehearse([spec("a", health=CHECK, shutdown="infinity")], stubborn="a")
    sup.tell(steps.TerminateChild, "a")
    assert sup.timers == {}
    sup.take_log()
    sup.pass_time(100.0)
    assert sup.take_log() == []


def test_nobody_is_asked_or_ended_for_its_health_once_the_end_has_begun(
    rehearse: Any, spec: Any
) -> None:
    check = HealthCheck(every=10.0, timeout=1.0, threshold=1)
    children = [spec("a", health=check), spec("b", health=check), spec("c", shutdown="infinity")]
    sup = rehearse(children, stubborn="c")
    sup.pass_time(5.0)
    sup.tell(steps.TerminateChild, "b")
    sup.tell(steps.RestartChild, "b")
    sup.pass_time(5.0)
    sup.feed(steps.Stop("shutdown"))
    sup.take_log()
    sup.tell_health("a", "unhealthy")
    sup.pass_time(50.0)
    assert sup.take_log() == []
    sup.crash("c", "shutdown")
    assert sup.take_log() == ["stop b", "stop a", "end shutdown"]


def test_a_new_description_changes_the_checks_at_once(rehearse: Any, spec: Any) -> None:
    def change(children: Any, token: object) -> steps.Event:
        return steps.Reconfigure(Flags(), tuple(children), token)

    sup = rehearse([spec("a", health=CHECK), spec("b")])
    sup.tell(change, [spec("a"), spec("b", health=HealthCheck(every=2.0))])
    sup.take_log()
    sup.pass_time(2.0)
    assert sup.take_log() == ["ask b"]
    sup.tell_health("b", "healthy")
    sup.pass_time(1.5)
    sup.tell(change, [spec("a"), spec("b", health=HealthCheck(every=2.0), shutdown=1.0)])
    assert len(sup.timers) == 1
    sup.take_log()
    sup.pass_time(0.5)
    assert sup.take_log() == ["ask b"]


def test_a_new_description_does_not_save_a_child_that_is_ended_for_its_health(
    rehearse: Any, spec: Any
) -> None:
    def change(children: Any, token: object) -> steps.Event:
        return steps.Reconfigure(Flags(), tuple(children), token)

    sup = rehearse([spec("a", health=HealthCheck(threshold=1))], stubborn="a")
    sup.pass_time(10.0)
    sup.tell_health("a", "unhealthy")
    sup.tell(change, [spec("a")])
    sup.take_log()
    sup.pass_time(5.0)
    assert sup.take_log() == ["kill a", "start a"]


# --- over actors


class Patient(Actor[Any]):
    """Answers for its health what it was told last: a value, an exception, or a wait."""

    def __init__(self, answers: dict[str, Any], id: str) -> None:
        self.answers = answers
        self.id = id

    async def receive(self, message: Any) -> object:
        if message == "hang":
            await asyncio.Event().wait()
        return message

    async def health(self) -> Any:
        answer = self.answers.get(self.id, "healthy")
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, asyncio.Event):
            await answer.wait()
            return "healthy"
        return answer


class PlainPatient(Patient):
    def health(self) -> Any:
        return self.answers.get(self.id, "healthy")


class Mute(Actor[Any]):
    """Has no `health`."""

    async def receive(self, message: Any) -> object:
        if message == "hang":
            await asyncio.Event().wait()
        return message


class Ward:
    """A supervisor of patients, by a clock that the test moves."""

    def __init__(self, kernel: Kernel, clock: SetClock) -> None:
        self.kernel = kernel
        self.clock = clock
        self.answers: dict[str, Any] = {}
        self.events: list[object] = []
        self.root: SupervisorRef

    async def open(self, *children: ChildSpec) -> None:
        tree = Supervisor(intensity=9, children=children, observer=self.events.append)
        self.root = SupervisorRef.of(await self.kernel.start(tree))

    def patient(self, id: str, kind: Any = Patient, **check: Any) -> ChildSpec:
        options = {"every": 10.0, "timeout": 1.0, "threshold": 1} | check
        return ChildSpec(id, kind, args=(self.answers, id), health=HealthCheck(**options))

    async def healths(self) -> dict[str, str | None]:
        return {child.id: child.health for child in await self.root.which_children()}

    async def ends(self) -> list[ChildEnded]:
        await self.root.which_children()
        return [event for event in self.events if isinstance(event, ChildEnded)]


@pytest.fixture
async def ward(anyio_backend: object) -> AsyncIterator[Ward]:
    clock = SetClock()
    with anyio.fail_after(20):
        async with Kernel("ward", platform=clock) as kernel:
            yield Ward(kernel, clock)
    assert kernel.actors() == []
    assert kernel.statistics().timers == 0


@pytest.mark.anyio
@pytest.mark.parametrize("kind", [Patient, PlainPatient])
async def test_health_may_be_plain_or_async_and_a_word_or_a_value(ward: Ward, kind: Any) -> None:
    ward.answers.update(a="healthy", b="degraded", c=Health("degraded", "cold"))
    await ward.open(*(ward.patient(id, kind) for id in "abc"))
    await ward.clock.advance(10.0)
    assert await ward.healths() == {"a": "healthy", "b": "degraded", "c": "degraded"}
    assert HealthChanged("c", "degraded", "cold") in ward.events
    assert ward.kernel.statistics().timers == 3  # for the next questions
    assert await ward.ends() == []


@pytest.mark.anyio
async def test_an_unhealthy_actor_ends_with_its_detail_and_is_restarted(ward: Ward) -> None:
    ward.answers["a"] = Health("unhealthy", "no database")
    await ward.open(ward.patient("a"))
    (before,) = await ward.root.which_children()
    await ward.clock.advance(10.0)
    assert before.ref is not None
    assert before.ref.exit_reason == ("unhealthy", "no database")
    assert await ward.ends() == [ChildEnded("a", ("unhealthy", "no database"), True)]
    (after,) = await ward.root.which_children()
    assert (after.status, after.restarts) == ("running", 1)


@pytest.mark.anyio
async def test_what_health_raises_or_answers_wrongly_counts_as_unhealthy(ward: Ward) -> None:
    ward.answers.update(a=ConnectionError("refused"), b=42)
    await ward.open(ward.patient("a"), ward.patient("b"))
    await ward.clock.advance(10.0)
    a, b = await ward.ends()
    assert str(a.reason[1]).startswith("ConnectionError: refused")  # type: ignore[index]
    assert b.reason == ("unhealthy", ("bad_answer", 42))


@pytest.mark.anyio
@pytest.mark.parametrize("mute", [True, False])
async def test_an_actor_that_hangs_in_a_handler_is_ended(ward: Ward, mute: bool) -> None:
    spec = ChildSpec("a", Mute, health=HealthCheck(threshold=2)) if mute else ward.patient("a")
    await ward.open(spec)
    (child,) = await ward.root.which_children()
    assert child.ref is not None
    child.ref.send("hang")
    await ward.clock.advance(25.0)
    assert child.ref.exit_reason == ("unhealthy", "no answer within 1 s")
    (after,) = await ward.root.which_children()
    assert after.status == "running"


@pytest.mark.anyio
async def test_an_actor_without_health_is_healthy_as_long_as_it_takes_its_turns(
    ward: Ward,
) -> None:
    await ward.open(ChildSpec("a", Mute, health=HealthCheck(threshold=1)))
    await ward.clock.advance(100.0)
    assert await ward.healths() == {"a": "healthy"}
    assert await ward.ends() == []


@pytest.mark.anyio
async def test_a_slow_check_delays_neither_other_checks_nor_the_supervisor(ward: Ward) -> None:
    ward.answers.update(a=asyncio.Event(), b="degraded")
    await ward.open(ward.patient("a", timeout=1000.0), ward.patient("b"))
    await ward.clock.advance(10.0)
    assert await ward.healths() == {"a": "healthy", "b": "degraded"}
    ward.answers["b"] = "healthy"
    await ward.clock.advance(10.0)
    assert await ward.healths() == {"a": "healthy", "b": "healthy"}
    ward.answers["a"].set()


@pytest.mark.anyio
async def test_a_question_goes_ahead_of_the_messages_that_wait(ward: Ward) -> None:
    held = asyncio.Event()
    order: list[Any] = []

    class Busy(Actor[Any]):
        async def receive(self, message: Any) -> None:
            order.append(message)
            await held.wait()

        def health(self) -> str:
            order.append("health")
            return "healthy"

    await ward.open(ChildSpec("a", Busy, health=HealthCheck(timeout=100.0)))
    (child,) = await ward.root.which_children()
    assert child.ref is not None
    for number in range(4):
        child.ref.send(number)
    await ward.clock.advance(10.0)
    held.set()
    await ward.clock.advance(0.0)
    assert order == [0, "health", 1, 2, 3]


@pytest.mark.anyio
async def test_a_suspended_actor_is_not_ended_for_its_silence(ward: Ward) -> None:
    await ward.open(ward.patient("a"))
    (child,) = await ward.root.which_children()
    assert child.ref is not None
    ward.kernel.suspend(child.ref)
    await ward.clock.advance(100.0)
    assert await ward.ends() == []
    ward.kernel.resume(child.ref)
    assert await child.ref.request("hello") == "hello"


@pytest.mark.anyio
async def test_a_supervisor_that_is_asked_for_its_health_answers_as_an_actor_that_lives(
    ward: Ward,
) -> None:
    inner = Supervisor(children=[ward.patient("a")])
    await ward.open(ChildSpec("inner", inner, health=HealthCheck(threshold=1)))
    await ward.clock.advance(50.0)
    assert await ward.healths() == {"inner": "healthy"}
    assert await ward.ends() == []


@pytest.mark.anyio
async def test_an_actor_may_end_in_its_health_as_in_a_handler(ward: Ward) -> None:
    ward.answers["a"] = ExitActor("worn out")
    await ward.open(ward.patient("a", threshold=3))
    await ward.clock.advance(10.0)
    assert await ward.ends() == [ChildEnded("a", "worn out", True)]
