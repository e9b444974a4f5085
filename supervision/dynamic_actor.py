"""Acts: a dynamic supervisor, which carries out what its state machine decides.

It never waits for a child, as an ordinary supervisor does not. When it is killed, the kernel passes
its end on to the children.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple, assert_never

from airssys_wasm.kernel.behaviour import Actor
from airssys_wasm.kernel.context import Reply
from airssys_wasm.kernel.crash import Crash
from airssys_wasm.kernel.errors import AlreadyStarted, StartError
from airssys_wasm.kernel.message import Down, Exit, Failed, Ignored, Started, StopRequested
from airssys_wasm.kernel.posting import is_held
from airssys_wasm.kernel.reasons import Error, exception_of
from airssys_wasm.kernel.ref import ActorRef
from airssys_wasm.kernel.timers import TimerRef
from airssys_wasm.supervision import dynamic_protocol, dynamic_steps, protocol, steps
from airssys_wasm.supervision.dynamic_tree import DynamicMachine
from airssys_wasm.supervision.errors import InvalidSpec, MaxChildren, NotAChild
from airssys_wasm.supervision.health_question import ask_health
from airssys_wasm.supervision.reporting import log, report
from airssys_wasm.supervision.shutdown import terminate_time
from airssys_wasm.supervision.supervisor_ref import ChildInfo, SupervisorStatistics

if TYPE_CHECKING:
    from airssys_wasm.supervision.child_spec import ChildSpec
    from airssys_wasm.supervision.dynamic_supervisor import DynamicSupervisor


class Reconfiguration(NamedTuple):
    """The token of a reconfiguration: who asked, and for what."""

    reply: Reply
    description: DynamicSupervisor


class DynamicActor(Actor[Any]):
    """One incarnation of a dynamic supervisor."""

    __slots__ = ("_description", "_former", "_machine", "_numbers", "_refs", "_timers")

    handles_parent_exit = True

    def __init__(self, description: DynamicSupervisor) -> None:
        self._description = description
        self._machine = DynamicMachine(
            description.template, description.flags, description.max_children
        )
        self._refs: dict[int, ActorRef[Any]] = {}  # alive, or dead with a mailbox that is kept
        self._numbers: dict[ActorRef[Any], int] = {}  # alive, or being replaced
        self._former: dict[int, ActorRef[Any]] = {}  # being replaced
        self._timers: dict[int, TimerRef] = {}

    def init(self) -> None:
        self.context.trap_exit = True
        self._machine.be_called(self._label(), self.context.random.random)

    def _label(self) -> str:
        return self.context.name or self._description.label or str(self.context.ref)

    def receive(self, message: Any) -> object:
        match message:
            case Down(ref, reason, None) if isinstance(ref, ActorRef):
                self._gone(ref, steps.Gone(self._numbers.pop(ref, 0), reason, ref.cause))
            case Started(ref):
                self._feed(steps.Up(self._numbers.get(ref, 0)))
            case Ignored(ref):
                self._gone(ref, steps.Declined(self._numbers.pop(ref, 0)))
            case steps.TimeUp(timer):
                self._timers.pop(timer, None)
                self._feed(message)
            case dynamic_steps.RetryInstance() | dynamic_steps.GoOn() | steps.Checked():
                self._feed(message)
            case Exit(ref, reason):
                if ref is self.context.parent:
                    self._feed(steps.Stop(reason))
            case StopRequested(reason):
                self._feed(steps.Stop(reason))
            case dynamic_protocol.StartInstance(args):
                self._feed(dynamic_steps.AddInstance(args, self.context.defer_reply()))
            case dynamic_protocol.TerminateInstance(ref):
                token = self.context.defer_reply()
                number = self._numbers.get(ref)
                self._feed(dynamic_steps.EndInstance(number, ref.is_alive, token))
            case protocol.WhichChildren():
                return self._which_children()
            case protocol.CountChildren():
                return self._machine.count_children()
            case dynamic_protocol.GetTemplate():
                return self._machine.template
            case protocol.GetStatistics():
                left = self._machine.restarts_left(self.context.now())
                return SupervisorStatistics(self._machine.restarts, left)
            case protocol.Reconfigure(description):
                return self._reconfigure(description)
            case protocol.Start() | protocol.Terminate() | protocol.Restart() | protocol.Delete():
                return self._refuse(message, "its children have no ids: ask a DynamicSupervisorRef")
            case protocol.GetChildSpec():
                return self._refuse(message, "its children have no specs of their own")
            case _:
                return self._refuse(message, "it does not understand that")
        return None

    def _reconfigure(self, description: object) -> Failed | None:
        if not isinstance(description, type(self._description)):
            return Failed(InvalidSpec("description", description, "is not a DynamicSupervisor"))
        token = Reconfiguration(self.context.defer_reply(), description)
        template, limit = description.template, description.max_children
        self._feed(dynamic_steps.ReconfigureInstances(template, description.flags, limit, token))
        return None

    def _refuse(self, message: object, why: str) -> Failed:
        # A stray message must not end all children, whoever sent it and how.
        log.warning("%s got %r: %s", self.context.ref, message, why)
        return Failed(TypeError(f"a dynamic supervisor got {message!r}: {why}"))

    def describe_crash(self, crash: Crash) -> Crash:
        return replace(crash, state=self._machine.count_children())

    # --- the machine is told, and its actions are carried out

    def _gone(self, ref: ActorRef[Any], event: steps.Gone | steps.Declined) -> None:
        self._feed(event)
        if not is_held(ref):
            self._refs.pop(event.incarnation, None)

    def _feed(self, event: dynamic_steps.DynamicEvent) -> None:
        events: deque[dynamic_steps.DynamicEvent] = deque((event,))
        while events:
            for action in self._machine.handle(events.popleft(), self.context.now()):
                self._do(action, events)

    def _do(
        self, action: dynamic_steps.DynamicAction, events: deque[dynamic_steps.DynamicEvent]
    ) -> None:
        match action:
            case steps.Report(event):
                report(self.context.ref, event, self._description.observer)
            case dynamic_steps.SpawnInstance():
                failed = self._spawn(action)
                if failed is not None:
                    events.append(failed)
            case steps.Answer(token, started):
                assert isinstance(token, Reply)
                token.send(None if started is None else self._refs[started])
            case steps.AnswerReconfigured(token, difference):
                assert isinstance(token, Reconfiguration)
                self._description = token.description
                self._machine.be_called(self._label(), self.context.random.random)
                token.reply.send(difference)
            case steps.AskHealth(incarnation):
                ask_health(action, self._refs[incarnation], self.context.ref)
            case dynamic_steps.RefuseInstance(token, problem):
                assert isinstance(token, Reply)
                token.fail(self._error(problem))
            case steps.SendExit(incarnation, reason):
                self._refs[incarnation].exit(reason)
            case steps.Kill(incarnation):
                self._refs[incarnation].kill()
            case steps.Release(incarnation):
                self.context.release(self._refs.pop(incarnation))
            case dynamic_steps.Remember(incarnation):
                ref = self._former[incarnation] = self._refs[incarnation]
                self._numbers[ref] = incarnation
            case dynamic_steps.Forget(incarnation):
                del self._numbers[self._former.pop(incarnation)]
            case dynamic_steps.TryAgain(child, attempt):
                self.context.ref.send(dynamic_steps.RetryInstance(child, attempt))
            case dynamic_steps.TakeTurns():
                self.context.ref.send(dynamic_steps.GoOn())
            case steps.SetTimer(timer, after):
                self._timers[timer] = self.context.send_after(
                    after, self.context.ref, steps.TimeUp(timer)
                )
            case steps.CancelTimer(timer):
                if (running := self._timers.pop(timer, None)) is not None:
                    self.context.cancel_timer(running)
            case steps.End(reason, cause):
                self.context.set_cause(cause)
                self.context.stop(reason)
            case never:
                assert_never(never)

    def _spawn(self, action: dynamic_steps.SpawnInstance) -> steps.NotSpawned | None:
        spec, number = self._machine.template, action.incarnation
        try:
            ref = self.context.spawn_child(
                spec.start,
                *spec.args,
                *action.args,
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
        self._numbers[ref] = number
        return None

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

    @staticmethod
    def _error(problem: dynamic_steps.DynamicProblem) -> Exception:
        match problem:
            case dynamic_steps.Full(limit):
                return MaxChildren(limit)
            case dynamic_steps.Stranger():
                return NotAChild()
            case steps.DidNotStart(child, reason):
                error = exception_of(reason)
                if isinstance(error, AlreadyStarted):
                    return error
                failure = StartError(f"child {child!r}", reason)
                failure.__cause__ = error
                return failure
            case never:
                assert_never(never)


def installed_at(ref: ActorRef[Any]) -> ChildSpec | None:
    """What the children of a living dynamic supervisor are made from; None of any other actor."""
    actor = getattr(ref._receive, "__self__", None)
    return actor._machine.template if isinstance(actor, DynamicActor) else None
