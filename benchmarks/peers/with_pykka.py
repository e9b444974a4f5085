"""Acts: the work of the benchmarks with Pykka: a thread for each actor."""

from __future__ import annotations

import threading
from typing import Any

import pykka

from benchmarks.peers.clock import report, size, timed

BATCH = 100


class Sink(pykka.ThreadingActor):
    def __init__(self, expected: int, done: threading.Event) -> None:
        super().__init__()
        self.left = expected
        self.done = done

    def on_receive(self, message: Any) -> None:
        self.left -= 1
        if not self.left:
            self.done.set()


class Producer(pykka.ThreadingActor):
    def __init__(self, share: int, to: Any) -> None:
        super().__init__()
        self.left = share
        self.to = to

    def on_receive(self, message: Any) -> None:
        for number in range(min(BATCH, self.left)):
            self.to.tell(number)
        self.left -= BATCH
        if self.left > 0:
            self.actor_ref.tell(None)


class Player(pykka.ThreadingActor):
    def __init__(self, done: threading.Event) -> None:
        super().__init__()
        self.done = done
        self.other: Any = None

    def on_receive(self, message: Any) -> None:
        if isinstance(message, pykka.ActorRef):
            self.other = message
        elif message:
            self.other.tell(message - 1)
        else:
            self.done.set()


class Echo(pykka.ThreadingActor):
    def on_receive(self, message: Any) -> Any:
        return message


class Once(pykka.ThreadingActor):
    def on_receive(self, message: Any) -> None:
        self.stop()


def fan_in(benchmark: str, producers: int) -> None:
    done = threading.Event()
    share = max(1, size(10_000) // producers)
    sink = Sink.start(share * producers, done)
    senders = [Producer.start(share, sink) for _ in range(producers)]
    with timed(benchmark, share * producers):
        for sender in senders:
            sender.tell(None)
        done.wait()
    for actor in (*senders, sink):
        actor.stop()


def ping_pong() -> None:
    done = threading.Event()
    count = size(4_000)
    one, two = Player.start(done), Player.start(done)
    one.tell(two)
    two.tell(one)
    with timed("ping-pong", count):
        one.tell(count)
        done.wait()
    one.stop()
    two.stop()


def request() -> None:
    echo = Echo.start()
    count = size(2_000)
    with timed("request", count):
        for number in range(count):
            echo.ask(number)
    echo.stop()


def spawn_message_stop() -> None:
    count = size(500)
    with timed("spawn-message-stop", count):
        started = []
        for _ in range(count):
            actor = Once.start()
            actor.tell(1)
            started.append(actor)
        for actor in started:
            actor.actor_stopped.wait()


if __name__ == "__main__":
    fan_in("one-way", 1)
    fan_in("fan-in", 10)
    ping_pong()
    request()
    spawn_message_stop()
    report()
