"""Guests that do anything at all with WASI: handles that they made up, dropped, lent twice or that
are of another kind, lists of them, and lengths without sense. Made from chance alone.
"""

from __future__ import annotations

import random
import re

from tests.guests import wasi
from tests.guests.hostile import NUMBERS, WIDE

_HANDLES = 3  # locals that hold what a call has returned, which is often a handle

_CALLS = [(name, kind) for *_, name, kind in wasi.USED]
_CALLS += [(name, "(param i32)") for name in wasi.DROPS] * 2


def guest(chance: random.Random) -> bytes:
    """A component of the world that imports WASI."""
    locals_ = "".join(f"(local $h{n} i32)" for n in range(_HANDLES)) + "(local $n i32)"
    return wasi.of_message(f"{locals_} {_statements(chance)} (call $ok)")


def _statements(chance: random.Random) -> str:
    text = "".join(_call(chance) for _ in range(chance.randrange(1, 12)))
    if chance.random() < 0.1:
        text += f"""(loop $again {_call(chance)}
          (local.set $n (i32.add (local.get $n) (i32.const 1)))
          (br_if $again (i32.lt_u (local.get $n) (i32.const {chance.choice((2, 100, 3000))}))))"""
    return text


def _call(chance: random.Random) -> str:
    name, kind = chance.choice(_CALLS)
    params = re.findall(r"i32|i64", (re.search(r"param ([^)]*)", kind) or [""])[0])
    call = f"(call ${name} {' '.join(_argument(chance, of) for of in params)})"
    if "result i64" in kind:
        return f"(drop {call})"
    if "result" not in kind:
        return call
    if chance.random() < 0.3:  # where a list of handles may be read
        return f"(i32.store (i32.const {chance.choice((1024, 1028, 1032))}) {call})"
    return f"(local.set $h{chance.randrange(_HANDLES)} {call})"


def _argument(chance: random.Random, kind: str) -> str:
    if kind == "i64":
        return f"(i64.const {chance.choice(WIDE)})"
    if chance.random() < 0.6:
        return f"(local.get $h{chance.randrange(_HANDLES)})"
    return f"(i32.const {chance.choice((1, 2, 3, 1024, 1028, *NUMBERS))})"
