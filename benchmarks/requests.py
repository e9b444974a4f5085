"""Acts: what a request and its reply cost: to an idle plain actor, an async one, a busy one."""

from __future__ import annotations

from time import process_time
from typing import Any

from airssys_wasm.kernel import Actor, Kernel
from benchmarks.measure import Benchmark, Sample, Workload, spent
from benchmarks.peers import tasks
from benchmarks.workloads import in_kernel


class Echo(Actor[Any]):
    def receive(self, message: Any) -> Any:
        return message


class AsyncEcho(Actor[Any]):
    async def receive(self, message: Any) -> Any:
        return message


def request(echo: type[Actor[Any]], *, busy: bool = False) -> Workload:
    """Requests one after the other. A busy actor has a message in its mailbox each time."""

    async def body(kernel: Kernel, size: int) -> Sample:
        ref = kernel.spawn(echo)
        await ref.request(0)
        began = process_time()
        if busy:
            for number in range(size):
                ref.send(None)
                await ref.request(number)
        else:
            for number in range(size):
                await ref.request(number)
        return spent(size, began)

    return in_kernel(body)


BENCHMARKS = [
    Benchmark(
        "request",
        "request",
        request(Echo),
        20_000,
        "request and reply of an idle actor with a plain handler",
        asked=8.5,
        tasks=tasks.request(),
    ),
    Benchmark(
        "request-async",
        "request",
        request(AsyncEcho),
        5_000,
        "request and reply of an idle actor with an async handler",
        asked=25.0,
        tasks=tasks.request(),
    ),
    Benchmark(
        "request-busy",
        "request",
        request(Echo, busy=True),
        4_000,
        "request and reply of an actor that has another message to handle before",
        asked=1.7,
        asked_in="asyncio",
        tasks=tasks.request(busy=True),
    ),
]
