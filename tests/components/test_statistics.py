"""What is counted of a component, who sees it, and the warning before its memory is full."""

from __future__ import annotations

import logging

import pytest

from airssys_wasm.application import ActorSystem
from airssys_wasm.application.observing import Known, status_view
from airssys_wasm.components import (
    Component,
    ComponentError,
    ComponentStatistics,
    Limits,
    StatisticsRequest,
)
from airssys_wasm.config import TreeConfig
from airssys_wasm.kernel import Event
from airssys_wasm.supervision import ChildSpec, Supervisor
from tests.components.conftest import Stage
from tests.guests import guests

pytestmark = pytest.mark.anyio


async def test_calls_and_the_time_of_the_guest_are_counted(stage: Stage) -> None:
    echo = await stage.start(guests.echo())
    for number in range(5):
        await echo.request(b"%d" % number)
    told = await echo.request(StatisticsRequest())
    assert isinstance(told, ComponentStatistics)
    assert (told.messages, told.calls) == (5, 7)  # initialize and metadata before
    assert 0 < told.seconds < 5
    assert told.fuel
    assert told.memory_limit == Limits().memory
    assert told.traps == 0


async def test_time_that_a_guest_waits_is_not_its_own(stage: Stage) -> None:
    sleeper = await stage.start(guests.sleeps(200))
    await sleeper.request(b"")
    told = await sleeper.request(StatisticsRequest())
    assert told.seconds < 0.15


async def test_traps_are_counted_over_all_incarnations(stage: Stage) -> None:
    component = stage.component(guests.divides_by_zero())
    spec = ChildSpec("bad", component, name="bad")
    await stage.kernel.start(Supervisor(intensity=10, children=[spec]))
    for _ in range(3):
        ref = stage.kernel.whereis("bad")
        assert ref is not None
        ref.send(b"")
        await ref.wait()
        await stage.until(lambda: stage.kernel.whereis("bad") is not None)
    told = await stage.kernel.named("bad").request(StatisticsRequest())
    assert (told.traps, told.messages) == (3, 0)


async def test_a_memory_that_is_nearly_full_is_told_once(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    events: list[Event] = []
    stage.kernel.telemetry.attach("component.memory", events.append)
    limit = 18 * 65_536
    grows = await stage.start(guests.grows(pages=16), limits=Limits(memory=limit))
    with caplog.at_level(logging.WARNING):
        assert await grows.request(b"") == b"grown"
    (event,) = events
    assert event.measurements["limit"] == limit
    assert limit * 0.9 <= event.measurements["used"] <= limit
    assert event.metadata["ref"] == grows
    assert [r.message for r in caplog.records if "nearly full" in r.message] == [
        f"guest: its memory is nearly full: {event.measurements['used']:,} of {limit:,} bytes"
    ]


async def test_status_shows_the_components_that_ran_most() -> None:
    children = [
        ChildSpec("echo", Component(guests.echo()), name="echo"),
        ChildSpec("bad", Component(guests.fails()), name="bad"),
    ]
    config = TreeConfig(version=1, name="demo", children=())
    async with ActorSystem("demo", root=Supervisor(children=children)) as system:
        for _ in range(50):
            await system.named("echo").request(b"")
        with pytest.raises(ComponentError):
            await system.named("bad").request(b"")
        view = await status_view(system, Known(config, "tree.yaml", 0.0, 1.0))
        echo, bad = view.components
        assert (echo.actor.partition("#")[0], echo.messages, echo.errors) == ("echo", 50, 0)
        assert (bad.actor.partition("#")[0], bad.messages, bad.errors) == ("bad", 1, 1)
        assert echo.seconds > bad.seconds > 0
        assert echo.memory_limit == 64 * 2**20
        assert echo.traps == bad.traps == 0
