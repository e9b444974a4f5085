"""Write a component for the world airssys:core/runtime-host@1.0.0 in Python.

A component is an actor: it keeps its state in an object of yours, is handed one message at a time,
and starts again from nothing when it trapped (an exception that nobody catches is a trap). A whole
one:

    from airssys_guest import Component

    class ComponentLifecycle(Component):
        def handle_message(self, msg):
            return msg.payload

    $ python -m airssys_wasm.sdk.build hello.py -o hello.wasm

The class is found by its name. Host functions are in `wit_world.imports`: `host_messaging`,
`host_services`, `storage`. What they refuse is raised as `componentize_py_types.Err`, which a
method below turns into the failed reply when nobody catches it; so is `fail("text")`.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, ClassVar, Self

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports import component_lifecycle
from wit_world.imports import errors, types
from wit_world.imports.types import ComponentId

Message = types.ComponentMessage
Config = types.ComponentConfig


class Failure(Exception):
    """Raised by `fail`."""


def fail(text: str) -> Failure:
    """`raise fail("no such account")`: the failed reply, or a failed start; no crash."""
    return Failure(text)


def named(name: str) -> ComponentId:
    """An actor that is named plainly, such as named("ledger")."""
    return ComponentId("", name, "")


class Component(exports.ComponentLifecycle):
    """Extend it with what you need, in a class called ComponentLifecycle.

    Set your attributes in `initialize`, not in `__init__`, which runs before each call.
    """

    _only: ClassVar[Self | None] = None

    def __new__(cls) -> Self:
        if cls._only is None:  # componentize-py makes one for each call; the state belongs to all
            cls._only = super().__new__(cls)
        return cls._only

    def initialize(self, config: Config) -> None:
        """The first call. A failure is a failed start."""

    def handle_message(self, msg: Message) -> bytes | None:
        """One message; what it returns is the reply."""
        return None

    def handle_callback(self, msg: Message) -> None:
        """The answer to a request of this component: metadata.correlation_id says to which."""

    def metadata(self) -> component_lifecycle.ComponentMetadata:
        return component_lifecycle.ComponentMetadata("", "", "", "", "", [], False)

    def health(self) -> types.HealthStatus:
        return types.HealthStatus.HEALTHY

    def shutdown(self) -> None:
        """The last call, on an orderly stop only: never after a trap, a limit or a kill."""

    def __init_subclass__(cls) -> None:
        reported = {
            "initialize": errors.ComponentError_InitializationFailed,
            "handle_message": errors.WasmError_RuntimeError,
            "handle_callback": errors.WasmError_RuntimeError,
            "shutdown": errors.ComponentError_ShutdownFailed,
        }
        for name, error in reported.items():
            if name in cls.__dict__:
                setattr(cls, name, _reporting(cls.__dict__[name], error))


def _reporting(method: Callable[..., Any], error: Callable[[str], Any]) -> Callable[..., Any]:
    @wraps(method)
    def reporting(self: Component, *arguments: Any) -> Any:
        try:
            return method(self, *arguments)
        except Failure as failure:
            raise Err(error(str(failure))) from None
        except Err as refused:
            kind = type(refused.value).__name__.partition("_")[2] or type(refused.value).__name__
            said = getattr(refused.value, "value", "")
            raise Err(error(f"{kind}: {said}" if said else kind)) from None

    return reporting
