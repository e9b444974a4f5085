"""Acts: asks a running system over its control socket, and waits for the answer."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from airssys_wasm.application.control_paths import living
from airssys_wasm.application.control_protocol import (
    LARGEST_ANSWER,
    Answer,
    Failure,
    Progress,
    Request,
    answer_of,
    line_of,
)
from airssys_wasm.application.errors import ControlUnavailable

PATIENCE = 60.0  # seconds for an answer to what only looks; an apply takes as long as it takes
_PIECE = 256 * 1024


class ControlFailed(Exception):
    """The system answered that it could not or would not; `failure` says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def find_socket(name: str | None = None, path: Path | None = None) -> Path:
    """The socket at `path`, or else that of the one running system that is called `name`.

    Without either: of the one system that runs. Raises ControlUnavailable where there is none, or
    more than one.
    """
    if path is not None:
        return path
    try:
        found = living(name)
    except OSError as error:
        raise ControlUnavailable(f"the running systems cannot be found: {error}") from error
    called = f" called {name!r}" if name is not None else ""
    if not found:
        raise ControlUnavailable(f"no system{called} is running; or give --control PATH")
    if len(found) > 1:
        listed = "".join(f"\n  {own}: --control {path}" for own, path in found)
        raise ControlUnavailable(f"{len(found)} systems{called} are running:{listed}")
    return found[0][1]


def ask(
    path: Path, request: Request, *, on_progress: Callable[[str], None] = lambda text: None
) -> Any:
    """The value that the system at `path` answers with; `on_progress` gets what it tells before.

    Raises ControlFailed with the failure that it answers with, and ControlUnavailable where
    nobody answers.
    """
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(PATIENCE)
            connection.connect(str(path))
            with suppress(BrokenPipeError):  # turned away unheard: the answer says why
                connection.sendall(line_of(request))
            if request.do in ("apply", "drain"):
                connection.settimeout(None)
            for answer in _answers(connection, path):
                match answer:
                    case Progress(text):
                        on_progress(text)
                    case Failure():
                        raise ControlFailed(answer)
                    case _:
                        return answer.value
            raise _cut(path)
    except TimeoutError as error:
        raise ControlUnavailable(f"the system at {path} does not answer") from error
    except OSError as error:
        raise ControlUnavailable(f"no system answers at {path}: {error.strerror}") from error


def _answers(connection: socket.socket, path: Path) -> Iterator[Answer]:
    data = bytearray()
    while True:
        while (end := data.find(b"\n")) < 0:
            piece = connection.recv(_PIECE)
            if not piece or len(data) > LARGEST_ANSWER:
                raise _cut(path)
            data += piece
        line = bytes(data[:end])
        del data[: end + 1]
        try:
            yield answer_of(line)
        except ValueError as error:
            raise ControlUnavailable(f"{path}: {error}") from error


def _cut(path: Path) -> ControlUnavailable:
    return ControlUnavailable(f"the system at {path} ended before it answered")
