"""What the kernel stands on: clock, chance, ids, wake-ups, and who runs next.

The kernel asks nothing of the world but through this object, so that a simulator can replace it
and drive the very code that production runs.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, ParamSpec, Protocol, TypeVar

if TYPE_CHECKING:
    from random import Random

    from airssys_wasm.kernel.kernel import Kernel
    from airssys_wasm.kernel.reasons import Frame
    from airssys_wasm.kernel.ref import ActorRef

P = ParamSpec("P")
R = TypeVar("R")


class Wakeup(Protocol):
    """A call that is due at a time and can be taken back."""

    def cancel(self) -> None:
        """The call will not happen. Harmless when it did."""
        ...


class LoopWatch(Protocol):
    """Something that watches the loop."""

    @property
    def looks(self) -> int:
        """How often it has looked."""
        ...

    def close(self) -> None:
        """Watch no longer."""
        ...


class RunQueue(Protocol):
    """The actors that have something to do. `popleft` decides who runs next.

    The real one is a `collections.deque`: first come, first served.
    """

    def append(self, actor: Any, /) -> None:
        """`actor` has something to do. It is in the queue at most once."""
        ...

    def popleft(self) -> Any:
        """The actor that runs next, taken out. Raises IndexError when there is none."""
        ...

    def clear(self) -> None:
        """Forget them all."""
        ...

    def __len__(self) -> int: ...


class Platform(Protocol):
    """Time, chance, ids, wake-ups and order. All times are `float` seconds."""

    @property
    def random(self) -> Random:
        """The source of all chance."""
        ...

    def now(self) -> float:
        """Monotonic time; only differences mean anything."""
        ...

    def timestamp(self) -> float:
        """Wall-clock time since 1970-01-01 UTC."""
        ...

    def slice_clock(self) -> float:
        """The clock that ends a slice; stands still where slices are counted in messages."""
        ...

    def new_id(self) -> str:
        """An id that no other call gives: 32 hexadecimal digits."""
        ...

    def random_bytes(self, count: int) -> bytes:
        """Bytes that nobody can foresee, whatever they know of `random`: for foreign code."""
        ...

    def call_at(self, when: float, callback: Callable[[], None]) -> Wakeup:
        """Call back at `when` by `now()`, never earlier."""
        ...

    def call_soon(self, callback: Callable[[], None]) -> None:
        """Call back in a later turn of the loop, in the order of the calls."""
        ...

    def watch_loop(
        self,
        kernel: Kernel,
        slow_after: float,
        on_slow: Callable[[ActorRef[Any], tuple[Frame, ...], float], None],
    ) -> LoopWatch | None:
        """Call `on_slow(ref, stack, duration)` after an actor's code held the loop for longer than
        `slow_after` seconds. None where time does not pass by itself."""
        ...

    def run_queue(self) -> RunQueue:
        """A new, empty run queue."""
        ...

    def let_threads_run(self) -> None:
        """Called in the loop when it has had no idle moment for some milliseconds: let other
        threads of Python, if there are any, have the GIL for a moment."""
        ...

    def offload(
        self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs
    ) -> Awaitable[R]:
        """Run blocking code aside and wait for its result."""
        ...
