"""Values over the network come as they were, by each codec; damaged and hostile frames do no harm.

What must never happen: an exception of the codecs other than theirs, a value that changes, a node
that falls. What must still happen: all that may be sent arrives, and good frames behind bad ones.
"""

from __future__ import annotations

import asyncio
import dataclasses
import enum
import logging
from contextlib import suppress
from itertools import count
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from airssys_wasm import Actor
from airssys_wasm.broker.engine import Carried
from airssys_wasm.broker.errors import NotDecodable, NotEncodable
from airssys_wasm.broker.local_engine import LocalHub
from airssys_wasm.broker.nodes import wire
from airssys_wasm.broker.nodes.codecs import CodecName, Codecs
from airssys_wasm.broker.nodes.node import Node
from airssys_wasm.broker.nodes.node_settings import NodeSettings
from airssys_wasm.broker.nodes.values import Registry, Values
from airssys_wasm.kernel import Kernel
from airssys_wasm.kernel.reasons import Error, Frame


@dataclasses.dataclass(frozen=True)
class Point:
    x: Any
    y: Any = None


class Colour(enum.Enum):
    RED = "red"
    BLUE = 2


class Line(msgspec.Struct, frozen=True):
    ends: Any


VALUES = Values(Registry((Point, Colour, Line, Error, Frame)), (), list, lambda given: given)
GENERAL: tuple[CodecName, ...] = ("msgpack", "json", "cbor")

plain = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(),
    st.binary(),
    st.dates(),
    st.times(),
    st.datetimes(),
    st.timedeltas(),
    st.decimals(allow_nan=False),
    st.uuids(),
    st.sampled_from(Colour),
)
hashable = st.one_of(st.integers(), st.text(), st.binary(), st.booleans())
anything = st.recursive(
    plain,
    lambda inner: st.one_of(
        st.lists(inner),
        st.lists(inner).map(tuple),
        st.dictionaries(st.text() | st.just("$"), inner),
        st.dictionaries(hashable | st.tuples(hashable), inner),
        st.sets(hashable),
        st.frozensets(hashable),
        st.builds(Point, inner, inner),
        st.builds(Line, inner),
        st.builds(Error, st.text(), st.text(), st.just((Frame("f", 1, "g"),))),
    ),
    max_leaves=15,
)


@pytest.mark.parametrize("name", GENERAL)
@given(value=anything)
def test_a_value_comes_as_it_was(name: CodecName, value: Any) -> None:
    codecs = Codecs(VALUES, name)
    packed = codecs.message(value)
    assert packed.codec == name
    back = Codecs(VALUES).unpacked(packed)  # whatever the reader writes itself
    assert back == value
    assert type(back) is type(value)


@given(st.binary() | st.text().map(str.encode), st.sampled_from([*GENERAL, "raw", "pickle", ""]))
def test_random_bytes_are_a_value_or_not_decodable(data: bytes, name: str) -> None:
    codecs = Codecs(VALUES)
    with suppress(NotDecodable):
        codecs.unpacked(wire.Packed(name, data))


@given(st.data(), anything, st.sampled_from(GENERAL))
def test_a_damaged_value_is_another_value_or_not_decodable(
    data: st.DataObject, value: Any, name: CodecName
) -> None:
    codecs = Codecs(VALUES, name)
    good = bytearray(codecs.message(value).data)
    for _ in range(data.draw(st.integers(1, 3))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(good)))
    with suppress(NotDecodable):
        codecs.unpacked(wire.Packed(name, bytes(good[:cut] if cut % 2 else good)))


@pytest.mark.parametrize("name", GENERAL)
def test_what_is_deep_or_without_end_is_refused(name: CodecName) -> None:
    codecs = Codecs(VALUES, name)
    deep: Any = 0
    for _ in range(200):
        deep = [deep]
    with pytest.raises(NotEncodable, match="values deep"):
        codecs.message(deep)
    with pytest.raises(NotEncodable, match="str"):
        codecs.message("\ud800")  # no text that could be written


def test_a_class_that_is_not_registered_is_refused_on_either_side() -> None:
    with pytest.raises(NotEncodable, match="Frame can't be sent"):
        Codecs(Values(Registry(), (), list, list)).message(Frame("f", 1, "g"))
    packed = Codecs(VALUES).message(Point(1))
    with pytest.raises(NotDecodable, match="'Point' is not registered here"):
        Codecs(Values(Registry(), (), list, list)).unpacked(packed)


