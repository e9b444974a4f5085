"""Acts: starts the actors of a system; it says what a type checker knows of them.

A behaviour's arguments are checked, its messages are those of its ref, and only the ref of an actor
with a `Mailbox` takes the keywords of `send`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, TypeVarTuple, overload

from airssys_wasm.kernel import (
    Actor,
    ActorRef,
    Description,
    Inbox,
    Kernel,
    Mailbox,
    MailboxRef,
)

M = TypeVar("M")
Ts = TypeVarTuple("Ts")


class Starts:
    """`spawn` and `start` of whatever has a kernel."""

    @property
    def kernel(self) -> Kernel:
        """What runs the actors."""
        raise NotImplementedError

    @overload
    def spawn(
        self,
        behaviour: Callable[[*Ts], Actor[M]],
        /,
        *args: *Ts,
        name: str | None = None,
        mailbox: Mailbox,
    ) -> MailboxRef[M]: ...
    @overload
    def spawn(
        self,
        behaviour: Callable[[Inbox[M], *Ts], Awaitable[object]],
        /,
        *args: *Ts,
        name: str | None = None,
        mailbox: Mailbox,
    ) -> MailboxRef[M]: ...
    @overload
    def spawn(
        self,
        behaviour: Description,
        /,
        *,
        name: str | None = None,
        mailbox: Mailbox,
    ) -> MailboxRef[Any]: ...
    @overload
    def spawn(
        self,
        behaviour: Callable[[*Ts], Actor[M]],
        /,
        *args: *Ts,
        name: str | None = None,
        mailbox: Mailbox | None = None,
    ) -> ActorRef[M]: ...
    @overload
    def spawn(
        self,
        behaviour: Callable[[Inbox[M], *Ts], Awaitable[object]],
        /,
        *args: *Ts,
        name: str | None = None,
        mailbox: Mailbox | None = None,
    ) -> ActorRef[M]: ...
    @overload
    def spawn(
        self,
        behaviour: Description,
        /,
        *,
        name: str | None = None,
        mailbox: Mailbox | None = None,
    ) -> ActorRef[Any]: ...
    def spawn(  # type: ignore[misc]  # *args: Any takes what *Ts does
        self,
        behaviour: Any,
        /,
        *args: Any,
        name: str | None = None,
        mailbox: Mailbox | None = None,
    ) -> ActorRef[Any]:
        """A new actor; never waits, its init runs later. See `Kernel.spawn`."""
        return self.kernel.spawn(behaviour, *args, name=name, mailbox=mailbox)

    @overload
    async def start(
        self,
        behaviour: Callable[[*Ts], Actor[M]],
        /,
        *args: *Ts,
        name: str | None = None,
        mailbox: Mailbox,
        timeout: float | None = None,
    ) -> MailboxRef[M]: ...
    @overload
    async def start(
        self,
        behaviour: Callable[[Inbox[M], *Ts], Awaitable[object]],
        /,
        *args: *Ts,
        name: str | None = None,
        mailbox: Mailbox,
        timeout: float | None = None,
    ) -> MailboxRef[M]: ...
    @overload
    async def start(
        self,
        behaviour: Description,
        /,
        *,
        name: str | None = None,
        mailbox: Mailbox,
        timeout: float | None = None,
    ) -> MailboxRef[Any]: ...
    @overload
    async def start(
        self,
        behaviour: Callable[[*Ts], Actor[M]],
        /,
        *args: *Ts,
        name: str | None = None,
        mailbox: Mailbox | None = None,
        timeout: float | None = None,
    ) -> ActorRef[M]: ...
    @overload
    async def start(
        self,
        behaviour: Callable[[Inbox[M], *Ts], Awaitable[object]],
        /,
        *args: *Ts,
        name: str | None = None,
        mailbox: Mailbox | None = None,
        timeout: float | None = None,
    ) -> ActorRef[M]: ...
    @overload
    async def start(
        self,
        behaviour: Description,
        /,
        *,
        name: str | None = None,
        mailbox: Mailbox | None = None,
        timeout: float | None = None,
    ) -> ActorRef[Any]: ...
    async def start(  # type: ignore[misc]  # *args: Any takes what *Ts does
        self,
        behaviour: Any,
        /,
        *args: Any,
        name: str | None = None,
        mailbox: Mailbox | None = None,
        timeout: float | None = None,
    ) -> ActorRef[Any]:
        """`spawn`, and wait for its init. See `Kernel.start`."""
        return await self.kernel.start(
            behaviour, *args, name=name, mailbox=mailbox, timeout=timeout
        )
