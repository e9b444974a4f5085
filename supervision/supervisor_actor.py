"""Acts: a supervisor, which carries out what its state machine decides.

It never waits for a child: a start or a stop in progress is state of the machine, and its end is a
message. So it answers at any time.

When a supervisor is killed, the kernel passes its end on to the children.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, assert_never

from airssys_wasm.kernel.behaviour import Actor
from airssys_wasm.kernel.context import Reply
from airssys_wasm.kernel.crash import Crash
from airssys_wasm.kernel.errors import AlreadyStarted, StartError, StopInit
from airssys_wasm.kernel.message import (
    DEFERRED_INIT,
    Down,
    Exit,
    Failed,
    Ignored,
    Started,
    StopRequested,
)
from airssys_wasm.kernel.reasons import Error, exception_of
from airssys_wasm.kernel.ref import ActorRef
from airssys_wasm.kernel.timers import TimerRef
from airssys_wasm.supervision import protocol, steps
from airssys_wasm.supervision.errors import (
    ChildNotFound,
    ChildPresent,
    ChildRestarting,
    ChildRunning,
    InvalidSpec,
)
from airssys_wasm.supervision.health_question import ask_health
from airssys_wasm.supervision.reporting import log, report
from airssys_wasm.supervision.shutdown import terminate_time
from airssys_wasm.supervision.supervisor_ref import ChildInfo, SupervisorStatistics
from airssys_wasm.supervision.tree import SupervisorMachine

if TYPE_CHECKING:
    from airssys_wasm.supervision.supervisor import Supervisor


class _Reconfiguration(NamedTuple):
    """The token of a reconfiguration: who asked, and for what."""

    reply: Reply
    description: Supervisor


class SupervisorActor(Actor[Any]):
    """One incarnation of a supervisor."""

    __slots__ = ("_description", "_machine", "_numbers", "_refs", "_state", "_timers")

    handles_parent_exit = True

    def __init__(self, description: Supervisor) -> None:
        self._description = description
        self._machine = SupervisorMachine(description.flags, description.children)
        self._refs: dict[int, ActorRef[Any]] = {}  # alive, or dead with a mailbox that is kept
        self._numbers: dict[ActorRef[Any], tuple[int, bool]] = {}  # alive; and: keeps its mailbox
        self._timers: dict[int, TimerRef] = {}
        self._state: Literal["init", "deferred", "ready"] = "init"

    def init(self) -> object:
        self.context.trap_exit = True
        self._machine.label = self._label()
        self._machine.chance = self.context.random.random
        self._feed(steps.Begin())
        if self._state == "ready":
            return None
        self._state = "deferred"
        return DEFERRED_INIT

    def _label(self) -> str:
        return self.context.name or self._description.label or str(self.context.ref)

    def receive(self, message: Any) -> object:
        match message:
            case Down(ref, reason, None) if isinstance(ref, ActorRef):
                self._feed(steps.Gone(self._gone(ref), reason, ref.cause))
            case Started(ref):
                self._feed(steps.Up(self._numbers.get(ref, (0, False))[0]))
            case Ignored(ref):
                self._feed(steps.Declined(self._gone(ref)))
            case steps.TimeUp(timer):
                self._timers.pop(timer, None)
                self._feed(message)
            case steps.Retry() | steps.Checked():
                self._feed(message)
            case Exit(ref, reason):
                if ref is self.context.parent:
                    self._feed(steps.Stop(reason))
            case StopRequested(reason):
                self._feed(steps.Stop(reason))
            case protocol.WhichChildren():
                return self._which_children()
            case protocol.CountChildren():
                return self._machine.count_children()
            case protocol.GetChildSpec(child):
                return self._machine.child_spec(child) or Failed(ChildNotFound(child))
            case protocol.GetStatistics():
                left = self._machine.restarts_left(self.context.now())
                return SupervisorStatistics(self._machine.restarts, left)
            case protocol.Start(spec):
                self._feed(steps.AddChild(spec, self.context.defer_reply()))
            case protocol.Terminate(child):
                self._feed(steps.TerminateChild(child, self.context.defer_reply()))
            case protocol.Restart(child):
                self._feed(steps.RestartChild(child, self.context.defer_reply()))
            case protocol.Delete(child):
                self._feed(steps.DeleteChild(child, self.context.defer_reply()))
            case protocol.Reconfigure(description):
                return self._reconfigure(description)
            case _:
                # A stray message must not end a whole tree, whoever sent it and how.
                log.warning("%s does not understand %r", self.context.ref, message)
                return Failed(TypeError(f"a supervisor does not understand {message!r}"))
        return None

    def _reconfigure(self, description: object) -> Failed | None:
        if not isinstance(description, type(self._description)):
            kind = type(self._description).__name__
            return Failed(InvalidSpec("description", description, f"is not a {kind}"))
        reply = _Reconfiguration(self.context.defer_reply(), description)
        self._feed(steps.Reconfigure(description.flags, tuple(description.children), reply))
        return None

    def describe_crash(self, crash: Crash) -> Crash:
        return replace(crash, state=self._machine.which_children())

    # --- the machine is told, and its actions are carried out

    def _feed(self, event: steps.Event) -> None:
        events: deque[steps.Event] = deque((event,))
        while events:
            for action in self._machine.handle(events.popleft(), self.context.now()):
                self._do(action, events)

    def _do(self, action: steps.Action, events: deque[steps.Event]) -> None:
        match action:
            case steps.Spawn():
                failed = self._spawn(action)
                if failed is not None:
                    events.append(failed)
            case steps.SendExit(incarnation, reason):
                self._refs[incarnation].exit(reason)
            case steps.Kill(incarnation):
                self._refs[incarnation].kill()
            case steps.Release(incarnation):
                self.context.release(self._refs.pop(incarnation))
            case steps.AskHealth(incarnation):
                ask_health(action, self._refs[incarnation], self.context.ref)
            case steps.SetTimer(timer, after):
                self._timers[timer] = self.context.send_after(
                    after, self.context.ref, steps.TimeUp(timer)
                )
            case steps.CancelTimer(timer):
                if (running := self._timers.pop(timer, None)) is not None:
                    self.context.cancel_timer(running)
            case steps.Again(child, attempt):
                self.context.ref.send(steps.Retry(child, attempt))
            case steps.Answer(token, started):
                assert isinstance(token, Reply)
                token.send(None if started is None else self._refs[started])
            case steps.AnswerReconfigured(token, difference):
                assert isinstance(token, _Reconfiguration)
                self._description = token.description
                self._machine.label = self._label()
                token.reply.send(difference)
            case steps.Refuse(token, problem):
                reply = token.reply if isinstance(token, _Reconfiguration) else token
                assert isinstance(reply, Reply)
                reply.fail(self._error(problem))
            case steps.Adjust(incarnation, spec):
                self.context.set_shutdown(self._refs[incarnation], terminate_time(spec.shutdown))
            case steps.Report(event):
                report(self.context.ref, event, self._description.observer)
            case steps.Ready():
                self._become_ready()
            case steps.End(reason, cause):
                self._end(reason, cause)
            case never:
                assert_never(never)

    def _spawn(self, action: steps.Spawn) -> steps.NotSpawned | None:
        spec, number = action.spec, action.incarnation
        try:
            ref = self.context.spawn_child(
                spec.start,
                *spec.args,
                name=spec.name,
                mailbox=spec.mailbox,
                adopt=None if action.adopt is None else self._refs[action.adopt],
                restarts=action.restarts,
                shutdown=terminate_time(spec.shutdown),
                queue=spec.while_restarting == "queue",
            )
        except Exception as error:
            return steps.NotSpawned(number, Error.of(error))
        if action.adopt is not None:
            del self._refs[action.adopt]
        elif spec.attach is not None:
            try:
                spec.attach(ref)
            except Exception as error:
                ref.kill()
                self.context.release(ref)
                return steps.NotSpawned(number, Error.of(error))
        self._refs[number] = ref
        self._numbers[ref] = (number, spec.keeps_mailbox)
        return None

    def _gone(self, ref: ActorRef[Any]) -> int:
        """The number of a child that died; 0, which none has, if it was not one of ours."""
        number, keeps_mailbox = self._numbers.pop(ref, (0, False))
        if not keeps_mailbox:
            self._refs.pop(number, None)
        return number

    def _become_ready(self) -> None:
        if self._state == "deferred":
            self.context.init_done()
        self._state = "ready"

    def _end(self, reason: object, cause: object | None) -> None:
        self.context.set_cause(cause)
        match self._state:
            case "init":
                raise StopInit(reason)
            case "deferred":
                self.context.init_failed(reason)
            case "ready":
                self.context.stop(reason)
            case never:
                assert_never(never)

    # --- answers

    def _which_children(self) -> list[ChildInfo]:
        now = self.context.now()
        return [
            ChildInfo(
                view.id,
                None if view.incarnation is None else self._refs.get(view.incarnation),
                view.status,
                view.type,
                view.restarts,
                None if view.due is None else max(0.0, view.due - now),
                view.health,
            )
            for view in self._machine.which_children()
        ]

    def _error(self, problem: steps.Problem) -> Exception:
        match problem:
            case steps.NotFound(child):
                return ChildNotFound(child)
            case steps.Present(child):
                return ChildPresent(child)
            case steps.AlreadyUp(child, incarnation):
                return AlreadyStarted(child, self._refs.get(incarnation))
            case steps.Running(child, incarnation):
                return ChildRunning(child, self._refs.get(incarnation))
            case steps.Restarting(child):
                return ChildRestarting(child)
            case steps.Unfit(child):
                return InvalidSpec(
                    "significant", True, f"of {child!r} does not go with auto_shutdown='never'"
                )
            case steps.DidNotStart(child, reason):
                error = exception_of(reason)
                if isinstance(error, AlreadyStarted):
                    return error
                failure = StartError(f"child {child!r}", reason)
                failure.__cause__ = error
                return failure
            case steps.Invalid(field, value, problem_text):
                return InvalidSpec(field, value, problem_text)
            case never:
                assert_never(never)
