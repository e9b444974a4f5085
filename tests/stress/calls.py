"""Acts: what waits: puts, requests, multicalls, looks at states, changes of supervisors.

Each runs in a task of its own, which may be cancelled from outside at any time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from airssys_wasm.kernel import (
    ActorContext,
    ActorExited,
    ActorRef,
    AirssysError,
    MailboxFull,
    OpaqueState,
    RequestTimeout,
    SelfRequest,
)
from airssys_wasm.supervision import DynamicSupervisorRef, SupervisorRef
from tests.stress.letters import Refusal, Roll
from tests.stress.posts import TOPICS

if TYPE_CHECKING:
    from tests.stress.storm import Storm

NO_ANSWER = (MailboxFull, ActorExited, RequestTimeout, SelfRequest)


class Calls:
    """The calls of one storm that are on their way."""

    def __init__(self, storm: Storm) -> None:
        self._storm = storm
        self.tasks: dict[asyncio.Task[None], None] = {}

    def begin(self, context: ActorContext, target: ActorRef[Any]) -> None:
        """Start one, with `target` as far as it has one."""
        chance = self._storm.chance
        work: Coroutine[Any, Any, None]
        match chance.randrange(12):
            case 0:
                suspended = list(self._storm.suspended)
                work = self._look(chance.choice(suspended) if suspended else target)
            case 1:
                work = self._change(target)
            case 2:
                work = self._roll_call()
            case 3:
                work = self._publish()
            case 4 if self._storm.families.refs:
                work = self._administrate(chance.choice(self._storm.families.refs))
            case 5 | 6 | 7:
                work = self._put(target)
            case _:
                work = self._request(target)
        self._start(work)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.ensure_future(work)
        self.tasks[task] = None
        task.add_done_callback(self._done)

    def look(self, target: ActorRef[Any]) -> None:
        """Look at `target` as soon as that is possible."""
        self._start(self._look(target))

    def _done(self, task: asyncio.Task[None]) -> None:
        del self.tasks[task]
        if not task.cancelled() and (error := task.exception()) is not None:
            self._storm.broken(f"a call raised {error!r}")

    def cancel_one(self) -> None:
        if self.tasks:
            self._storm.chance.choice(list(self.tasks)).cancel()

    def cancel_all(self) -> None:
        for task in list(self.tasks):
            task.cancel()

    # --- the calls

    async def _put(self, to: ActorRef[Any]) -> None:
        storm = self._storm
        letter = storm.ledger.letter(object(), to)
        ttl = storm.chance.choice([None, None, 0.0001, 10.0])
        with suppress(MailboxFull):
            await to.put(letter, priority=storm.priority(to), ttl=ttl)
            storm.ledger.was_sent(letter)

    async def _request(self, to: ActorRef[Any]) -> None:
        storm = self._storm
        letter = storm.ledger.letter(object(), to)
        timeout, ttl = storm.chance.choice([0.0005, 10.0]), storm.chance.choice([None, None, 0.001])
        try:
            answer = await to.request(letter, timeout, storm.priority(to), ttl)
        except NO_ANSWER:
            return
        except Refusal as refusal:
            answer = refusal.letter
        storm.ledger.was_sent(letter)
        if answer is not letter:
            storm.broken(f"the answer to another: {answer} for {letter}")

    async def _roll_call(self) -> None:
        storm = self._storm
        asked = storm.chance.sample(storm.refs, min(5, len(storm.refs)))
        came = await storm.kernel.multicall(asked, Roll(), timeout=0.001)
        if {*came.replies, *came.failed} != {*asked}:
            storm.broken(f"{asked} were asked, and {came} came")
        for ref in asked:
            reply = came.replies.get(ref, ref)
            if storm.ledger.slots[reply] != storm.ledger.slots[ref]:
                storm.broken(f"{ref} was asked, and {reply} answered")
        for address, error in came.failed.items():
            if not isinstance(error, NO_ANSWER):
                storm.broken(f"{address} was asked, and {error!r} came")

    async def _look(self, at: ActorRef[Any]) -> None:
        storm = self._storm
        with suppress(OpaqueState, *NO_ANSWER):
            found = await storm.kernel.get_state(at, storm.chance.choice([0.0005, 10.0]))
            if isinstance(found, dict) and found["begun"] != found["done"]:
                storm.broken(f"looked at {at} in the middle of its work: {found}")

    async def _change(self, at: ActorRef[Any]) -> None:
        storm, mark = self._storm, f"mark {id(object())}"

        def marked(found: Any) -> object:
            if isinstance(found, tuple):  # a state machine's
                return found[0], found[1] | {mark: True}
            return found | {mark: True}

        with suppress(OpaqueState, *NO_ANSWER):
            await storm.kernel.replace_state(at, marked, storm.chance.choice([0.0005, 10.0]))
            found = await storm.kernel.get_state(at)
            if mark not in (found[1] if isinstance(found, tuple) else found):
                storm.broken(f"{at} did not take the state it was given")

    async def _publish(self) -> None:
        posts, topic = self._storm.posts, self._storm.chance.choice(TOPICS)
        await posts.broker.put(topic, posts.post(object(), topic, unsure=True))

    async def _administrate(self, address: ActorRef[Any]) -> None:
        storm, supervisor = self._storm, SupervisorRef.of(address)
        with suppress(AirssysError):
            if address in storm.families.dynamic:
                await DynamicSupervisorRef.of(address).start_child()
                return
            known = await supervisor.which_children()
            if not known:
                return
            child = storm.chance.choice(known).id
            match storm.chance.randrange(4):
                case 0:
                    await supervisor.terminate_child(child)
                case 1:
                    await supervisor.restart_child(child)
                case 2:
                    await supervisor.delete_child(child)
                case 3:
                    await supervisor.start_child(storm.families.child())
