"""Acts: what a publication costs: a delivery, and the look-up of a topic."""

from __future__ import annotations

import asyncio
import random
from time import process_time
from typing import Any

from airssys_wasm.broker import Broker
from airssys_wasm.broker.subscriptions import Subscriptions
from airssys_wasm.kernel import Actor, Kernel
from benchmarks.measure import Benchmark, Sample, Workload, spent
from benchmarks.peers import tasks
from benchmarks.workloads import Fence, Idle, future, in_kernel

SUBSCRIBERS = 100
WORDS = [f"word{number}" for number in range(30)]
TOKENS = 4
HOT = 100  # topics that are published to again and again


class Publisher(Actor[int]):
    """Publishes, and lets others run after each time."""

    def __init__(self, broker: Broker, done: asyncio.Future[None]) -> None:
        self.broker = broker
        self.done = done

    def receive(self, left: int) -> None:
        self.broker.publish("prices.eur", left)
        if left > 1:
            self.context.ref.send(left - 1)
        else:
            self.done.set_result(None)


def publish(subscribers: int) -> Workload:
    """Publications to one topic; an operation is a delivery."""

    async def body(kernel: Kernel, size: int) -> Sample:
        broker = Broker(kernel)
        fence = kernel.spawn(Fence)
        for _ in range(subscribers):
            broker.subscribe("prices.eur", kernel.spawn(Idle))
        broker.publish("prices.eur", 0)
        rounds = max(1, size // subscribers)
        done, delivered = future(), future()
        publisher = kernel.spawn(Publisher, broker, done)
        began = process_time()
        publisher.send(rounds)
        await done
        fence.send(delivered)
        await delivered
        return spent(rounds * subscribers, began)

    return in_kernel(body)


class Nobody:
    """A receiver that is never sent anything."""

    capacity: int | None = None

    def send(self, message: Any, /) -> None:
        raise NotImplementedError

    async def put(self, message: Any, /) -> None:
        raise NotImplementedError


ONE = Nobody()


def topic(chance: random.Random) -> str:
    return ".".join(chance.choice(WORDS) for _ in range(TOKENS))


def pattern(chance: random.Random) -> str:
    """Half of them with one `*`, a fifth with `>` at the end, the others without a wildcard."""
    tokens = [chance.choice(WORDS) for _ in range(TOKENS)]
    kind = chance.random()
    if kind < 0.5:
        tokens[chance.randrange(TOKENS)] = "*"
    elif kind < 0.7:
        tokens = [*tokens[: chance.randrange(1, TOKENS)], ">"]
    return ".".join(tokens)


def subscribed(patterns: int) -> Subscriptions[Nobody]:
    chance = random.Random(patterns)
    subscriptions: Subscriptions[Nobody] = Subscriptions()
    while len(subscriptions) < patterns:
        subscriptions.add(pattern(chance), ONE)
    return subscriptions


def look_up(patterns: int) -> Workload:
    """Topics that were never published to before."""

    def run(size: int) -> Sample:
        subscriptions = subscribed(min(patterns, 100 * size))
        subscriptions.add("*", ONE)  # a new pattern with a wildcard empties the cache
        subscriptions.remove("*", ONE)
        chance = random.Random(1)
        topics = list({topic(chance) for _ in range(size)})
        began = process_time()
        for one in topics:
            subscriptions.resolve(one)
        sample = spent(len(topics), began)
        receivers = sum(len(subscriptions.resolve(one).receivers) for one in topics)
        return Sample(sample.operations, sample.cost, {"receivers": receivers / len(topics)})

    return run


def look_up_cached(size: int) -> Sample:
    """Topics that were published to before."""
    subscriptions = subscribed(1_000)
    chance = random.Random(1)
    hot = [topic(chance) for _ in range(HOT)]
    for one in hot:
        subscriptions.resolve(one)
    routes, resolve = subscriptions.routes, subscriptions.resolve
    rounds = max(1, size // HOT)
    began = process_time()
    for _ in range(rounds):
        for one in hot:
            _ = routes.get(one) or resolve(one)
    return spent(rounds * HOT, began)


BENCHMARKS = [
    Benchmark(
        "publish",
        "delivery",
        publish(SUBSCRIBERS),
        40_000,
        "a publication to 100 subscribers",
        asked=2.7,
        tasks=tasks.publish(SUBSCRIBERS),
    ),
    Benchmark(
        "topic-cached",
        "look-up",
        look_up_cached,
        50_000,
        "who gets a topic that was published to before",
        asked=50,
        asked_in="unit",
    ),
    *(
        Benchmark(
            f"topic-{patterns}",
            "look-up",
            look_up(patterns),
            2_000,
            f"who gets a new topic, among {patterns:,} patterns",
            asked=asked,
            asked_in="unit",
        )
        for patterns, asked in ((10, 800), (1_000, 2_200), (100_000, 9_000))
    ),
]
