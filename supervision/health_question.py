"""Acts: asks an actor for its health, in its own turn.

Asking waits for nothing; the answer is a message to the supervisor. Nobody answers for a dead
actor, whose end the supervisor learns anyway. For a suspended one, and for a process function made
by a factory, there is no turn to ask in: they count as healthy.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any

from airssys_wasm.kernel.errors import ExitActor
from airssys_wasm.kernel.reasons import Error
from airssys_wasm.kernel.turns import run_in_turn
from airssys_wasm.supervision.health import Health, health_of
from airssys_wasm.supervision.steps import AskHealth, Checked

if TYPE_CHECKING:
    from airssys_wasm.kernel.ref import ActorRef


def ask_health(question: AskHealth, child: ActorRef[Any], supervisor: ActorRef[Any]) -> None:
    """Let `supervisor` get a `Checked` with the health of `child`."""

    async def ask(actor: Any) -> None:
        answer(await _health(actor))

    def answer(health: Health) -> None:
        supervisor.send(Checked(question.incarnation, question.number, health))

    if not run_in_turn(child, ask) and child.is_alive:
        answer(Health("healthy"))


async def _health(actor: Any) -> Health:
    health = getattr(type(actor), "health", None)
    if not callable(health):
        return Health("healthy")
    try:
        answer = health(actor)
        if inspect.isawaitable(answer):
            answer = await answer
    except ExitActor:
        raise
    except Exception as error:  # a check that can't be made has failed, as one that says so
        return Health("unhealthy", Error.of(error))
    return health_of(answer)
