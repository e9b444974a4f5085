"""Acts: one request to many actors at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from airssys_wasm.kernel.address import Address


@dataclass(frozen=True, slots=True)
class Replies:
    """What came of a multicall: the replies, and the errors of those that gave none."""

    replies: dict[Address, Any]
    failed: dict[Address, BaseException]


async def multicall(
    addresses: Iterable[Address], message: object, timeout: float | None
) -> Replies:
    """See `Kernel.multicall`."""
    asked = list(dict.fromkeys(addresses))
    asking = (address.request(message, timeout=timeout) for address in asked)
    results = await asyncio.gather(*asking, return_exceptions=True)
    came = Replies({}, {})
    for address, result in zip(asked, results, strict=True):
        if isinstance(result, BaseException):
            came.failed[address] = result
        else:
            came.replies[address] = result
    return came
