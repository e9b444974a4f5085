"""A supervisor asks components for their health: their `health` exports answer."""

from typing import Any

import pytest

from airssys_wasm.supervision import (
    ChildEnded,
    ChildSpec,
    HealthChanged,
    HealthCheck,
    Supervisor,
)
from tests.components.conftest import Stage
from tests.guests import guests

pytestmark = pytest.mark.anyio

CHECK = HealthCheck(every=0.01, timeout=60.0, threshold=2)


async def observed(stage: Stage, health: int) -> list[Any]:
    """What happens to a component whose `health` answers so."""
    events: list[Any] = []
    guest = ChildSpec("guest", stage.component(guests.is_unwell(health)), health=CHECK)
    await stage.kernel.start(Supervisor(intensity=0, children=[guest], observer=events.append))
    return events


async def test_an_unhealthy_component_is_ended_after_so_many_answers(stage: Stage) -> None:
    events = await observed(stage, 2)
    ended = ChildEnded("guest", ("unhealthy", None), True)
    await stage.until(lambda: ended in events)
    assert HealthChanged("guest", "unhealthy", None) in events


@pytest.mark.parametrize(("health", "detail"), [(1, None), (3, "unknown")])
async def test_a_component_that_is_degraded_or_cannot_tell_lives(
    stage: Stage, health: int, detail: object
) -> None:
    events = await observed(stage, health)
    changed = HealthChanged("guest", "degraded", detail)
    await stage.until(lambda: changed in events)
    assert not any(isinstance(event, ChildEnded) for event in events)
