"""Acts: what is sent, asked and kept, whatever comes first."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import anyio
import anyio.lowlevel

from airssys_wasm.kernel import (
    Actor,
    ActorExited,
    Failed,
    Mailbox,
    MailboxFull,
    RequestTimeout,
)
from airssys_wasm.supervision import ChildSpec, Supervisor
from airssys_wasm.testing.conservation import Ledger
from airssys_wasm.testing.simulation import Simulation
from tests.testing.corpus.scenario import (
    Listener,
    Slow,
    scenario,
)


@scenario("kill", "swallowed cancellation")
async def requests_are_answered_or_fail_in_time(simulation: Simulation) -> None:
    kernel = await simulation.kernel()
    server = kernel.spawn(Slow, name="server")
    results: list[str] = []
    died: list[float] = []
    kernel.on_exit(server, lambda _ref, _next: died.append(simulation.now()))

    async def ask(delay: float, timeout: float) -> None:
        began = simulation.now()
        try:
            await server.request(delay, timeout=timeout)
            results.append("ok")
        except RequestTimeout:
            assert simulation.now() - began >= timeout
            assert server.is_alive or died[0] == simulation.now()
            results.append("late")
        except ActorExited:
            results.append("exited")
        assert simulation.now() - began <= timeout + 0.002

    async with anyio.create_task_group() as group:
        for delay, timeout in ((0.5, 1.0), (0.5, 0.2), (0.1, 5.0), (3.0, 1.0), (0.0, 4.0)):
            group.start_soon(ask, delay, timeout)
        if simulation.random.random() < 0.3:
            await anyio.sleep(simulation.random.random())
            server.kill()
    assert len(results) == 5
    if server.is_alive:
        assert "exited" not in results


@scenario()
async def a_late_reply_reaches_nobody(simulation: Simulation) -> None:
    kernel = await simulation.kernel()

    class Asker(Listener):
        async def receive(self, message: Any) -> Any:
            if message == "ask":
                try:
                    return await server.request(1.0, timeout=0.5)
                except RequestTimeout:
                    return "late"
            return super().receive(message)

    server = kernel.spawn(Slow)
    asker = kernel.spawn(Asker)
    assert await asker.request("ask") == "late"
    await simulation.sleep(2)
    assert await asker.request("got") == []
    assert await server.request("got") == [1.0]


class Deferring(Listener):
    """Answers later, from a timer of its own."""

    def receive(self, message: Any) -> Any:
        match message:
            case ("later", value):
                self.got.append((self.context.defer_reply(), value))
                self.context.send_after(0.5, self.context.ref, "now")
            case "now":
                reply, value = self.got.pop(0)
                reply.send(value)
            case "refuse":
                return Failed(KeyError("no"))
            case _:
                return super().receive(message)
        return None


@scenario("kill")
async def deferred_replies_come_once_and_in_order(simulation: Simulation) -> None:
    kernel = await simulation.kernel()
    server = kernel.spawn(Deferring)
    answers: dict[int, Any] = {}

    async def ask(number: int) -> None:
        try:
            answers[number] = await server.request(("later", number), timeout=3.0)
        except ActorExited as error:
            answers[number] = type(error)

    async with anyio.create_task_group() as group:
        for number in range(4):
            group.start_soon(ask, number)
        if simulation.random.random() < 0.3:
            await anyio.sleep(simulation.random.random() / 2)
            server.kill()
    assert len(answers) == 4
    if server.is_alive:
        assert answers == {n: n for n in range(4)}
        try:
            await server.request("refuse")
        except KeyError:
            pass
        except ActorExited:
            assert not server.is_alive
        else:
            raise AssertionError("the failure was not raised")


@scenario("crash", "kill", spare=("root", "asker"))
async def no_message_is_lost_or_doubled(simulation: Simulation) -> None:
    kernel = await simulation.kernel()
    ledger = Ledger()
    refs = [
        kernel.spawn(Listener),
        kernel.spawn(Slow),
        kernel.spawn(Slow, mailbox=Mailbox(capacity=2, overflow="drop_old")),
        kernel.spawn(Slow, mailbox=Mailbox(capacity=2, overflow="drop_new")),
        kernel.spawn(Listener, mailbox=Mailbox(capacity=3, order="priority")),
        kernel.spawn(Slow, mailbox=Mailbox(capacity=2)),
    ]
    counted = [ledger.ref(ref) for ref in refs]

    async def feed(number: int) -> None:
        for step in range(8):
            target = counted[(number + step) % len(counted)]
            if step % 3 == 0:
                await target.put(0.01 * step)
            elif step % 3 == 1:
                with suppress(MailboxFull):
                    target.send(0.02)
            else:
                with suppress(RequestTimeout, ActorExited, MailboxFull):
                    await target.request("got", timeout=2.0)
            if step == 5:
                await anyio.sleep(0.01)

    async with anyio.create_task_group() as group:
        for number in range(4):
            group.start_soon(feed, number)
        await anyio.sleep(simulation.random.choice([0.0, 0.01, 0.05]))
        simulation.random.choice(refs).kill()
    await simulation.sleep(5)
    balance = ledger.balance(kernel)
    assert balance.holds, balance


@scenario()
async def messages_of_one_sender_come_in_order(simulation: Simulation) -> None:
    kernel = await simulation.kernel()
    receiver = kernel.spawn(Slow, name="receiver")
    plain = kernel.spawn(Listener)

    class Sender(Actor[Any]):
        async def receive(self, message: Any) -> None:
            for number in range(6):
                kernel.named("receiver").send(("from", message, number))
                plain.send(("from", message, number))
                if number % 2:
                    await anyio.sleep(0.001 * message)
                else:
                    await receiver.put(("from", message, f"{number}+"))

    senders = [kernel.spawn(Sender) for _ in range(3)]
    for number, sender in enumerate(senders):
        sender.send(number)
    await simulation.sleep(1)
    for target in (receiver, plain):
        got = await target.request("got")
        for number in range(3):
            own = [m[2] for m in got if m[1] == number]
            order = [int(str(item).rstrip("+")) for item in own]
            assert order == sorted(order)
            assert len(own) == (9 if target is receiver else 6)


@scenario("full mailbox")
async def put_waits_for_room_and_goes_on(simulation: Simulation) -> None:
    kernel = await simulation.kernel()
    bounded = kernel.spawn(Slow, mailbox=Mailbox(capacity=2))
    done: list[int] = []

    async def put(number: int) -> None:
        for _ in range(3):
            await bounded.put(0.01)
            assert bounded.mailbox_length <= 2
        done.append(number)

    async with anyio.create_task_group() as group:
        for number in range(3):
            group.start_soon(put, number)
    await simulation.sleep(3)
    assert sorted(done) == [0, 1, 2]
    assert len(await bounded.request("got")) == 9


@scenario()
async def a_kept_mailbox_outlives_its_actor(simulation: Simulation) -> None:
    kernel = await simulation.kernel()
    handled: list[int] = []

    class Keeper(Actor[Any]):
        async def receive(self, message: Any) -> Any:
            if message == "boom":
                raise ValueError("boom")
            await anyio.sleep(0.01)
            handled.append(message)
            return message

    mailbox = Mailbox(capacity=simulation.random.choice([None, 3]), keep_on_restart=True)
    spec = ChildSpec("k", Keeper, name="k", mailbox=mailbox)
    await kernel.start(Supervisor(intensity=100, children=[spec]), name="root")
    named = kernel.named("k")

    async def feed() -> None:
        for number in range(10):
            await named.put(number)
            if number in (2, 6):
                await named.put("boom")
            if number == 8:
                await anyio.sleep(0.005)

    answers: list[Any] = []

    async def ask() -> None:
        await anyio.sleep(0.015)
        try:
            answers.append(await named.request(99, timeout=3.0))
        except ActorExited:
            answers.append("exited")

    async with anyio.create_task_group() as group:
        group.start_soon(feed)
        group.start_soon(ask)
    await simulation.sleep(3)
    assert [n for n in handled if n != 99] == list(range(10)), handled
    assert answers == [99]


@scenario()
async def a_request_given_up_while_it_waits_for_room_is_not_handled(
    simulation: Simulation,
) -> None:
    kernel = await simulation.kernel()
    server = kernel.spawn(Slow, mailbox=Mailbox(capacity=1))
    for _ in range(2):
        await server.put(1.0)
    with suppress(RequestTimeout):
        await server.request(0.25, timeout=0.5)
        raise AssertionError("there was no room, and it was answered")
    await simulation.sleep(5)
    assert await server.request("got") == [1.0, 1.0]


@scenario()
async def what_waits_for_room_at_an_end_is_a_dead_letter(simulation: Simulation) -> None:
    kernel = await simulation.kernel()
    bounded = kernel.spawn(Slow, mailbox=Mailbox(capacity=1))
    async with anyio.create_task_group() as group:
        for number in range(1, 5):
            group.start_soon(bounded.put, number)
        await anyio.sleep(0.5)
        bounded.kill()
    await simulation.sleep(1)
    letters = [letter.message for letter in kernel.dead_letters.recent()]
    assert sorted(map(str, letters)) == ["1", "2", "3", "4"]
