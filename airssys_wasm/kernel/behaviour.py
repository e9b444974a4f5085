"""What an actor does, as users write it: a class, a process function, or a description of one.

The kernel asks a behaviour once an incarnation how it runs, and keeps the answer by class.
"""

from __future__ import annotations

from collections.abc import Callable
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeVar, runtime_checkable

from airssys_wasm.kernel.context import ActorContext
from airssys_wasm.kernel.errors import ContextNotReady, OpaqueState
from airssys_wasm.kernel.message import Unhandled
from airssys_wasm.kernel.states import ASYNC, HANDLES_STOP, OWN, OWN_TASK, TERMINATE, TRAP

if TYPE_CHECKING:
    from airssys_wasm.kernel.crash import Crash
    from airssys_wasm.kernel.ref import ActorRef

M = TypeVar("M")

new = object.__new__


class Actor(Generic[M]):
    """A behaviour as a class: it holds state and handles one message at a time.

    Hooks, each plain or async: `init()` before the first message, `receive(message)` for each,
    `handle_continue(value)` for who answers Continue, and `terminate(reason)` at every end of an
    actor whose init succeeded, except a kill. A class
    without an init starts idle. `self.context` exists from init on.
    """

    __slots__ = ("_context", "_ref")

    _context: ActorContext | None  # made when it is first asked for
    _ref: ActorRef[Any]

    handles_parent_exit = False
    """True for a behaviour that ends itself, as a supervisor does: the exits of its parent
    arrive as `Exit` messages too, and `stop` as `StopRequested`."""

    own_task = False
    """True to run all hooks of an incarnation in one task, as a process function runs. Else a
    cancel scope, a timeout or a task group can be open across `await`, and not from one hook to the
    next. Costs a task for each actor."""

    def init(self) -> Any:
        """Make ready. May answer IGNORE, Continue or DEFERRED_INIT; a failure is a failed start."""

    def receive(self, message: M, /) -> object:
        """Handle one message. The returned value answers a request."""
        return self.unhandled(message)

    def check_message(self, message: Any, /) -> None:
        """Looked at in `send` and `put` if it is overridden: raise what whoever sends is to get.

        For what the actor can never take. It runs for who sends, before the message is in the
        mailbox, so it may look at nothing that a handler changes. Not asked for requests, which
        `Failed` answers, nor for publications, timers, and what comes from another node.
        """

    def handle_continue(self, value: Any, /) -> Any:
        """Go on with what `init` or a handler answered `Continue(value)` for. May answer it again.

        No message comes between. Plain or async.
        """
        raise NotImplementedError(f"{type(self).__name__} answered Continue({value!r})")

    def terminate(self, reason: object, /) -> Any:
        """Clean up. Bounded by the child's shutdown time, 5 s without a supervisor."""

    def unhandled(self, message: object) -> object:
        """For `return self.unhandled(message)`: a warning, or the end if it was a request."""
        return Unhandled(message)

    def describe_crash(self, crash: Crash) -> Crash:
        """What the crash report and the log tell of `crash`. Override it to hide secrets:

            return replace(crash, state={"user": self.user}, message="***")

        If it raises, the report tells who ended, and of the rest only types and places. Dead
        letters, links, monitors and telemetry have messages and reasons as they were.
        """
        return crash

    def live_state(self) -> object:
        """The state that `get_state` gives: the attributes, as a dict of their own.

        Override both this and `set_live_state`, or neither. Raise OpaqueState if it can't be told.
        """
        if not hasattr(self, "__dict__"):
            raise OpaqueState(self._ref, "it has __slots__ and no live_state()")
        return dict(vars(self))

    def set_live_state(self, state: Any, /) -> None:
        """Go on with `state`, as `replace_state` asks. Raises, changing nothing, if it is none."""
        if not isinstance(state, dict):
            raise TypeError(f"{state!r} is not a dict of attributes")
        attributes = vars(self)
        attributes.clear()
        attributes.update(state)

    def bytes_in_use(self) -> int | None:
        """How much memory the actor holds, for those who look at it; None when it can't tell."""
        return None

    @property
    def context(self) -> ActorContext:
        """What the actor acts through."""
        try:
            context = self._context
        except AttributeError:
            raise ContextNotReady(self) from None
        if context is None:
            # `ActorContext.__init__`, without the call: most actors ask once in their life.
            context = self._context = new(ActorContext)
            context.ref = ref = self._ref
            context._kernel = ref._scheduler.kernel
        return context


