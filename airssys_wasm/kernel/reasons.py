"""Why an actor ended, as data.

An exit reason is any value. These have a meaning of their own: `"normal"`, `"shutdown"` and
`("shutdown", detail)` are orderly; `"killed"`, `"noproc"`, `"noconnection"` and everything else are
abnormal. An exception becomes an `Error`.

Source: Erlang/OTP, Reference Manual, "Processes", "Termination" and "Error Handling".
"""

from __future__ import annotations

import traceback
from contextlib import suppress
from dataclasses import dataclass, field
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR
from itertools import dropwhile
from opcode import opmap
from types import TracebackType

KERNEL = __file__.removesuffix("reasons.py")  # its frames above a handler say nothing to a reader
SUSPENDS = CO_COROUTINE | CO_GENERATOR | CO_ASYNC_GENERATOR
YIELD = opmap["YIELD_VALUE"]
MAX_FRAMES = 64  # a runaway recursion has a thousand frames that all say the same


@dataclass(frozen=True, slots=True)
class Frame:
    """One line of a stack: where, without any value of a local variable."""

    file: str
    line: int
    function: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line} in {self.function}"


@dataclass(frozen=True, slots=True)
class Error:
    """An actor died of an exception. Equal by type and message.

    `stack` has the outermost call first. `exception` is the live exception where the actor ran in
    this process, its frames cleared; it is left out of comparison and of every encoding.

    >>> Error.of(ValueError("no such order"))
    Error(type='ValueError', message='no such order')
    """

    type: str
    message: str
    stack: tuple[Frame, ...] = field(default=(), compare=False, repr=False)
    exception: BaseException | None = field(default=None, compare=False, repr=False)

    @classmethod
    def of(cls, exception: BaseException) -> Error:
        """The reason of an actor that `exception` ended."""
        frames = traceback.extract_tb(exception.__traceback__, limit=-MAX_FRAMES)
        stack = tuple(
            Frame(frame.filename, frame.lineno or 0, frame.name)
            for frame in dropwhile(lambda frame: frame.filename.startswith(KERNEL), frames)
        )
        _let_go_of_locals(exception)
        return cls(type(exception).__name__, _text(exception), stack, exception)

    def __str__(self) -> str:
        where = f" at {self.stack[-1]}" if self.stack else ""
        return f"{self.type}: {self.message}{where}" if self.message else f"{self.type}{where}"


def says(reason: object, word: str) -> bool:
    """Whether `reason` is that word. A value of another type is not compared: it may refuse that.

    >>> says("killed", "killed"), says(("killed",), "killed")
    (True, False)
    """
    return isinstance(reason, str) and reason == word


def is_orderly(reason: object) -> bool:
    """Whether `reason` is an end that was meant: `normal`, `shutdown` or `("shutdown", detail)`.

    >>> is_orderly("normal"), is_orderly(("shutdown", "upgrade")), is_orderly("killed")
    (True, True, False)
    """
    if isinstance(reason, str):
        return reason in ("normal", "shutdown")
    return isinstance(reason, tuple) and len(reason) == 2 and says(reason[0], "shutdown")


def exception_of(reason: object) -> BaseException | None:
    """The live exception behind `reason`, for use as a `__cause__`; None where there is none."""
    return reason.exception if isinstance(reason, Error) else None


def _let_go_of_locals(exception: BaseException) -> None:
    """Clear the frames of the traceback, and cut out those that are not to be cleared.

    A frame at a yield may belong to a coroutine that caught this very exception once and goes on:
    before Python 3.13, to clear it would end that coroutine. The kernel's own frames go on, too.
    """
    kept: list[TracebackType] = []
    entry = exception.__traceback__
    while entry is not None:
        frame = entry.tb_frame
        code = frame.f_code
        at_yield = code.co_flags & SUSPENDS and code.co_code[frame.f_lasti] == YIELD
        if not at_yield and not code.co_filename.startswith(KERNEL):
            kept.append(entry)
        if not at_yield:
            with suppress(RuntimeError):  # it runs
                frame.clear()
        entry = entry.tb_next
    following: TracebackType | None = None
    for entry in reversed(kept):
        entry.tb_next = following
        following = entry
    exception.with_traceback(following)  # an assignment could be refused: exceptions may be frozen


def _text(exception: BaseException) -> str:
    # An exception's own __str__ is user code: it must not hide the crash that it describes.
    try:
        return str(exception)
    except Exception as broken:
        return f"<str() of the exception raised {type(broken).__name__}>"
