"""Pools whose children die at any moment: nothing is lost, nothing is handled twice.

The pair: every message is accounted for, and children that live get what they can take.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import anyio
import anyio.lowlevel
from hypothesis import given
from hypothesis import strategies as st

from airssys_wasm.kernel import Actor, ActorExited, DeadLetter, Kernel, Mailbox, MailboxFull
from airssys_wasm.supervision import Pool, SupervisorRef

Message = tuple[str, int]

scripts = st.lists(
    st.tuples(st.sampled_from(["send", "send", "ask", "crash", "kill", "wait"]), st.integers(0, 9)),
    max_size=60,
)
mailboxes = st.sampled_from([None, Mailbox(2, "reject"), Mailbox(2, "drop_new"), Mailbox(3)])


class Worker(Actor[Message]):
    """Writes down what it handles, and to which key; crashes when it is told to."""

    def __init__(self, handled: list[Message], owners: dict[int, set[str]]) -> None:
        self.handled = handled
        self.owners = owners

    async def receive(self, message: Message) -> object:
        self.owners.setdefault(message[1] % 10, set()).add(self.context.ref._label)
        if message[0] == "slow":
            await anyio.lowlevel.checkpoint()
        self.handled.append(message)
        if message[0] == "crash":
            raise RuntimeError("crash")
        return message


@given(
    scripts,
    st.integers(1, 4),
    st.sampled_from(["round_robin", "least_loaded", "by_key"]),
    mailboxes,
    st.sampled_from(["fail", "queue"]),
)
def test_every_message_is_handled_once_or_a_dead_letter_and_every_request_is_answered(
    script: list[tuple[str, int]], size: int, route: Any, mailbox: Any, while_restarting: Any
) -> None:
    handled: list[Message] = []
    owners: dict[int, set[str]] = {}
    letters: list[DeadLetter] = []
    outcomes: Counter[str] = Counter()
    sent: list[Message] = []

    async def main() -> None:
        async with Kernel("test", slow_after=None) as kernel:

            async def collect(inbox: Any) -> None:
                async for letter in inbox:
                    letters.append(letter)  # noqa: PERF401

            kernel.dead_letters.subscribe(kernel.spawn(collect))
            options: Any = {"mailbox": mailbox, "while_restarting": while_restarting}
            if route == "by_key":
                options["key"] = lambda message: message[1] % 10
            pool = await kernel.start(
                Pool(
                    Worker,
                    size=size,
                    args=(handled, owners),
                    route=route,
                    intensity=1_000,
                    **options,
                )
            )
            supervisor = SupervisorRef.of(pool)

            async def ask(message: Message) -> None:
                try:
                    assert await pool.request(message) == message
                    outcomes["reply"] += 1
                except (ActorExited, MailboxFull) as error:
                    outcomes[type(error).__name__] += 1

            async with anyio.create_task_group() as group:
                for number, (what, choice) in enumerate(script):
                    message = ("slow" if what == "send" else what, 10 * number + choice)
                    match what:
                        case "send" | "crash":
                            sent.append(message)
                            pool.send(message)
                        case "ask":
                            group.start_soon(ask, message)
                        case "kill":
                            children = await supervisor.which_children()
                            ref = children[choice % size].ref
                            if ref is not None:
                                ref.kill()
                        case "wait":
                            await anyio.lowlevel.checkpoint()
            quiet = 0
            while quiet < 20:  # turns in which nothing happened
                before = len(handled) + len(letters)
                await anyio.lowlevel.checkpoint()
                counts = await supervisor.count_children()
                same = before == len(handled) + len(letters)
                quiet = quiet + 1 if same and counts.active == size else 0

    anyio.run(main)
    asked = sum(what == "ask" for what, _ in script)
    assert sum(outcomes.values()) == asked
    assert all(count == 1 for count in Counter(handled).values()), "handled twice"
    lost = Counter(letter.message for letter in letters if not letter.request)
    for message in sent:
        crashed = message[0] == "crash" and message in handled
        assert (message in handled) + lost[message] == (2 if crashed else 1), message
    if not any(what in ("kill", "crash") for what, _ in script) and mailbox is None:
        assert len(handled) == len(sent) + asked
        assert outcomes["reply"] == asked
