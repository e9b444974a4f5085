"""What is said over the control socket of a running system: requests, answers, and their bytes.

Pure. Each is one line of JSON. A client sends one request; the answers are any number of Progress,
then one Result or Failure:

    → {"version": 1, "do": "apply", "file": "/srv/shop/tree.yaml"}
    ← {"type": "progress", "version": 1, "text": "start prices"}
    ← {"type": "result", "version": 1, "value": {…}}

Invariants:
  - a line longer than its bound is refused before it is read to its end;
  - whatever bytes come in, `request_of` returns a Request or raises BadRequest.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec

VERSION = 1
LARGEST_REQUEST = 64 * 1024  # bytes: a path, and as many --set as a command line holds
LARGEST_ANSWER = 64 * 1024 * 1024  # a tree with a hundred thousand children has some 20 MB

Deed: TypeAlias = Literal["status", "tree", "plan", "apply", "nodes", "drain"]
FailureKind: TypeAlias = Literal["request", "file", "refused", "busy", "internal"]

_MOST_SETS = 1_000


class Request(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked. `plan` and `apply` name an absolute `file` and have `sets`, as `--set` does.

    `most` is how many children of one supervisor `tree` shows. `expect` is the digest of the plan
    that `apply` may carry out, any when it is empty. `drain` is about a `node`, and waits for it
    for `timeout` seconds, for ever when that is None.
    """

    do: Deed
    version: int = VERSION
    file: str = ""
    sets: tuple[str, ...] = ()
    most: int = 100
    expect: str = ""
    node: str = ""
    timeout: float | None = None


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """One thing that was done on the way."""

    text: str
    version: int = VERSION


class Result(msgspec.Struct, frozen=True, tag="result"):
    """The answer; what is in `value` is told in `views.py`."""

    value: Any
    version: int = VERSION


class Failure(msgspec.Struct, frozen=True, tag="failure"):
    """Why there is no answer.

    `kind`: `request` was not understood; the `file` has the mistakes in `details`; the change is
    `refused`; the system is `busy` with another change; `internal` is a bug.
    """

    kind: FailureKind
    message: str
    details: Any = None
    version: int = VERSION


Answer: TypeAlias = Progress | Result | Failure


class BadRequest(ValueError):
    """Bytes that are no request; the text says why."""


def request_of(line: bytes) -> Request:
    """The request that a line says.

    >>> request_of(b'{"do": "status"}').do
    'status'
    >>> request_of(b'{"do": "dance"}')
    Traceback (most recent call last):
    airssys_wasm.application.control_protocol.BadRequest: Invalid enum value 'dance' - at `$.do`
    """
    try:
        request = msgspec.json.decode(line, type=Request)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(str(error)) from error
    if request.version != VERSION:
        raise BadRequest(f"version {request.version} is not spoken here, only {VERSION}")
    if request.do in ("plan", "apply") and not request.file:
        raise BadRequest(f"{request.do} needs a file")
    if request.do == "drain" and not request.node:
        raise BadRequest("drain needs a node")
    if "\0" in request.file or len(request.sets) > _MOST_SETS:
        raise BadRequest("the file or the sets cannot be right")
    return request


def answer_of(line: bytes) -> Answer:
    """The answer that a line says. Raises ValueError for anything else."""
    try:
        answer: Answer = msgspec.json.decode(line, type=Answer)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"this is no answer of a system: {error}") from error
    return answer


def line_of(message: Request | Answer) -> bytes:
    """The message as a line."""
    return msgspec.json.encode(message) + b"\n"
