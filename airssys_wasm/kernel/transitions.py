"""What the handlers of a state machine answer: where it goes, and what is to happen on the way.

Pure: values only. A transition is one of `KeepState`, `NextState`, `RepeatState`, `Stop`; all but
`Stop` carry actions. Every value checks itself when it is made, so a mistake shows at the line
that made it.

Source: Erlang/OTP, gen_statem(3), `state_callback_result()` and `action()`.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from math import isfinite
from typing import Any

STATE = "state"  # the timeout that a change of state cancels
EVENT = "event"  # the timeout that any event cancels


@dataclass(frozen=True, slots=True)
class Postpone:
    """The event in hand comes again after the next change of state, before what arrives later."""


@dataclass(frozen=True, slots=True)
class NextEvent:
    """`Internal(payload)` is handled next, before anything postponed or received."""

    payload: object


@dataclass(frozen=True, slots=True)
class StateTimeout:
    """`TimedOut("state", payload)` comes in `seconds`, unless the state changes before.

    Arming it again replaces it.
    """

    seconds: float
    payload: object = None

    def __post_init__(self) -> None:
        _seconds(self.seconds)


@dataclass(frozen=True, slots=True)
class EventTimeout:
    """`TimedOut("event", payload)` comes in `seconds`, unless any event is handled before."""

    seconds: float
    payload: object = None

    def __post_init__(self) -> None:
        _seconds(self.seconds)


@dataclass(frozen=True, slots=True)
class NamedTimeout:
    """`TimedOut(name, payload)` comes in `seconds`, whatever happens to the state.

    Arming one that runs replaces it. Raises ValueError for the names `"state"` and `"event"`.

    >>> NamedTimeout("state", 1.0)
    Traceback (most recent call last):
    ValueError: a timeout can't be named 'state': use StateTimeout
    """

    name: Hashable
    seconds: float
    payload: object = None

    def __post_init__(self) -> None:
        _hashable(self.name, "the name of a timeout")
        if self.name in (STATE, EVENT):
            kind = "StateTimeout" if self.name == STATE else "EventTimeout"
            raise ValueError(f"a timeout can't be named {self.name!r}: use {kind}")
        _seconds(self.seconds)


@dataclass(frozen=True, slots=True)
class CancelTimeout:
    """The timeout `name` (`"state"` and `"event"` too) will not come. Harmless if none runs."""

    name: Hashable

    def __post_init__(self) -> None:
        _hashable(self.name, "the name of a timeout")


@dataclass(frozen=True, slots=True)
class UpdateTimeout:
    """The timeout `name` comes with `payload`, at the time it was to come.

    When none of that name runs, it comes at once.
    """

    name: Hashable
    payload: object

    def __post_init__(self) -> None:
        _hashable(self.name, "the name of a timeout")


TimeoutAction = StateTimeout | EventTimeout | NamedTimeout | CancelTimeout | UpdateTimeout
Action = Postpone | NextEvent | TimeoutAction


@dataclass(frozen=True, slots=True)
class TimedOut:
    """The event of a timeout: `name` is `"state"`, `"event"` or the name that was given."""

    name: Hashable
    payload: object = None


@dataclass(frozen=True, slots=True, init=False)
class KeepState:
    """Stay in this state; a handler that answers None says the same.

    `reply` answers the request in hand, as the returned value of an actor does.
    """

    actions: tuple[Action, ...] = ()
    reply: object = None

    def __init__(self, *actions: Action, reply: object = None) -> None:
        _fill(self, actions, reply)


@dataclass(frozen=True, slots=True, init=False)
class NextState:
    """Go to `state`. Its enter callback runs, and what was postponed comes again.

    Going to the state that it is in already is `KeepState`.

    >>> NextState("open", StateTimeout(5.0), reply="welcome")
    NextState(state='open', actions=(StateTimeout(seconds=5.0, payload=None),), reply='welcome')
    """

    state: Hashable
    actions: tuple[Action, ...] = ()
    reply: object = None

    def __init__(self, state: Hashable, *actions: Action, reply: object = None) -> None:
        _hashable(state, "a state")
        object.__setattr__(self, "state", state)
        _fill(self, actions, reply)


@dataclass(frozen=True, slots=True, init=False)
class RepeatState:
    """Stay in this state and run its enter callback again. What was postponed stays so."""

    actions: tuple[Action, ...] = ()
    reply: object = None

    def __init__(self, *actions: Action, reply: object = None) -> None:
        _fill(self, actions, reply)


@dataclass(frozen=True, slots=True)
class Stop:
    """End the actor with `reason`. The request in hand gets `reply` first."""

    reason: object = "normal"
    reply: object = field(default=None, kw_only=True)


Transition = KeepState | NextState | RepeatState | Stop


def _fill(transition: Any, actions: tuple[Any, ...], reply: object) -> None:
    for action in actions:
        if not isinstance(action, Action):
            raise TypeError(f"{action!r} is not an action; a reply is given with reply=")
    if reply is not None and Postpone() in actions:
        raise ValueError("a request is postponed or answered, not both")
    object.__setattr__(transition, "actions", actions)
    object.__setattr__(transition, "reply", reply)


def _hashable(value: object, what: str) -> None:
    try:
        hash(value)
    except TypeError:
        raise TypeError(f"{value!r} can't be {what}: it is not hashable") from None


def _seconds(value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r} is not a number of seconds")
    if not isfinite(value) or value < 0:
        raise ValueError(f"{value!r} s is not a time from now")
