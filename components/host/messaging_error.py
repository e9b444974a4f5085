"""The errors that functions which send answer with: the variant `messaging-error`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airssys_wasm.components.engine.guest_text import shown
from airssys_wasm.components.engine.values import Err, Ok, Variant
from airssys_wasm.components.identity import ComponentId, id_problem

if TYPE_CHECKING:
    from airssys_wasm.components.host.gate import Refusal

DONE = Ok()
QUEUE_FULL = Err(Variant("queue-full"))

WitId = tuple[str, str, str]


def invalid_target(target: ComponentId) -> Err | None:
    """`invalid-message` for what is no id; None for one."""
    problem = target_problem(target)
    return None if problem is None else invalid_message(problem)


def target_problem(target: ComponentId) -> str | None:
    """Why this is no id, as a sentence that names it.

    >>> target_problem(ComponentId("", "Prices", ""))
    "'Prices' is no component id: a name has 1 to 64 of a-z, 0-9, '.', '_' and '-', the first a \
letter or digit"
    """
    problem = id_problem(target)
    return None if problem is None else f"{shown(str(target), 256)!r} is no component id: {problem}"


def invalid_message(text: str) -> Err:
    """What was asked makes no sense."""
    return Err(Variant("invalid-message", text))


def delivery_failed(text: str) -> Err:
    """It made sense, and did not come to its end."""
    return Err(Variant("delivery-failed", text))


def not_found(target: ComponentId) -> Err:
    """Nobody has that name."""
    return Err(Variant("target-not-found", target))


def refused(refusal: Refusal) -> Err:
    """The gate let it not pass."""
    return delivery_failed(refusal.text) if refusal.kind == "denied" else QUEUE_FULL
