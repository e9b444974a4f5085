"""Acts: waits, by the platform's clock."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from asyncio import Future

    from airssys_wasm.kernel.kernel import Kernel


async def pause(kernel: Kernel, seconds: float) -> None:
    """Return after so many seconds; also when the kernel, with its timers, is closed already."""
    future: Future[None] = kernel.scheduler.future()

    def wake() -> None:
        if not future.done():
            future.set_result(None)

    wakeup = kernel.platform.call_at(kernel.platform.now() + seconds, wake)
    try:
        await future
    finally:
        wakeup.cancel()
