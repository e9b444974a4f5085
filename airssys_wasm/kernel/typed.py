"""Messages that say what their reply is, so that a type checker can follow a request."""

from __future__ import annotations

from typing import Generic, TypeVar

R = TypeVar("R")


class Request(Generic[R]):
    """The base of a message whose reply is an `R`: `request(message)` then gives an `R`.

    It has no fields; a frozen dataclass may derive from it. Nothing checks the reply while running.

    >>> from dataclasses import dataclass
    >>> @dataclass(frozen=True)
    ... class PriceOf(Request[int]):
    ...     article: str
    >>> PriceOf("tea")
    PriceOf(article='tea')
    """

    __slots__ = ()
