"""Why a guest ended: traps of its own and limits of ours, as exit reasons.

Pure. `kind_of` reads the kind from the text of wasmtime's error, since
component errors carry no trap code.

Always:
  - reasons are values: frozen, equal when their fields are, short as `str`;
  - a kind is read from the last line of the text alone. Names that the guest
    chose stand before it, in the backtrace, whatever they contain;
  - an error that a host function of ours returned ends in `HOST_ERROR`, and so
    is never taken for a trap.

Source: wasmtime 50.0.1, `Trap` in `crates/environ/src/trap_encoding.rs` (its
`Display` is the text after `wasm trap: `).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from airssys_wasm.components.engine.guest_text import MAX_GUEST_TEXT, shown

TrapKind = Literal[
    "unreachable",
    "memory out of bounds",
    "table out of bounds",
    "null or bad indirect call",
    "bad signature",
    "integer overflow",
    "division by zero",
    "bad conversion",
    "stack overflow",
    "interrupted",
    "out of fuel",
    "other",
]

LimitKind = Literal[
    "memory",
    "fuel",
    "call",
    "call_total",
    "host_call",
    "payload",
    "stack",
    "instances",
    "tables",
    "memories",
    "table elements",
]

# The version of wasmtime whose texts are in the table; other versions have kept them so far.
TABLE_VERSION = "50.0.1"

KINDS: dict[str, TrapKind] = {
    "wasm `unreachable` instruction executed": "unreachable",
    "out of bounds memory access": "memory out of bounds",
    "undefined element: out of bounds table access": "table out of bounds",
    "uninitialized element": "null or bad indirect call",
    "null reference": "null or bad indirect call",
    "indirect call type mismatch": "bad signature",
    "integer overflow": "integer overflow",
    "integer divide by zero": "division by zero",
    "invalid conversion to integer": "bad conversion",
    "call stack exhausted": "stack overflow",
    "interrupt": "interrupted",
    "all fuel consumed by WebAssembly": "out of fuel",
}

# What our host functions return to make the guest end; the reason itself stays on our side.
HOST_ERROR = "airssys-wasm: the host function ended this call"

_BACKTRACE_HEADER = "error while executing at wasm backtrace:"
_CAUSES = "\n\nCaused by:\n"
_FRAME = re.compile(r"^ *\d+: +")
_NUMBERED_CAUSE = re.compile(r"^ +(?:\d+: )?")
_PREFIX = "wasm trap: "
_TOO_MANY = re.compile(r"resource limit exceeded: (instance|table|memory) count too high at (\d+)")
_TABLE_TOO_LARGE = re.compile(r"table minimum size of (\d+) elements exceeds table limits")
_COUNTED: dict[str, LimitKind] = {
    "instance": "instances",
    "table": "tables",
    "memory": "memories",
}

_UNITS: dict[LimitKind, str] = {
    "memory": " bytes",
    "fuel": "",
    "call": " s",
    "call_total": " s",
    "host_call": " s",
    "payload": " bytes",
    "stack": " bytes",
    "instances": "",
    "tables": "",
    "memories": "",
    "table elements": "",
}


@dataclass(frozen=True, slots=True)
class Trap:
    """The guest did what WebAssembly forbids, or asked to be ended (`unreachable`).

    `wasm_backtrace` is innermost first, at most 20 frames, as text that the
    guest can influence. `fuel_used` is that of the call, None if not counted.

    >>> str(Trap("division by zero", "integer divide by zero"))
    'trap: division by zero'
    """

    kind: TrapKind
    message: str
    wasm_backtrace: tuple[str, ...] = ()
    fuel_used: int | None = None

    def __str__(self) -> str:
        return f"trap: {self.message}" if self.kind == "other" else f"trap: {self.kind}"


@dataclass(frozen=True, slots=True)
class Limit:
    """The guest reached a bound that we set.

    `used` is what it reached or asked for, in the unit of `limit`; None where
    that is not known. `trap` is the trap in which it ended, if it was one.

    >>> str(Limit("memory", 16777216, 16842752, "unreachable"))
    'limit: memory 16777216 bytes'
    >>> str(Limit("call", 0.5, 0.51))
    'limit: call 0.5 s'
    """

    kind: LimitKind
    limit: int | float
    used: int | float | None
    trap: TrapKind | None = None

    def __str__(self) -> str:
        amount = f"{self.limit:g}" if isinstance(self.limit, float) else str(self.limit)
        return f"limit: {self.kind} {amount}{_UNITS[self.kind]}"


def kind_of(text: str) -> TrapKind:
    """The kind of trap that wasmtime's error `text` tells of; `other` for any other error.

    >>> kind_of("error while executing…\\n\\nCaused by:\\n    wasm trap: integer divide by zero\\n")
    'division by zero'
    >>> kind_of("wasm trap: integer divide by zero\\nunknown import")
    'other'
    """
    cause = _last_cause(text)
    return KINDS.get(cause.removeprefix(_PREFIX), "other") if cause.startswith(_PREFIX) else "other"


def is_host_error(text: str) -> bool:
    """Whether the error is one that our own host function returned.

    >>> is_host_error(f"error while executing…\\n\\nCaused by:\\n    {HOST_ERROR}")
    True
    """
    return _last_cause(text) == HOST_ERROR


def count_of(text: str) -> tuple[LimitKind, int] | None:
    """What a component has too many of to begin, and how many it asks for; None for other errors.

    >>> count_of("resource limit exceeded: instance count too high at 4")
    ('instances', 4)
    """
    cause = _last_cause(text)
    if found := _TOO_MANY.fullmatch(cause):
        return _COUNTED[found[1]], int(found[2])
    if found := _TABLE_TOO_LARGE.fullmatch(cause):
        return "table elements", int(found[1])
    return None


def trap_of(text: str, fuel_used: int | None = None) -> Trap:
    """The error `text` of wasmtime as an exit reason, its guest text bounded and escaped.

    >>> trap_of("error while executing at wasm backtrace:\\n    0: 0x47 - m!price\\n\\nCaused by:"
    ...         "\\n    wasm trap: integer divide by zero").wasm_backtrace
    ('0x47 - m!price',)
    """
    message = _last_cause(text).removeprefix(_PREFIX)
    return Trap(kind_of(text), shown(message), _backtrace(text), fuel_used)


def _last_cause(text: str) -> str:
    """The innermost cause, which wasmtime prints last, on one line."""
    # Not splitlines(): it also splits at characters that a name may contain.
    last = text.rstrip("\n").rpartition("\n")[2]
    return _NUMBERED_CAUSE.sub("", last, count=1)


def _backtrace(text: str) -> tuple[str, ...]:
    """The frames, innermost first, together at most `MAX_GUEST_TEXT` bytes."""
    head, header, frames = text.partition(_BACKTRACE_HEADER + "\n")
    if head or not header:
        return ()
    kept: list[str] = []
    room = MAX_GUEST_TEXT
    # The last such mark is wasmtime's own: a name may contain another.
    for line in frames.rpartition(_CAUSES)[0].split("\n"):
        frame = shown(_FRAME.sub("", line, count=1).strip(" "), room)
        room -= len(frame.encode())
        if frame:
            kept.append(frame)
    return tuple(kept)
