"""What a timeout tells: for whom the target waited itself, as far as that is known."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any

import anyio
import pytest

from airssys_wasm.kernel import Actor, ActorRef, Inbox, Kernel, RequestTimeout
from airssys_wasm.kernel.posting import kernel_of
from tests.kernel.test_timers import SetClock

pytestmark = pytest.mark.anyio


class Asks(Actor[Any]):
    """Asks the first of the actors that it is given, for what that one gets from the rest."""

    async def receive(self, message: list[ActorRef[Any]]) -> object:
        return await self.ask(message[0], message[1:])

    async def ask(self, ref: ActorRef[Any], rest: list[ActorRef[Any]]) -> object:
        return await ref.request(rest, timeout=None)


class AsksInScopes(Asks):
    async def ask(self, ref: ActorRef[Any], rest: list[ActorRef[Any]]) -> object:
        async with asyncio.timeout(60):
            with anyio.fail_after(60):
                return await super().ask(ref, rest)


class AsksAside(Asks):
    async def ask(self, ref: ActorRef[Any], rest: list[ActorRef[Any]]) -> object:
        return await asyncio.gather(super().ask(ref, rest))


async def asks(inbox: Inbox[Any]) -> None:
    async for message in inbox:
        reply = inbox.context.defer_reply()
        reply.send(await message[0].request(message[1:], timeout=None))


class Silent(Actor[Any]):
    async def receive(self, message: Any) -> object:
        await asyncio.Event().wait()
        return None


each = pytest.mark.parametrize("behaviour", [Asks, AsksInScopes, asks])


@pytest.fixture
async def kernel(anyio_backend: object) -> AsyncIterator[Kernel]:
    """A kernel whose time stands still until all have asked whom they ask."""
    async with Kernel("test", platform=SetClock()) as kernel:
        yield kernel


async def time_out(kernel: Kernel, waiting: Coroutine[Any, Any, object]) -> RequestTimeout:
    """What `waiting` raises, which waits for 0.01 s."""
    task = asyncio.ensure_future(waiting)
    for _ in range(200):
        await asyncio.sleep(0)
    assert isinstance(kernel.platform, SetClock)
    await kernel.platform.advance(0.02)
    with pytest.raises(RequestTimeout) as caught:
        await task
    return caught.value


async def timeout_of(ref: ActorRef[Any], message: Any) -> RequestTimeout:
    return await time_out(kernel_of(ref), ref.request(message, timeout=0.01))


@each
async def test_a_timeout_names_those_for_whom_its_target_waits(
    kernel: Kernel, behaviour: Any
) -> None:
    one, two = kernel.spawn(behaviour, name="one"), kernel.spawn(behaviour, name="two")
    silent = kernel.spawn(Silent, name="silent")
    late = await timeout_of(one, [two, silent])
    assert late.chain == (two, silent)
    assert str(late) == (
        "no reply from <ActorRef test/one#1> within 0.01 s; it waits for <ActorRef test/two#2>, "
        "which waits for <ActorRef test/silent#3>"
    )
    for ref in (silent, two, one):
        ref.kill()


@each
async def test_a_circle_of_requests_is_named_in_the_timeout(kernel: Kernel, behaviour: Any) -> None:
    one, two, three = (kernel.spawn(behaviour) for _ in range(3))
    late = await timeout_of(one, [two, three, one, two])
    assert late.chain == (two, three, one)
    late = await timeout_of(kernel.spawn(behaviour), [two])
    assert late.chain == (two, three, one, two)
    for ref in (three, two, one):
        ref.kill()


async def test_a_timeout_of_one_who_waits_for_nobody_names_nobody(kernel: Kernel) -> None:
    silent = kernel.spawn(Silent)
    late = await timeout_of(silent, "anything")
    assert late.chain == ()
    assert str(late) == "no reply from <ActorRef test/Silent#1> within 0.01 s"
    assert (await timeout_of(silent, "behind the first")).chain == ()
    silent.kill()


async def test_whom_a_child_task_waits_for_is_not_known(kernel: Kernel) -> None:
    silent = kernel.spawn(Silent)
    aside = kernel.spawn(AsksAside)
    assert (await timeout_of(aside, [silent])).chain == ()
    aside.kill()
    silent.kill()


async def test_a_chain_is_told_up_to_a_length_that_can_be_read(kernel: Kernel) -> None:
    refs = [kernel.spawn(Asks) for _ in range(30)]
    late = await timeout_of(refs[0], [*refs[1:], kernel.spawn(Silent)])
    assert late.chain == tuple(refs[1:17])
    for ref in reversed(kernel.actors()):
        ref.kill()


async def test_who_looks_at_an_actor_in_vain_learns_for_whom_it_waits(kernel: Kernel) -> None:
    silent, one = kernel.spawn(Silent), kernel.spawn(Asks)
    one.send([silent])
    late = await time_out(kernel, kernel.get_state(one, timeout=0.01))
    assert late.chain == (silent,)
    silent.kill()
