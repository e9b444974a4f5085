"""Acts: who waits for what, told from the tasks that are suspended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import PurePath
from typing import Any

from airssys_wasm.kernel.bounded_ref import BoundedRef
from airssys_wasm.kernel.inbox import Inbox
from airssys_wasm.kernel.ref import ActorRef
from airssys_wasm.kernel.worker import work
from airssys_wasm.testing.trace import describe

STANDARD = str(PurePath(asyncio.__file__).parent.parent)
INBOX = Inbox.receive.__code__.co_filename


def waits_for(loop: asyncio.AbstractEventLoop, label: Callable[[Any], str]) -> Iterator[str]:
    """A line for each task that is suspended; workers of the kernel that rest are left out."""
    for task in sorted(asyncio.all_tasks(loop), key=hash):
        frames = list(_frames(task))
        if frames and frames[-1].f_code is work.__code__:
            continue
        yield f"{label(_who(task, frames))} waits {_reason(frames, label)}"


def _who(task: asyncio.Task[Any], frames: list[Any]) -> Any:
    """Whose task it is; that of a worker is the actor's whose handler it runs."""
    if frames and frames[0].f_code is work.__code__:
        for frame in frames[1::-1]:
            ref = frame.f_locals.get("ref")
            if isinstance(ref, ActorRef):
                return ref
    return getattr(task, "owner", task)


def _frames(task: asyncio.Task[Any]) -> Iterator[Any]:
    awaited: Any = task.get_coro()
    while awaited is not None:
        for kind in ("cr", "gi", "ag"):
            if hasattr(awaited, f"{kind}_frame"):
                frame = getattr(awaited, f"{kind}_frame")
                if frame is not None:
                    yield frame
                awaited = getattr(awaited, "gi_yieldfrom" if kind == "gi" else f"{kind}_await")
                break
        else:
            return


def _reason(frames: list[Any], label: Callable[[Any], str]) -> str:
    for frame in reversed(frames):
        if frame.f_code is ActorRef.request.__code__:
            local = frame.f_locals
            return f"for the reply of {label(local['self'])} to {describe(local['message'])}"
        if frame.f_code is ActorRef.wait.__code__:
            return f"for the end of {label(frame.f_locals['self'])}"
        if frame.f_code is BoundedRef.put.__code__:
            return f"for room in the mailbox of {label(frame.f_locals['self'])}"
    if not frames:
        return "for nothing that can be seen"
    if frames[-1].f_code.co_filename == INBOX:
        return "for a message"
    theirs = [f for f in frames if "airssys_wasm" not in f.f_code.co_filename] or frames
    own = [f for f in theirs if not _is_installed(f.f_code.co_filename)] or theirs
    what = "" if own[-1] is frames[-1] else f"for {frames[-1].f_code.co_qualname} "
    code = own[-1].f_code
    return f"{what}in {code.co_name} ({PurePath(code.co_filename).name}:{own[-1].f_lineno})"


def _is_installed(file: str) -> bool:
    """Whether code is Python's own or of a package, and not what somebody looks at."""
    return file.startswith(STANDARD) or "site-packages" in file