@pytest.mark.parametrize(
    ("given", "error", "match"),
    [
        ((int,), TypeError, "int"),
        ((lambda: 1,), TypeError, "lambda"),
        ({"Point": Colour, "P": Point}, None, ""),
    ],
)
def test_what_can_be_registered(given: Any, error: type[Exception] | None, match: str) -> None:
    if error is None:
        registry = Registry(given)
        assert registry.names == {Colour: "Point", Point: "P"}
        with pytest.raises(ValueError, match="is the name of"):
            Registry(given, (Point,), {"Point": Point})
    else:
        with pytest.raises(error, match=match):
            Registry(given)


# --- frames


class Echo(Actor[Any]):
    def receive(self, message: Any) -> Any:
        return message


def frames() -> st.SearchStrategy[bytes]:
    """Frames as a stranger could make them: right in form, and wrong in any other way."""
    names = st.sampled_from(["a", "b", "x", "no node", "", ">", "*"])
    lives = st.sampled_from(["", "00000001-", "ffffffff-x", "@name", "@", "@normal"])
    addresses = st.builds(wire.Address, names, lives, st.integers(-1, 3))
    packed = st.builds(
        wire.Packed,
        st.sampled_from(["msgpack", "json", "cbor", "raw", "x"]),
        st.binary(max_size=8) | anything.map(lambda value: Codecs(VALUES).message(value).data),
    )
    number = st.integers(-1, 3)
    body = st.one_of(
        st.builds(wire.Send, addresses, packed, number, st.none() | st.floats()),
        st.builds(wire.Ask, addresses, number, packed, number, st.none() | st.floats()),
        st.builds(wire.Put, addresses, number, packed, number, st.none() | st.floats()),
        st.builds(wire.GiveUp, number),
        st.builds(
            wire.Answer, number, st.sampled_from(["value", "error", "exited", "full"]), packed
        ),
        st.builds(wire.Watch, addresses),
        st.builds(wire.Bound, addresses, addresses),
        st.builds(wire.Gone, addresses, packed),
        st.builds(wire.Link, addresses, addresses),
        st.builds(wire.Unlink, addresses, addresses),
        st.builds(wire.Unlinked, addresses, addresses),
        st.builds(
            wire.Signal,
            addresses,
            st.none() | addresses,
            packed,
            st.sampled_from(["stop", "exit", "kill"]),
        ),
        st.builds(wire.WhoIs, st.text(max_size=5), number),
        st.builds(wire.Said, st.text(max_size=5), packed),
    )
    stream = st.sampled_from(["", "s", "t"])
    part = st.one_of(
        st.builds(wire.Hello, stream),
        st.builds(wire.Welcome, stream, stream),
        st.builds(wire.Data, stream, st.integers(0, 4), body),
        st.builds(wire.Beat, stream, number),
        st.builds(wire.Reset, stream, st.text(max_size=3)),
        st.builds(wire.Here),
    )
    return st.builds(wire.Envelope, names, lives, part).map(wire.encode)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.binary() | frames(), max_size=30), st.booleans())
def test_whatever_comes_to_a_node_it_goes_on(bad: list[bytes], talking: bool) -> None:
    surprises = Surprises()
    logger = logging.getLogger("airssys_wasm")
    logger.addHandler(surprises)
    try:
        asyncio.run(bombarded(bad, talking=talking))
    finally:
        logger.removeHandler(surprises)
    assert surprises.found == []


class Surprises(logging.Handler):
    """Errors that nobody thought of: they are caught and logged, and should not be there."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info:
            self.found.append(f"{record.getMessage()}: {record.exc_info[1]!r}")


async def bombarded(bad: list[bytes], *, talking: bool) -> None:
    hub = LocalHub()
    async with Kernel("a", slow_after=None) as one, Kernel("b", slow_after=None) as other:
        a = Node(one, hub.engine(), NodeSettings("a", announce=0.02))
        b = Node(other, hub.engine(), NodeSettings("b", announce=0.02))
        await a.open()
        if talking:  # a stream of the stranger's that is right, so that bodies are heard
            hello = wire.Envelope("x", "00000009-", wire.Hello("s"))
            a._carried(Carried("node.a", wire.encode(hello)))
            numbers = count(1)
            for place, data in enumerate(bad):
                part = next((each.part for each in wire.decode(data) or ()), None)
                if isinstance(part, wire.Data):
                    said = wire.Data("s", next(numbers), part.body)
                    bad[place] = wire.encode(wire.Envelope("x", "00000009-", said))
        for data in bad:
            a._carried(Carried("node.a", data))
        if not a.is_open:  # somebody said that it has a later life: that is what a namesake does
            return
        await b.open()
        while a.nodes().count("b") + b.nodes().count("a") < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
        echo = a.from_text(b.text(other.spawn(Echo)))
        assert await echo.request("still there") == "still there"
        await b.close()
        await a.close()