@runtime_checkable
class Description(Protocol):
    """An immutable value that says how to make a behaviour: a `Supervisor`, a `Component`.

    One with `takes_arguments = True` is given those of a dynamic supervisor's `start_child`.
    """

    def incarnate(self) -> Actor[Any]:
        """A fresh behaviour for one incarnation."""
        ...


class Process(NamedTuple):
    """A process function and the arguments after its inbox."""

    function: Callable[..., Any]
    arguments: tuple[Any, ...]


class Kind(NamedTuple):
    """How the actors of one class run."""

    mode: int
    traits: int
    has_init: bool
    label: str
    checks: bool  # whether messages are looked at as they are sent


KINDS: dict[type, Kind] = {}
STARTS_IDLE: dict[type, tuple[int, int, str]] = {}  # mode, traits, label: kinds without an init


def kind_of(behaviour: type[Actor[Any]]) -> Kind:
    """How actors of this class run; looked at once a class."""
    kind = KINDS.get(behaviour)
    if kind is None:
        traits = TERMINATE if behaviour.terminate is not Actor.terminate else 0
        if behaviour.handles_parent_exit:
            traits |= HANDLES_STOP | TRAP
        mode = ASYNC if iscoroutinefunction(behaviour.receive) else 0
        if behaviour.own_task:
            mode |= OWN
            traits |= OWN_TASK
        kind = KINDS[behaviour] = Kind(
            mode,
            traits,
            behaviour.init is not Actor.init,
            label_of(behaviour),
            behaviour.check_message is not Actor.check_message,
        )
        if not kind.has_init and not kind.checks:
            STARTS_IDLE[behaviour] = (kind.mode, kind.traits, kind.label)
    return kind


def incarnate(behaviour: Any, arguments: tuple[Any, ...]) -> Actor[Any] | Process:
    """One incarnation of `behaviour`, made with `arguments`.

    `behaviour` is an Actor class, a coroutine function whose first parameter is its inbox, a
    description, or a function that returns an Actor. Raises TypeError for anything else, and
    whatever `__init__` raises.
    """
    if isinstance(behaviour, type) and issubclass(behaviour, Actor):
        return behaviour(*arguments)
    # To ask whether it is a Description takes 15 us, since that is a Protocol.
    if hasattr(behaviour, "incarnate") and not isinstance(behaviour, type):
        if arguments and not getattr(behaviour, "takes_arguments", False):
            raise TypeError(f"{behaviour!r} takes no arguments beside its own fields")
        described: Actor[Any] = behaviour.incarnate(*arguments)
        return described
    if isinstance(behaviour, Actor):
        raise TypeError(f"pass the class {type(behaviour).__name__}, not one instance of it: "
                        "each incarnation is made anew")  # fmt: skip
    if iscoroutinefunction(behaviour):
        return Process(behaviour, arguments)
    if not callable(behaviour):
        raise TypeError(f"{behaviour!r} is no behaviour: an Actor class, a coroutine function "
                        "that takes an inbox, or a description")  # fmt: skip
    made = behaviour(*arguments)
    if not isinstance(made, Actor):
        raise TypeError(f"{behaviour!r} made {made!r}, which is not an Actor")
    return made


def label_of(behaviour: Any) -> str:
    """What a behaviour without a name is called in refs and reports."""
    label = getattr(behaviour, "label", None)
    if isinstance(label, str):
        return label
    while hasattr(behaviour, "func"):  # functools.partial
        behaviour = behaviour.func
    named = behaviour if hasattr(behaviour, "__name__") else type(behaviour)
    return str(named.__name__)
