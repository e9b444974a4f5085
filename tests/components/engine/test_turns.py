"""Guests that compute for long hold the loop for one slice at a time, however many they are."""

from __future__ import annotations

import asyncio

from airssys_wasm.components.engine.turns import Turns


def test_one_goes_on_in_each_turn_of_the_loop() -> None:
    async def main() -> list[str]:
        turns, told = Turns(), list[str]()

        async def guest(name: str) -> None:
            for _ in range(3):
                await turns()
                told.append(name)

        guests = [asyncio.create_task(guest(name)) for name in "abc"]
        await asyncio.sleep(0)
        while any(not task.done() for task in guests):
            told.append(".")
            await asyncio.sleep(0)
        return told

    told = "".join(asyncio.run(main()))
    assert told.replace(".", "") == "abcabcabc"
    assert all(len(slices) <= 1 for slices in told.split("."))


def test_who_is_cancelled_while_it_waits_holds_up_nobody() -> None:
    async def main() -> None:
        turns = Turns()
        first, second = (asyncio.ensure_future(turns()) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.wait_for(second, 5)

    asyncio.run(main())


def test_it_serves_one_loop_after_the_other() -> None:
    turns = Turns()

    async def leave() -> None:
        asyncio.get_running_loop().call_soon(asyncio.get_running_loop().stop)
        await turns()

    loop = asyncio.new_event_loop()
    abandoned = loop.create_task(leave())
    loop.run_forever()
    abandoned.cancel()
    loop.run_until_complete(asyncio.wait([abandoned]))
    loop.close()

    async def main() -> None:
        await asyncio.wait_for(turns(), 5)

    asyncio.run(main())
