"""What goes to a node together: all, once, in its order, in frames that are not too large."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from airssys_wasm.broker.nodes.outbox import FULL, Outbox
from airssys_wasm.broker.nodes.wire import HEADER, Address, Data, Packed, Send, decode, encode_part

MOST = 4_096

sizes = st.lists(st.integers(0, MOST - HEADER - 100), max_size=40)


def part(number: int, size: int) -> Data:
    body = Send(Address("b", "b1", 7), Packed("raw", b"x" * size))
    return Data("s", number, body)


@given(sizes, st.sampled_from([MOST, FULL * 2]))
def test_all_parts_leave_once_and_in_their_order(sizes: list[int], most: int) -> None:
    outbox = Outbox("a", "a1")
    parts = [part(number, size) for number, size in enumerate(sizes, 1)]
    frames = [frame for each in parts if (frame := outbox.put(each, most)) is not None]
    last = outbox.take()
    frames += [last] if last is not None else []
    assert outbox.take() is None
    envelopes = [envelope for frame in frames for envelope in decode(frame) or []]
    assert [envelope.part for envelope in envelopes] == parts
    assert {(envelope.node, envelope.life) for envelope in envelopes} <= {("a", "a1")}


@given(sizes)
def test_no_frame_of_parts_that_fit_is_too_large(sizes: list[int]) -> None:
    outbox = Outbox("a" * 255, "\U0001f600" * 255)
    frames = [outbox.put(part(number, size), MOST) for number, size in enumerate(sizes, 1)]
    assert all(len(frame) <= MOST for frame in [*frames, outbox.take()] if frame is not None)


@given(sizes)
def test_parts_share_a_frame_where_they_can(sizes: list[int]) -> None:
    outbox = Outbox("a", "a1")
    parts = [part(number, size) for number, size in enumerate(sizes, 1)]
    frames = sum(outbox.put(each, MOST) is not None for each in parts)
    if parts:  # two neighbouring frames are together more than one could hold
        total = sum(len(encode_part(each)) for each in parts)
        assert frames <= 2 * total // (MOST - HEADER)
