"""Acts: keeps signal handlers from raising inside a callback of foreign code.

A Python signal handler runs between any two bytecodes of the main thread, also at the entry of a
callback, before its `try`. A KeyboardInterrupt there would leave the callback without an answer,
and wasmtime then ends the process. So the handlers of SIGINT and SIGTERM are wrapped while an
engine is open: one that comes inside a callback is put off until the poll has returned.

A handler that is installed after the wrapping is not wrapped. That of a loop
(`add_signal_handler`) does nothing by itself and needs no wrapping.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from types import CodeType, FrameType, FunctionType
from typing import Any, TypeVar, cast

Function = TypeVar("Function", bound=Callable[..., Any])

_SIGNALS = (signal.SIGINT, signal.SIGTERM)

_callbacks: set[CodeType] = set()


class PutOff:
    """Signals that came at a bad time. Look at `pending` after each poll, then `deliver`."""

    __slots__ = ("_signals", "pending")

    def __init__(self) -> None:
        self.pending = False
        self._signals: list[int] = []

    def add(self, number: int) -> None:
        self._signals.append(number)
        self.pending = True

    def deliver(self) -> None:
        """Raise the signals again; their handlers run, and may raise, before this returns."""
        numbers, self._signals, self.pending = self._signals, [], False
        for number in numbers:
            signal.raise_signal(number)


put_off = PutOff()


def never_interrupt(function: Function) -> Function:
    """Decorates what foreign code calls: a wrapped handler does not run inside it."""
    _callbacks.add(cast(FunctionType, function).__code__)
    return function


class _Wrapped:
    """A handler that runs at once, or once the callback that was interrupted is over."""

    def __init__(self, handler: Callable[[int, FrameType | None], Any]) -> None:
        self.handler = handler
        self.users = 1

    def __call__(self, number: int, frame: FrameType | None) -> Any:
        at = frame
        while at is not None:
            if at.f_code in _callbacks:
                put_off.add(number)
                return None
            at = at.f_back
        return self.handler(number, frame)


def wrap_handlers() -> None:
    """Wrap the handlers that are in place, once for each engine; main thread only, else nothing."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in _SIGNALS:
        handler = signal.getsignal(number)
        if isinstance(handler, _Wrapped):
            handler.users += 1
        elif callable(handler) and not isinstance(handler, signal.Handlers):
            signal.signal(number, _Wrapped(handler))


def unwrap_handlers() -> None:
    """Put back what `wrap_handlers` wrapped, if this was the last engine and it is still there."""
    if threading.current_thread() is not threading.main_thread():
        return
    for number in _SIGNALS:
        handler = signal.getsignal(number)
        if isinstance(handler, _Wrapped):
            handler.users -= 1
            if not handler.users:
                signal.signal(number, handler.handler)
