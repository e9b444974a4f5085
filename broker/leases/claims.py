"""Acts: takes keys for this node under its lease, keeps them while they are wanted, frees them.

What follows from a key is decided in `claim.py`. Of each key one change at a time is under way.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from airssys_wasm.broker.engine import Entry
from airssys_wasm.broker.errors import KeyChanged
from airssys_wasm.broker.leases.claim import (
    Free,
    Have,
    Holding,
    Take,
    Wait,
    bytes_of,
    holding_of,
    name_of,
    next_step,
    token_of,
)
from airssys_wasm.broker.leases.lease import Began, Over
from airssys_wasm.broker.leases.lease_watch import Down, Gone
from airssys_wasm.broker.leases.leases import FAILURES, LeaseEvent, Leases
from airssys_wasm.broker.leases.owned_tasks import OwnedTasks

if TYPE_CHECKING:
    from airssys_wasm.broker.engine import Engine, Stoppable
    from airssys_wasm.kernel.platform import Platform

AT_ONCE = 32  # changes under way
AGAIN = 0.5  # seconds until what failed is tried again
FAREWELL = 2.0  # seconds to free what is had at the end


class _Claim:
    """What is known of one name, and what this node wants of it."""

    def __init__(self) -> None:
        self.entry: Entry | None = None
        self.wanted: bytes | None = None
        self.had = False  # in some term, since it was wanted
        self.token: int | None = None
        self.term = 0
        self.busy = False
        self.waits = False  # for another attempt
        self.sweep = False  # its holder is lost, and it is for this node to free the key


class Claims:
    """The names under `prefix` that this node wants, and who has which.

    `changed(name)` is called when this node comes to have a name, or has it no more, and when
    somebody else does. `is_free(name, holding)` may say that a holding in a term that counts is
    none any more.
    """

    def __init__(
        self,
        prefix: str,
        leases: Leases,
        engine: Engine,
        platform: Platform,
        changed: Callable[[str], None],
        is_free: Callable[[str, Holding], bool] = lambda name, holding: False,
    ) -> None:
        self._prefix = prefix
        self._leases, self._engine, self._platform = leases, engine, platform
        self._changed, self._is_free = changed, is_free
        self._claims: dict[str, _Claim] = {}
        self._life = leases.own.node, leases.own.life
        self._tasks = OwnedTasks()
        self._at_once = asyncio.Semaphore(AT_ONCE)
        self._moved = asyncio.Event()  # a change is no more under way
        self._watch: Stoppable | None = None
        self._open = False
        leases.listen(self._lease_event)

    # --- what is known

    def token(self, name: str) -> int | None:
        """The fencing token of a name that this node has just now; None when it has it not."""
        claim = self._claims.get(name)
        if claim is None or claim.token is None or claim.wanted is None:
            return None
        return claim.token if self._leases.term == claim.term else None

    def holder(self, name: str) -> Holding | None:
        """Who has a name, as far as is known here."""
        claim = self._claims.get(name)
        holding = None if claim is None else holding_of(claim.entry)
        return None if holding is None or self._counts_no_more(name, holding) else holding

    def is_there(self, name: str) -> bool:
        """Whether the key of a name is there, whether it counts or not."""
        claim = self._claims.get(name)
        return claim is not None and claim.entry is not None and claim.entry.value is not None

    def revision(self, name: str) -> int:
        """At which revision a name is, 0 for one that was never there."""
        claim = self._claims.get(name)
        return claim.entry.revision if claim is not None and claim.entry is not None else 0

    def names(self) -> list[str]:
        """The names that somebody has, sorted."""
        return sorted(name for name in self._claims if self.holder(name) is not None)

    def wanted(self) -> list[str]:
        """The names that this node wants, in the order in which it came to want them."""
        return [name for name, claim in self._claims.items() if claim.wanted is not None]

    def is_wanted(self, name: str) -> bool:
        """Whether this node wants a name."""
        claim = self._claims.get(name)
        return claim is not None and claim.wanted is not None

    def was_had(self, name: str) -> bool:
        """Whether this node has had a name, in any term, since it wants it."""
        claim = self._claims.get(name)
        return claim is not None and claim.wanted is not None and claim.had

    # --- what is wanted

    def want(self, name: str, data: bytes = b"") -> None:
        """Have this name as soon as it is free, and under each term from then on."""
        claim = self._claim(name)
        if claim.wanted is None:
            claim.had = False
            self._claims[name] = self._claims.pop(name)  # behind all that were wanted before
        claim.wanted = data
        self._go_on(name)

    def release(self, name: str) -> None:
        """Want this name no more: it is freed."""
        claim = self._claims.get(name)
        if claim is None or claim.wanted is None:
            return
        claim.wanted, claim.token = None, None
        self._go_on(name)

    def look(self, name: str) -> None:
        """Look at a name again: whoever has it may count no more."""
        claim = self._claims.get(name)
        if claim is not None:
            self._settle(name, claim)
            self._changed(name)
            self._go_on(name)

    async def refresh(self, name: str) -> None:
        """Ask the engine for a name, as it is now. Raises EngineDown, TimeoutError."""
        key = self._prefix + token_of(name)
        known = self.revision(name)
        async with asyncio.timeout(self._leases.times.grace):
            entry = await self._engine.get(key)
        if entry is not None:
            self._note(name, entry)
        elif self.is_there(name) and self.revision(name) == known:
            # It was removed at this revision at the earliest, and can't have been made anew at it.
            self._note(name, Entry(key, None, known + 1))
        self._go_on(name)

    # --- life

    async def open(self) -> None:
        """Watch the names. Raises EngineDown."""
        self._open = True
        self._watch = await self._engine.watch(f"{self._prefix}*", self._seen)

    async def close(self) -> None:
        """Free all names that this node has, and watch no more."""
        if not self._open:
            return
        for name in reversed(self.wanted()):
            self.release(name)
        with suppress(TimeoutError):  # what could not be freed ends with the lease
            async with asyncio.timeout(FAREWELL):
                while any(claim.busy for claim in self._claims.values()):
                    self._moved.clear()
                    await self._moved.wait()
        self._open = False
        if self._watch is not None:
            self._watch.stop()
        await self._tasks.close()

    # --- its own

    def _claim(self, name: str) -> _Claim:
        claim = self._claims.get(name)
        if claim is None:
            claim = self._claims[name] = _Claim()
        return claim

    def _counts_no_more(self, name: str, holding: Holding) -> bool:
        return self._leases.is_over(holding.identity) or self._is_free(name, holding)

    def _is_ours(self, claim: _Claim) -> bool:
        holding = holding_of(claim.entry)
        return holding is not None and (holding.node, holding.life) == self._life

    def _seen(self, entry: Entry) -> None:
        if self._open:
            name = name_of(entry.key.removeprefix(self._prefix))
            self._note(name, entry)
            self._go_on(name)

    def _note(self, name: str, entry: Entry) -> None:
        claim = self._claim(name)
        if claim.entry is not None and entry.revision <= claim.entry.revision:
            return
        claim.entry, claim.sweep = entry, False
        holding = holding_of(entry)
        if holding is not None and (holding.node, holding.life) != self._life:
            self._leases.spoken_of(holding.identity, holding.length)
        self._settle(name, claim)
        self._changed(name)

    def _lease_event(self, event: LeaseEvent) -> None:
        match event:
            case Began() | Over():
                names = [name for name, c in self._claims.items() if c.wanted is not None]
            case Down(lease, removed):
                names = self._held_in(lease.identity)
                for name in names:
                    self._claims[name].sweep = removed
            case Gone(term):
                names = self._held_in(term)
                for name in names:
                    self._claims[name].sweep = True
            case _:
                return
        for name in names:
            self.look(name)

    def _held_in(self, term: tuple[str, str, int]) -> list[str]:
        return [
            name
            for name, claim in self._claims.items()
            if (held := holding_of(claim.entry)) is not None and held.identity == term
        ]

    def _wish(self, claim: _Claim) -> Holding | None:
        term = self._leases.term
        if claim.wanted is None or term is None:
            return None
        return Holding(*self._life, term, self._leases.times.length, claim.wanted)

    def _step(self, name: str, claim: _Claim) -> Take | Free | Have | Wait:
        if claim.wanted is not None and self._leases.term is None:
            return Wait()
        if claim.wanted is None and claim.sweep and self.is_there(name):
            assert claim.entry is not None
            return Free(claim.entry.revision)
        is_free = partial(self._counts_no_more, name)
        return next_step(claim.entry, self._wish(claim), self._life, is_free)

    def _settle(self, name: str, claim: _Claim) -> None:
        """Note whether this node has the name now."""
        step = self._step(name, claim)
        if isinstance(step, Have):
            claim.token, claim.term, claim.had = step.token, self._leases.own.term, True
        elif not (isinstance(step, Take) and self._is_ours(claim)):
            claim.token = None

    def _go_on(self, name: str) -> None:
        """Do what is to be done about a name, unless something is being done."""
        claim = self._claims.get(name)
        if claim is None or claim.busy or claim.waits or not self._open:
            return
        step = self._step(name, claim)
        if isinstance(step, Take | Free):
            claim.busy = True
            self._tasks.start(self._do(name, claim, step))
        elif claim.wanted is None and claim.entry is not None and claim.entry.value is None:
            del self._claims[name]

    async def _do(self, name: str, claim: _Claim, step: Take | Free) -> None:
        try:
            async with self._at_once:
                now = self._step(name, claim)  # it may have changed meanwhile
                if isinstance(now, Take | Free):
                    await self._change(name, now)
        except FAILURES:
            claim.waits = True
            self._platform.call_at(self._platform.now() + AGAIN, lambda: self._again(name))
        finally:
            claim.busy = False
            self._moved.set()
        self._go_on(name)

    def _again(self, name: str) -> None:
        claim = self._claims.get(name)
        if claim is not None:
            claim.waits = False
            self._go_on(name)

    async def _change(self, name: str, step: Take | Free) -> None:
        key = self._prefix + token_of(name)
        try:
            async with asyncio.timeout(self._leases.times.grace):
                match step:
                    case Take(holding, None):
                        revision = await self._engine.create(key, bytes_of(holding))
                        self._note(name, Entry(key, bytes_of(holding), revision))
                    case Take(holding, int(known)):
                        revision = await self._engine.update(key, bytes_of(holding), known)
                        self._note(name, Entry(key, bytes_of(holding), revision))
                    case Free(known):
                        await self._engine.delete(key, known)
                        self._note(name, Entry(key, None, known + 1))
        except KeyChanged:
            await self.refresh(name)
