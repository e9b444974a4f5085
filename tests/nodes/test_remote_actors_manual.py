"""The manual of actors on several nodes does what it says: its code is one program."""

from __future__ import annotations

import ast
import asyncio
import inspect
import logging
import re
from contextlib import AsyncExitStack
from typing import Any

import anyio
import pytest

from airssys_wasm import ActorSystem
from tests.nodes.cluster import until
from tests.test_actors_manual import fits
from tests.test_documents import blocks

MANUAL = "docs/remote-actors.md"


async def run_all(capsys: pytest.CaptureFixture[str]) -> list[tuple[list[str], list[str]]]:
    """What each block should print, and what it did."""
    prints: list[tuple[list[str], list[str]]] = []
    systems: dict[ActorSystem, AsyncExitStack] = {}

    async def enter(system: ActorSystem) -> ActorSystem:
        systems[system] = stack = AsyncExitStack()
        return await stack.enter_async_context(system)

    async def leave(system: ActorSystem) -> None:
        await systems.pop(system).aclose()
        await anyio.sleep(0.1)

    async def connected(*those: ActorSystem) -> None:
        names = {system.node.name for system in those}
        await until(lambda: all(names <= {s.node.name, *s.nodes()} for s in those))

    names: dict[str, Any] = {"enter": enter, "leave": leave, "connected": connected}
    with anyio.fail_after(60):
        for block in blocks(MANUAL, "python"):
            code = compile(block, MANUAL, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            result = eval(code, names)
            if inspect.iscoroutine(result):
                await result
            await anyio.sleep(0.05)
            expected = re.findall(r"# prints (.*)", block)
            prints.append((expected, capsys.readouterr().out.splitlines()))
        for system in reversed(list(systems)):
            await leave(system)
    return prints


def test_the_program_prints_what_the_manual_says(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, logger="airssys_wasm")
    for expected, printed in asyncio.run(run_all(capsys)):
        assert len(expected) == len(printed), (expected, printed)
        assert all(map(fits, expected, printed)), (expected, printed)
