"""Which method of a state machine is for which state, as its class says.

Pure. Mistakes are found where the class is defined.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, TypeVar

Method = TypeVar("Method", bound=Callable[..., Any])

HANDLES = "_handles_states"
ENTERS = "_enters_states"


def state(*states: Hashable) -> Callable[[Method], Method]:
    """The method handles every event in `states`: `@state("open")`, `@state("red", "amber")`."""
    return _mark(HANDLES, states)


def enter(*states: Hashable) -> Callable[[Method], Method]:
    """The method runs each time one of `states` is entered, and gets the previous state.

    That is None when the machine starts, and the state itself on RepeatState.
    """
    return _mark(ENTERS, states)


def read_states(cls: type) -> tuple[dict[Hashable, str], dict[Hashable, str]]:
    """State to name of its handler, and state to name of its enter callback.

    Raises TypeError for two methods that are for one state, and for a state without a handler that
    is the initial one or has an enter callback. A class without any handler is a base of others.

    >>> class Lamp:
    ...     initial = "off"
    ...     @state("off", "on")
    ...     def toggle(self, event): ...
    >>> read_states(Lamp)
    ({'off': 'toggle', 'on': 'toggle'}, {})
    """
    handlers, enters = _table(cls, HANDLES), _table(cls, ENTERS)
    if handlers:
        needed = [(name, f"{method}() is to run on entering") for name, method in enters.items()]
        if hasattr(cls, "initial"):
            needed.append((cls.initial, "it begins in"))
        for name, role in needed:
            if name not in handlers:
                known = ", ".join(sorted(map(repr, handlers)))
                raise TypeError(f"{cls.__name__}: {role} {name!r}, for which there is no handler; "
                                f"there are: {known}")  # fmt: skip
    return handlers, enters


def _mark(mark: str, states: tuple[Hashable, ...]) -> Callable[[Method], Method]:
    if not states or (callable(states[0]) and not isinstance(states[0], type)):
        raise TypeError("name the states: @state('open')")
    for name in states:
        hash(name)  # raises TypeError here rather than where the class is done

    def mark_method(method: Method) -> Method:
        if not callable(method):
            raise TypeError(f"{method!r} is not a method")
        setattr(method, mark, states)
        return method

    return mark_method


def _table(cls: type, mark: str) -> dict[Hashable, str]:
    """State to name of its method; a class goes before its bases."""
    table: dict[Hashable, str] = {}
    for base in reversed(cls.__mro__):
        own: dict[Hashable, str] = {}
        for name, method in vars(base).items():
            for place in getattr(method, mark, ()):
                if place in own:
                    raise TypeError(f"{base.__name__}: {own[place]}() and {name}() both are for "
                                    f"the state {place!r}")  # fmt: skip
                own[place] = name
        table |= own
    return table
