"""What one incarnation of a component may use, and when it has used too much.

Pure: clocks are read and bytes are counted elsewhere; what is found is told
to the accounts here, and they decide. Both paths of the engine use them, so
that the same guest ends with the same `Limit` on either.

Always:
  - an amount equal to its limit is allowed, the first above it is not;
  - time that a guest spends waiting for the host is not its own: `call`
    counts polls only, `call_total` counts everything;
  - a refused growth of memory is remembered for the rest of the incarnation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from airssys_wasm.components.engine.traps import Limit, LimitKind, Trap, count_of
from airssys_wasm.components.engine.values import Ok

KIB = 1024
MIB = 1024 * KIB

# What a Store is given when `fuel` is None: at a billion a second, 146 years.
UNBOUNDED_FUEL = 1 << 62

# 4 MiB of pointers a table, 128 MiB unless more tables are asked for. Tables are not linear memory,
# and nothing else would bound them.
MAX_TABLE_ELEMENTS = 1 << 19
MOST_TABLES = 32

# Instances and memories of one Store, unless fewer are asked for: wasmtime's own default.
MOST_OF_A_KIND = 10_000

# What wasmtime says when over 128 MiB are copied between guest and host in one call.
_TOO_MUCH_DATA = "too much data is being copied between the host and the guest"

# The share of the memory limit at which the event "nearly full" is due.
_REPLYING = frozenset({"handle-message", "handle-batch", "handle-text"})

# Interfaces with functions that send what they are given.
_SENDING = frozenset(
    f"airssys:core/{name}" for name in ("host-messaging", "pubsub", "calls", "actors")
)

NEARLY = 0.9


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one incarnation. Sizes in bytes, durations in seconds.

    `memory` is all linear memories together; `fuel` is a budget for each call
    of an export, None for no budget; `call` is time inside the guest in one
    call, `call_total` its time with waits, None for no bound; `host_call` is
    one call of a host function; `payload` is one message, either way;
    `instances` and `tables` are how many of them a component is made of, None
    for as many as it has, up to 10,000 and 32; a table has 524,288 elements at
    most, which are 4 MiB.

    >>> Limits(call=0.5).memory
    67108864
    """

    memory: int = 64 * MIB
    fuel: int | None = None
    call: float = 5.0
    call_total: float | None = None
    host_call: float = 30.0
    payload: int = 1 * MIB
    instances: int | None = None
    tables: int | None = None

    def __post_init__(self) -> None:
        _check_count("memory", self.memory, "bytes")
        _check_count("payload", self.payload, "bytes")
        if self.fuel is not None:
            _check_count("fuel", self.fuel, "units of fuel")
            if self.fuel > UNBOUNDED_FUEL:
                raise ValueError(f"fuel must be at most {UNBOUNDED_FUEL}, not {self.fuel}")
        if self.instances is not None:
            _check_count("instances", self.instances, "instances")
        if self.tables is not None:
            _check_count("tables", self.tables, "tables")
        _check_seconds("call", self.call)
        _check_seconds("host_call", self.host_call)
        if self.call_total is not None:
            _check_seconds("call_total", self.call_total)


def payload_limit(limits: Limits, size: int) -> Limit | None:
    """The limit that a message of `size` bytes passes, or None.

    >>> payload_limit(Limits(payload=10), 11)
    Limit(kind='payload', limit=10, used=11, trap=None)
    """
    return Limit("payload", limits.payload, size) if size > limits.payload else None


def host_call_limit(limits: Limits, elapsed: float) -> Limit | None:
    """The limit that a host function passes which has taken `elapsed` seconds, or None."""
    if elapsed > limits.host_call:
        return Limit("host_call", limits.host_call, elapsed)
    return None


def reply_limit(limits: Limits, function: str, result: object) -> Limit | None:
    """The limit that the reply to a message passes, or one of several replies; or None.

    >>> reply_limit(Limits(payload=1), "handle-message", Ok(b"ab"))
    Limit(kind='payload', limit=1, used=2, trap=None)
    """
    if function not in _REPLYING:
        return None
    for reply in result if isinstance(result, list) else (result,):
        value = reply.value if isinstance(reply, Ok) else None
        if isinstance(value, str):
            value = value.encode()
        if isinstance(value, bytes):
            passed = payload_limit(limits, len(value))
            if passed is not None:
                return passed
    return None


def sent_limit(limits: Limits, interface: str, arguments: tuple[object, ...]) -> Limit | None:
    """The limit that a message passes which the guest sends with a host function, or None."""
    if interface.partition("@")[0] in _SENDING:
        for argument in arguments:
            passed = payload_limit(limits, len(argument)) if isinstance(argument, bytes) else None
            if passed is not None:
                return passed
    return None


def fuel_for_call(limits: Limits) -> int:
    """What to put into the Store before each call.

    >>> fuel_for_call(Limits(fuel=1000))
    1000
    """
    return UNBOUNDED_FUEL if limits.fuel is None else limits.fuel


