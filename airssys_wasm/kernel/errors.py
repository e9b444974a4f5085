"""The errors of the kernel: one root, a class for each thing that a caller could do about it."""

from __future__ import annotations

from collections.abc import Sequence

from airssys_wasm.kernel.reasons import Error


class AirssysError(Exception):
    """The root of every error that this library raises on purpose."""


class ActorExited(AirssysError):
    """A request got no reply: its target ended, was dead already, or is unknown (`"noproc"`).

    `target` is the ref or the name that was asked; `reason` is its exit reason. Where the target
    died of an exception, that exception is the `__cause__`.
    """

    def __init__(self, target: object, reason: object) -> None:
        super().__init__(f"{target} exited: {reason}")
        self.target = target
        self.reason = reason


class NotTaken(ActorExited):
    """An actor ended before it came to a message whose fate somebody wants to know."""


class NotHandled(AirssysError):
    """An actor does not know a message that somebody keeps until it is handled."""

    def __init__(self, target: object, message: object) -> None:
        super().__init__(f"{target} does not handle messages like this {type(message).__name__}")
        self.target = target


class RequestTimeout(AirssysError, TimeoutError):
    """No reply came in time. The target was not touched, and its late reply will be dropped.

    `chain` is whom the target waited for just then, whom that one waited for, and so on, as far as
    it is known; one that asked in a circle comes again at its end.
    """

    def __init__(self, target: object, timeout: float, chain: Sequence[object] = ()) -> None:
        waits = ", which ".join(f"waits for {asked}" for asked in chain)
        because = f"; it {waits}" if chain else ""
        super().__init__(f"no reply from {target} within {timeout:g} s{because}")
        self.target = target
        self.timeout = timeout
        self.chain = tuple(chain)


class MailboxFull(AirssysError):
    """The mailbox of the receiver is at capacity, and its policy does not wait.

    Carries what was not delivered, so that the sender can retry or drop it.
    """

    def __init__(self, target: object, capacity: int, undelivered: object) -> None:
        super().__init__(f"the mailbox of {target} is full ({capacity} messages)")
        self.target = target
        self.capacity = capacity
        self.undelivered = undelivered


class StartError(AirssysError):
    """An actor did not start. `reason` is what ended it; nothing of it is left."""

    def __init__(self, label: str, reason: object) -> None:
        super().__init__(f"{label} did not start: {reason}")
        self.reason = reason


class AlreadyStarted(StartError):
    """The name is held by a living actor, `ref`, which was not touched."""

    def __init__(self, name: str, ref: object) -> None:
        super().__init__(repr(name), f"the name is taken by {ref}")
        self.name = name
        self.ref = ref


class NameTaken(AirssysError, ValueError):
    """`register` never takes a name from a living actor; `ref` holds it."""

    def __init__(self, name: str, ref: object) -> None:
        super().__init__(f"the name {name!r} is taken by {ref}")
        self.name = name
        self.ref = ref


class NotRegistered(AirssysError, LookupError):
    """No actor has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no actor is registered as {name!r}")
        self.name = name


class SelfRequest(AirssysError):
    """An actor asked itself and would have waited for itself for ever."""

    def __init__(self, target: object) -> None:
        super().__init__(f"{target} requested something of itself; it can't answer while it waits")
        self.target = target


class ActorStopped(AirssysError):
    """What is left of a dead actor used its context, which refuses everything."""

    def __init__(self, target: object) -> None:
        super().__init__(f"{target} is dead; its context can no longer act")
        self.target = target


class Stopped(AirssysError):
    """A process function waited in `inbox.receive()` when the actor was asked to stop.

    `reason` is what it was asked to stop with. Let it pass: the actor then ends with that reason.
    """

    def __init__(self, reason: object) -> None:
        super().__init__(f"asked to stop: {reason}")
        self.reason = reason


class StopInit(AirssysError):
    """Raised by an `init` that can't succeed: an end with `reason`, without a crash report."""

    def __init__(self, reason: object) -> None:
        super().__init__(f"init stops: {reason}")
        self.reason = reason


class ContextNotReady(AirssysError):
    """`self.context` was used before `init`, in `__init__` as a rule."""

    def __init__(self, actor: object) -> None:
        super().__init__(
            f"{type(actor).__name__}.context exists from init() on, not in __init__(); "
            "move what needs it to init()"
        )


class NotJoined(AirssysError, LookupError):
    """The actor is not in the group."""

    def __init__(self, group: str, member: object) -> None:
        super().__init__(f"{member} is not in the group {group!r}")
        self.group = group
        self.member = member


class OpaqueState(AirssysError, TypeError):
    """The state of this kind of actor can't be read or replaced; `why` says so in words."""

    def __init__(self, target: object, why: str) -> None:
        super().__init__(f"the state of {target} can't be read: {why}")
        self.target = target
        self.why = why


class ExitActor(AirssysError):
    """Raised in a handler: the actor ends with `reason` (Erlang's `exit/1`).

    An abnormal reason is reported as a crash; an orderly one is not.
    """

    def __init__(self, reason: object) -> None:
        super().__init__(f"exits: {reason}")
        self.reason = reason


class AlreadyAnswered(AirssysError):
    """A reply was given twice: `Reply.send` and `Reply.fail` answer once between them."""

    def __init__(self) -> None:
        super().__init__("this request was answered already")


def reason_of(exception: BaseException) -> object:
    """The exit reason of an actor that `exception` ended."""
    if isinstance(exception, ExitActor | StopInit):
        return exception.reason
    return Error.of(exception)
