"""The manual of actors, docs/actors.md, does what it says: its code is one program."""

import ast
import asyncio
import inspect
import logging
import re
from types import CodeType
from typing import Any

import pytest

from airssys_wasm import ActorSystem
from tests.test_documents import blocks

MANUAL = "docs/actors.md"


def code_of(block: str) -> CodeType:
    code: CodeType = compile(block, MANUAL, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    return code


async def run_all(capsys: pytest.CaptureFixture[str]) -> list[tuple[list[str], list[str]]]:
    """What each block should print, and what it did."""
    prints: list[tuple[list[str], list[str]]] = []
    async with ActorSystem("shop", slow_after=None) as system, asyncio.timeout(60):
        names: dict[str, Any] = {"system": system}
        for block in blocks(MANUAL, "python"):
            result = eval(code_of(block), names)
            if inspect.iscoroutine(result):
                await result
            expected = re.findall(r"# prints (.*)", block)
            prints.append((expected, capsys.readouterr().out.splitlines()))
    return prints


def fits(expected: str, printed: str) -> bool:
    """Whether a line is as the manual has it, where `…` stands for anything."""
    pattern = ".*".join(re.escape(part) for part in expected.split("…"))
    return re.fullmatch(pattern, printed) is not None


def test_the_program_prints_what_the_manual_says(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.CRITICAL, logger="airssys_wasm")
    for expected, printed in asyncio.run(run_all(capsys)):
        assert len(expected) == len(printed), (expected, printed)
        assert all(map(fits, expected, printed)), (expected, printed)


def test_each_name_that_the_manual_imports_is_used_in_its_code() -> None:
    code = "\n".join(blocks(MANUAL, "python"))
    tree = compile(code, MANUAL, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | ast.PyCF_ONLY_AST)
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    imported = {alias.name for node in imports for alias in node.names}
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert imported - used == set()
