"""Acts: the work of the benchmarks with Thespian: all actors in this thread, its fastest system."""

from __future__ import annotations

from typing import Any

from thespian.actors import Actor, ActorExitRequest, ActorSystem

from benchmarks.peers.clock import report, size, timed

BATCH = 100
LONG = 60  # seconds to wait for an answer


class Echo(Actor):
    def receiveMessage(self, message: Any, sender: Any) -> None:
        if isinstance(message, int):
            self.send(sender, message)


class Once(Actor):
    def receiveMessage(self, message: Any, sender: Any) -> None:
        if message == 1:
            self.send(self.myAddress, ActorExitRequest())


class Counter(Actor):
    """Answers whoever asked first, once it had so many messages."""

    left = 0
    asked: Any = None

    def receiveMessage(self, message: Any, sender: Any) -> None:
        if isinstance(message, tuple):
            self.left, self.asked = message[1], sender
            for address in message[2]:
                self.send(address, ("send", message[3], self.myAddress))
        elif isinstance(message, int):
            self.left -= 1
            if not self.left:
                self.send(self.asked, "done")


class Producer(Actor):
    left = 0
    to: Any = None

    def receiveMessage(self, message: Any, sender: Any) -> None:
        if isinstance(message, tuple):
            _, self.left, self.to = message
        elif message != "on":
            return
        for number in range(min(BATCH, self.left)):
            self.send(self.to, number)
        self.left -= BATCH
        if self.left > 0:
            self.send(self.myAddress, "on")


class Player(Actor):
    other: Any = None
    asked: Any = None

    def receiveMessage(self, message: Any, sender: Any) -> None:
        if isinstance(message, tuple):
            kind, value = message
            if kind == "other":
                self.other = value
            else:
                self.asked = sender
                self.send(self.other, value)
        elif isinstance(message, int):
            if message:
                self.send(self.other, message - 1)
            else:
                # Whoever began is told; it may be the other one.
                self.send(self.asked or self.other, "done" if self.asked else "tell")
        elif message == "tell":
            self.send(self.asked, "done")


def fan_in(system: Any, benchmark: str, producers: int) -> None:
    share = max(1, size(3_000) // producers)
    senders = [system.createActor(Producer) for _ in range(producers)]
    sink = system.createActor(Counter)
    with timed(benchmark, share * producers):
        assert system.ask(sink, ("count", share * producers, senders, share), LONG) == "done"


def ping_pong(system: Any) -> None:
    count = size(3_000)
    one, two = system.createActor(Player), system.createActor(Player)
    system.tell(one, ("other", two))
    system.tell(two, ("other", one))
    with timed("ping-pong", count):
        assert system.ask(one, ("begin", count), LONG) == "done"


def request(system: Any) -> None:
    echo = system.createActor(Echo)
    count = size(2_000)
    with timed("request", count):
        for number in range(count):
            system.ask(echo, number, LONG)


def spawn_message_stop(system: Any) -> None:
    count = size(200)
    with timed("spawn-message-stop", count):
        for _ in range(count):
            system.tell(system.createActor(Once), 1)


if __name__ == "__main__":
    actors = ActorSystem("simpleSystemBase")
    fan_in(actors, "one-way", 1)
    fan_in(actors, "fan-in", 10)
    ping_pong(actors)
    request(actors)
    spawn_message_stop(actors)
    report()