class CallTime:
    """The time of one call of an export: guest time by polls, and all of it.

    Call `enter` when the guest begins to run or is resumed, `leave` when it
    waits, yields or returns. On the slow path a poll is the time between two
    host functions.

    >>> time = CallTime(Limits(call=1.0), 100.0)
    >>> time.enter(100.0); time.leave(100.6)    # then it waits for the host
    >>> time.enter(107.0); time.passed(107.3) is None
    True
    >>> time.passed(107.75)
    Limit(kind='call', limit=1.0, used=1.35, trap=None)
    """

    __slots__ = ("_before", "_entered", "_limits", "_started")

    def __init__(self, limits: Limits, now: float) -> None:
        self._limits = limits
        self._started = now
        self._before = 0.0  # guest time of the polls that are over
        self._entered: float | None = None

    def enter(self, now: float) -> None:
        """The guest runs from here on."""
        self._entered = now

    def leave(self, now: float) -> None:
        """The guest does not run from here on."""
        if self._entered is not None:
            self._before += now - self._entered
            self._entered = None

    def guest(self, now: float) -> float:
        """Seconds the guest has run in this call."""
        return self._before + (0.0 if self._entered is None else now - self._entered)

    def total(self, now: float) -> float:
        """Seconds since the call began."""
        return now - self._started

    def wait_left(self, now: float) -> float | None:
        """Seconds until `call_total` ends a wait that begins now; None for never."""
        total = self._limits.call_total
        return None if total is None else max(self._started + total - now, 0.0)

    def passed(self, now: float) -> Limit | None:
        """The limit that the call has passed, or None."""
        limits = self._limits
        guest = self.guest(now)
        if guest > limits.call:
            return Limit("call", limits.call, round(guest, 6))
        total = self.total(now)
        if limits.call_total is not None and total > limits.call_total:
            return Limit("call_total", limits.call_total, round(total, 6))
        return None


class MemoryAccount:
    """The linear memories of one incarnation together, against `Limits.memory`.

    >>> account = MemoryAccount(Limits(memory=100))
    >>> account.grow(60), account.grow(50), account.grow(35)
    (True, False, True)
    >>> account.used, account.peak, account.nearly_full, account.refused
    (95, 95, True, 110)
    """

    __slots__ = ("limit", "nearly_full", "peak", "refused", "used")

    def __init__(self, limits: Limits) -> None:
        self.limit = limits.memory
        self.used = 0
        self.peak = 0
        self.nearly_full = False  # whether the peak is within a tenth of the limit
        self.refused: int | None = None  # the total that was asked for and refused, if any was

    def grow(self, by: int) -> bool:
        """Take `by` bytes more; False, and nothing taken, if that passes the limit."""
        wanted = self.used + by
        if wanted > self.limit:
            self.refused = wanted
            return False
        self.used = wanted
        self.peak = max(self.peak, wanted)
        self.nearly_full = self.peak >= self.limit * NEARLY
        return True

    def release(self, size: int) -> None:
        """A memory of `size` bytes is gone."""
        self.used -= size


def end_of(trap: Trap, limits: Limits, memory: MemoryAccount, stack: int) -> Trap | Limit:
    """The exit reason of a guest that trapped: `Limit` if the bound was ours.

    `stack` is what the engine gives a guest, in bytes.

    >>> account = MemoryAccount(Limits(memory=100)); _ = account.grow(200)
    >>> end_of(Trap("unreachable", ""), Limits(memory=100), account, 65536)
    Limit(kind='memory', limit=100, used=200, trap='unreachable')
    """
    if trap.kind == "stack overflow":
        return Limit("stack", stack, None, trap.kind)
    if trap.kind == "out of fuel" and limits.fuel is not None:
        return Limit("fuel", limits.fuel, trap.fuel_used, trap.kind)
    if memory.refused is not None:
        return Limit("memory", limits.memory, memory.refused, trap.kind)
    if trap.kind == "other" and trap.message.startswith(_TOO_MUCH_DATA):
        return Limit("payload", limits.payload, None)
    counted = count_of(trap.message) if trap.kind == "other" else None
    if counted is not None:
        kind, used = counted
        return Limit(kind, _most(limits, kind), used)
    return trap


def _most(limits: Limits, kind: LimitKind) -> int:
    if kind == "table elements":
        return MAX_TABLE_ELEMENTS
    if kind == "tables":
        return limits.tables or MOST_TABLES
    return limits.instances or MOST_OF_A_KIND if kind == "instances" else MOST_OF_A_KIND


def _check_count(name: str, value: int, unit: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} must be a whole number of {unit}, not {value!r}")
    if value <= 0:
        raise ValueError(f"{name} must be more than 0 {unit}, not {value}")


def _check_seconds(name: str, value: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{name} must be a number of seconds, not {value!r}")
    if not math.isfinite(value) or value <= 0:
        raise ValueError(f"{name} must be a finite number of seconds above 0, not {value}")
