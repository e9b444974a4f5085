"""What a fault in names or groups would break, seen from outside."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any

import pytest

from airssys_wasm.kernel import Actor, ActorExited, AlreadyStarted, Kernel, NotJoined
from airssys_wasm.kernel.groups import Groups
from tests.kernel.cast import Notes
from tests.kernel.conftest import Until
from tests.kernel.test_timers import Does

pytestmark = pytest.mark.anyio


async def test_a_name_that_is_given_later_is_the_actors_own_and_ends_with_it(
    kernel: Kernel,
) -> None:
    actor = kernel.spawn(Does)
    kernel.register("ledger", actor)
    assert actor.name == "ledger"
    assert await actor.request(lambda context: context.name) == "ledger"
    actor.stop()
    await actor.wait()
    assert kernel.whereis("ledger") is None
    kernel.register("ledger", kernel.spawn(Does))


class Made(Actor[Any]):
    """Notes that it was made; `first` is done before."""

    made = 0

    def __init__(self, first: Any = lambda: None) -> None:
        first()
        type(self).made += 1

    def receive(self, message: Any) -> None: ...


async def test_who_spawns_with_a_name_that_is_taken_makes_nothing(kernel: Kernel) -> None:
    holder = kernel.spawn(Does, name="ledger")
    before = Made.made
    with pytest.raises(AlreadyStarted) as caught:
        kernel.spawn(Made, name="ledger")
    assert caught.value.ref is holder
    assert Made.made == before
    assert kernel.actors() == [holder]


async def test_a_constructor_that_gives_the_name_away_leaves_nothing_behind(
    kernel: Kernel,
) -> None:
    thief = kernel.spawn(Does)
    with pytest.raises(AlreadyStarted) as caught:
        kernel.spawn(Made, lambda: kernel.register("ledger", thief), name="ledger")
    assert caught.value.ref is thief
    assert kernel.actors() == [thief]


async def test_one_name_in_two_systems_is_two_addresses(kernel: Kernel) -> None:
    async with Kernel("other") as other:
        assert kernel.named("ledger") == kernel.named("ledger")
        assert kernel.named("ledger") != other.named("ledger")
        assert len({kernel.named("ledger"), kernel.named("ledger"), other.named("ledger")}) == 2


async def test_to_ask_or_await_a_name_that_nobody_has_says_which_and_why(kernel: Kernel) -> None:
    nobody = kernel.named("ledger")
    with pytest.raises(ActorExited, match=r"ledger.*noproc") as caught:
        await nobody.request("balance")
    assert caught.value.reason == "noproc"
    assert await nobody.wait() == "noproc"


def test_who_has_left_all_groups_is_in_none() -> None:
    groups: Groups[str, str] = Groups()
    groups.join("workers", "a")
    groups.join("workers", "a")
    groups.leave("workers", "a")
    assert groups.is_in_any("a")
    groups.leave("workers", "a")
    assert not groups.is_in_any("a")
    with pytest.raises(NotJoined):
        groups.leave("workers", "a")


def test_a_group_that_nobody_watches_any_more_is_forgotten() -> None:
    groups: Groups[str, str] = Groups()
    for watcher in ("w", "v"):
        groups.watch("workers", watcher)
    groups.unwatch("workers", "w")
    assert groups.join("workers", "a") == ("v",)
    groups.unwatch("workers", "v")
    groups.unwatch("workers", "v")
    assert groups.leave("workers", "a") == ()
    assert groups.__dict__ == {**Groups().__dict__, "_serial": 1}


class Name(str):
    """A name that a weak reference can point to."""


def test_the_name_of_a_group_that_nobody_watches_any_more_is_not_kept() -> None:
    groups = Groups[str, str]()
    name = Name("workers")
    groups.watch(name, "watcher")
    groups.unwatch(name, "watcher")
    gone = weakref.ref(name)
    del name
    gc.collect()
    assert gone() is None


async def test_the_dead_are_forgotten_by_the_groups_they_were_in(
    kernel: Kernel, until: Until
) -> None:
    ref = await kernel.start(Notes, [])
    kernel.group("workers").join(ref)
    kernel.group("workers").monitor(ref)
    ref.kill()
    await ref.wait()
    gone = weakref.ref(ref)
    del ref
    for _ in range(5):
        await asyncio.sleep(0)
    gc.collect()
    assert gone() is None
