"""Acts: asks a running system for a command, and tells people why there is no answer."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeAlias, TypeVar

from airssys_wasm.application.control_client import ControlFailed, ask, find_socket
from airssys_wasm.application.control_protocol import Failure, Request
from airssys_wasm.application.errors import ControlUnavailable
from airssys_wasm.cli import problems
from airssys_wasm.cli.printing import print_json
from airssys_wasm.schema import Problem

Format: TypeAlias = Literal["text", "json"]
T = TypeVar("T")

OK, FAILED, BAD_FILE = 0, 1, 2


class Ended(Exception):
    """The command is over, with an exit code; what there is to say was said."""

    def __init__(self, code: int) -> None:
        super().__init__(code)
        self.code = code


def asked(
    request: Request,
    kind: type[T],
    *,
    name: str | None,
    control: Path | None,
    file: Path | None = None,
    form: Format = "text",
    on_progress: Callable[[str], None] = lambda text: None,
) -> T:
    """The answer of the running system. Raises Ended.

    `file` is the tree file as the user wrote it; without `name` and `control`, it says which system
    is meant.
    """
    import msgspec

    try:
        if file is not None:
            if name is None and control is None:
                name = _name_in(file, request.sets, form)
            request = msgspec.structs.replace(request, file=os.path.abspath(file))
        answer = ask(find_socket(name, control), request, on_progress=on_progress)
        return msgspec.convert(answer, kind)
    except ControlUnavailable as error:
        show_failure(Failure("internal", str(error)), form, file)
        raise Ended(FAILED) from error
    except ControlFailed as failed:
        show_failure(failed.failure, form, file)
        code = BAD_FILE if failed.failure.kind == "file" else FAILED
        raise Ended(code) from failed
    except msgspec.ValidationError as error:
        message = f"the system speaks another version of this protocol: {error}"
        show_failure(Failure("request", message), form, file)
        raise Ended(FAILED) from error


def show_problems(found: Any, file: Path | None) -> None:
    """Print problems that came over the socket, with the file as the user wrote it."""
    import msgspec

    told = msgspec.convert(found, tuple[Problem, ...])
    problems.show([_as_written(problem, file) for problem in told], sys.stderr)


def _name_in(file: Path, sets: tuple[str, ...], form: Format) -> str:
    from airssys_wasm.config import load

    loaded = load(file, sets=sets)
    if loaded.config is None:
        if form == "json":
            print_json({"error": {"kind": "file", "details": loaded.problems}})
        problems.show(loaded.problems, sys.stderr)
        raise Ended(BAD_FILE)
    return loaded.config.name


def show_failure(failure: Failure, form: Format, file: Path | None = None) -> None:
    """Tell people why there is no answer, and programs as JSON, too."""
    if form == "json":
        told = {"kind": failure.kind, "message": failure.message, "details": failure.details}
        print_json({"error": told})
    if failure.kind == "file":
        show_problems(failure.details, file)
        return
    print(f"airssys-wasm: {failure.message}", file=sys.stderr)
    if isinstance(failure.details, dict):
        for line in failure.details.get("refused", ()):
            print(f"  {line}", file=sys.stderr)


def _as_written(problem: Problem, file: Path | None) -> Problem:
    import dataclasses

    if file is None or problem.file != os.path.abspath(file):
        return problem
    return dataclasses.replace(problem, file=str(file))
