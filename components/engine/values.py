"""What WIT values look like in Python.

Always:
  - both paths of the engine give and take exactly these, so that a caller
    can't tell which path runs;
  - `list<u8>` is `bytes` (and any bytes-like where one is given), `string` and
    `char` are `str`, other lists are `list`, tuples and records are plain
    tuples (a record in field order); integers are in range or refused;
  - `option` is None or the value itself, an enum the name of its case,
    flags a frozenset of names;
  - variants and results are the three values below, so that `err` can never
    be mistaken for `ok`, whatever they carry.

Source: Component Model, "Canonical ABI", sections on values and types.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Variant:
    """One case of a variant, with its payload; None if the case has none.

    >>> Variant("delivery-failed", "noproc")
    Variant(case='delivery-failed', payload='noproc')
    """

    case: str
    payload: object = None


@dataclass(frozen=True, slots=True)
class Ok:
    """The `ok` side of a result; `value` is None for `result<_, …>`.

    >>> Ok(b"reply")
    Ok(value=b'reply')
    """

    value: object = None


OK = Ok()
"""Without a value: what is read is always this one."""


@dataclass(frozen=True, slots=True)
class Err:
    """The `err` side of a result; `value` is None for `result<…, _>` and `result`.

    >>> Err(Variant("queue-full"))
    Err(value=Variant(case='queue-full', payload=None))
    """

    value: object = None


def as_bytes(value: object) -> bytes:
    """The bytes of anything bytes-like. Raises TypeError for what is none.

    >>> as_bytes(bytearray(b"abc")), as_bytes(memoryview(b"abc")[1:])
    (b'abc', b'bc')
    """
    if isinstance(value, bytes):
        return value
    try:
        return bytes(memoryview(value))  # type: ignore[arg-type]  # raises for what is no buffer
    except TypeError:
        raise TypeError(f"expected bytes, not {type(value).__name__}") from None
