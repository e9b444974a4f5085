"""Which tests show which rule: read off the sources, without importing them.

A rule is named in a decorator, `@pytest.mark.rule("LINK-01", "LINK-02")`, and nowhere else.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
FOLDERS = ("tests", "property_tests")
NOT_SURE_TO_RUN = ("skip", "skipif", "xfail")


class WrongMark(Exception):
    """A mark from which the table could not be made."""


def marked_tests(root: Path = ROOT) -> dict[str, list[str]]:
    """Node ids, without parameters, by the rule that they carry; sorted.

    Raises WrongMark for a mark that is no decorator of a test, or that has no literal ids.
    """
    marked: dict[str, list[str]] = {}
    for folder in FOLDERS:
        for path in sorted((root / folder).rglob("test_*.py")):
            for id, test in _marks_of(path, path.relative_to(root).as_posix()):
                marked.setdefault(id, []).append(test)
    return {id: sorted(tests) for id, tests in sorted(marked.items())}


def unsure_tests(root: Path = ROOT) -> set[str]:
    """Node ids of tests with a rule that a mark allows to be skipped or to fail."""
    return {
        f"{path.relative_to(root).as_posix()}::{function.name}"
        for folder in FOLDERS
        for path in sorted((root / folder).rglob("test_*.py"))
        for function in _functions(ast.parse(path.read_text(encoding="utf-8")))
        if any(_mark(decorator) in NOT_SURE_TO_RUN for decorator in function.decorator_list)
    }


def _marks_of(path: Path, name: str) -> Iterator[tuple[str, str]]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    decorators = set()
    for function in _functions(tree):
        for decorator in function.decorator_list:
            if _mark(decorator) != "rule":
                continue
            decorators.add(decorator)
            if not isinstance(decorator, ast.Call) or not decorator.args:
                raise WrongMark(f"{name}:{decorator.lineno}: a rule mark has the ids of rules")
            for argument in decorator.args:
                if not (isinstance(argument, ast.Constant) and isinstance(argument.value, str)):
                    raise WrongMark(f"{name}:{argument.lineno}: the id of a rule is a literal")
                yield argument.value, f"{name}::{function.name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _mark(node) == "rule" and node not in decorators:
            raise WrongMark(f"{name}:{node.lineno}: a rule mark is a decorator of a test")


def _functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def _mark(decorator: ast.expr) -> str | None:
    """The name of a mark, `rule` for `pytest.mark.rule(…)`."""
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    match called:
        case ast.Attribute(value=ast.Attribute(attr="mark"), attr=name):
            return name
        case _:
            return None
