"""Acts: `airssys-wasm call`: one message for a component, and what comes of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import anyio

from airssys_wasm.application.calling import Called, call_component
from airssys_wasm.cli import reports
from airssys_wasm.components import (
    Capabilities,
    Component,
    ComponentError,
    ComponentInvalid,
    Limits,
    MessagingGrant,
    PayloadError,
    PayloadTooLarge,
    StorageGrant,
)
from airssys_wasm.components.payload import CodecName
from airssys_wasm.kernel import ActorExited, RequestTimeout, StartError

OK, FAILED, BAD_CALL = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Call:
    """What the command line asks for; `message` is `-` for standard input."""

    file: Path
    message: str
    codec: CodecName = "raw"
    config: str | None = None
    env: Sequence[str] = ()
    send: Sequence[str] = ()
    storage: bool = False
    limits: Limits = field(default_factory=Limits)
    timeout: float | None = None


class _Unfit(Exception):
    """An argument that can't be right; the text says which and why."""


def call(asked: Call, *, stdin: IO[bytes] | None = None, out: IO[str] | None = None) -> int:
    """Print the reply, and what the component sent; the exit code.

    1 when it does not start, ends, answers with an error or not in time; 2 for a wrong argument or
    a file that is no component.
    """
    out = out or sys.stdout
    try:
        component = _component(asked)
        message = _message(asked, stdin)
        called = anyio.run(_called, component, message, asked)
    except _Unfit as error:
        return _failed(str(error), BAD_CALL)
    except StartError as error:
        if isinstance(error.__cause__, ComponentInvalid):
            return _failed(str(error.__cause__), BAD_CALL)
        return _failed(
            f"the component does not start: {reports.visible(str(error.reason))}", FAILED
        )
    except ActorExited as error:
        return _failed(f"the component ended: {reports.visible(str(error.reason))}", FAILED)
    except (ComponentError, PayloadError, PayloadTooLarge, RequestTimeout) as error:
        return _failed(str(error), FAILED)
    print(text(called), file=out)
    return OK


async def _called(component: Component, message: object, asked: Call) -> Called:
    return await call_component(component, message, names=asked.send, timeout=asked.timeout)


def _component(asked: Call) -> Component:
    try:
        return Component(
            asked.file,
            config=None if asked.config is None else _config(asked.config),
            env=dict(_pair(entry) for entry in asked.env),
            limits=asked.limits,
            capabilities=Capabilities(
                MessagingGrant(send=tuple(asked.send), request=tuple(asked.send)),
                StorageGrant("read-write") if asked.storage else None,
                time=True,  # of WASI: who runs a file by hand has a clock to give
                random=True,
            ),
            codec=asked.codec,
        )
    except (TypeError, ValueError) as error:
        raise _Unfit(str(error)) from error


def _config(text: str) -> dict[str, object]:
    value = _json("--config", text)
    if not isinstance(value, dict):
        raise _Unfit(f"--config: a JSON object, not {text}")
    return value


def _pair(entry: str) -> tuple[str, str]:
    key, equals, value = entry.partition("=")
    if not equals or not key:
        raise _Unfit(f"--env: NAME=VALUE, not {entry}")
    return key, value


def _message(asked: Call, stdin: IO[bytes] | None) -> object:
    data = asked.message.encode(errors="surrogateescape")
    if asked.message == "-":
        data = (stdin or sys.stdin.buffer).read()
    if asked.codec == "raw":
        return data
    return _json("MESSAGE", data.decode(errors="replace"))


def _json(what: str, text: str) -> object:
    try:
        return json.loads(text)
    except ValueError as error:
        raise _Unfit(f"{what}: no JSON: {error}") from error


def _failed(text: str, code: int) -> int:
    print(f"airssys-wasm: {reports.visible(text)}", file=sys.stderr)
    return code


def text(called: Called) -> str:
    """What came of it, for people and programs: sent messages first, the reply last.

    >>> print(text(Called(b"6", ())))
    6
    """
    lines = [f"sent to {sent.to}: {_shown(sent.payload)}" for sent in called.sent]
    return "\n".join([*lines, _shown(called.reply)])


def _shown(value: object) -> str:
    if value is None:
        return "(no reply)"
    if not isinstance(value, bytes):
        return json.dumps(value, ensure_ascii=False, default=str)
    decoded = value.decode(errors="replace")
    return decoded if decoded.isprintable() else f"hex {value.hex()}"
