"""The connection of two nodes over a network that loses, doubles and cuts off.

What must never happen: a body that is delivered twice, out of order, or lost in silence.
What must still happen: all is delivered when nothing is lost, and again once the network is well.
"""

from __future__ import annotations

from collections import deque
from itertools import count

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from airssys_wasm.broker.nodes.node_settings import BEAT, PATIENCE
from airssys_wasm.broker.nodes.peer import Deliver, Lost, Output, Peer, Transmit
from airssys_wasm.broker.nodes.wire import Address, Data, Envelope, Packed, Send, decode, encode

TO = Address("b", "1", 1)


def body(number: int) -> Send:
    return Send(TO, Packed("msgpack", msgspec.msgpack.encode(number)))


class Network:
    """Two peers, and what is on its way between them."""

    def __init__(self) -> None:
        names = count(1)
        self.now = 0.0
        self.peers = {
            node: Peer(node, f"{node}1", lambda: f"s{next(names)}") for node in ("a", "b")
        }
        self.names = names
        self.wires: dict[str, deque[bytes]] = {"a": deque(), "b": deque()}  # to whom
        self.said: dict[str, list[tuple[int, int]]] = {"a": [], "b": []}  # (number, losses before)
        self.heard: dict[str, list[int]] = {"a": [], "b": []}  # what came from a, from b
        self.losses = {"a": 0, "b": 0}

    @staticmethod
    def other(node: str) -> str:
        return "b" if node == "a" else "a"

    def take(self, node: str, outputs: list[Output]) -> None:
        for output in outputs:
            match output:
                case Transmit(envelope):
                    self.wires[self.other(node)].append(encode(envelope))
                case Deliver(said):
                    assert isinstance(said, Send)
                    self.heard[self.other(node)].append(msgspec.msgpack.decode(said.message.data))
                case Lost():
                    self.losses[node] += 1

    def post(self, node: str, number: int) -> None:
        self.said[node].append((number, self.losses[node]))
        self.take(node, self.peers[node].post(body(number), self.now))

    def carry(self, node: str, *, times: int = 1) -> None:
        """The next frame to `node` arrives so often."""
        if self.wires[node]:
            data = self.wires[node].popleft()
            for _ in range(times):
                [envelope] = decode(data) or []
                self.take(node, self.peers[node].receive(envelope, self.now))

    def wait(self, seconds: float) -> None:
        self.now += seconds
        for node, peer in self.peers.items():
            self.take(node, peer.tick(self.now))

    def settle(self) -> None:
        """The network is well, for long."""
        for _ in range(int(4 * PATIENCE / BEAT)):
            while self.wires["a"] or self.wires["b"]:
                self.carry("a")
                self.carry("b")
            self.wait(BEAT)


steps = st.lists(
    st.one_of(
        st.tuples(st.just("post"), st.sampled_from("ab")),
        st.tuples(st.sampled_from(["carry", "lose", "double"]), st.sampled_from("ab")),
        st.tuples(st.just("wait"), st.sampled_from([0.5, BEAT, PATIENCE])),
    ),
    max_size=60,
)


def play(network: Network, script: list[tuple[str, object]]) -> None:
    """Do all that; every second script begins when they have talked already."""
    numbers = count(1)
    if len(script) % 2:
        network.post("a", next(numbers))
        network.settle()
    for what, argument in script:
        match what, argument:
            case "post", str(node):
                network.post(node, next(numbers))
            case "carry", str(node):
                network.carry(node)
            case "double", str(node):
                network.carry(node, times=2)
            case "lose", str(node):
                if network.wires[node]:
                    network.wires[node].popleft()
            case "wait", float(seconds):
                network.wait(seconds)


@given(steps)
def test_nothing_is_delivered_twice_or_out_of_order(script: list[tuple[str, object]]) -> None:
    network = Network()
    play(network, script)
    network.settle()
    for heard in network.heard.values():
        assert heard == sorted(set(heard))


@given(steps)
def test_nothing_is_lost_in_silence(script: list[tuple[str, object]]) -> None:
    network = Network()
    play(network, script)
    network.settle()
    for node, said in network.said.items():
        heard = set(network.heard[node])
        for number, losses in said:
            assert number in heard or network.losses[node] > losses, (node, number)


@given(steps)
def test_after_all_that_a_network_that_is_well_carries_everything(
    script: list[tuple[str, object]],
) -> None:
    network = Network()
    play(network, script)
    network.settle()
    losses = dict(network.losses)
    for node in "ab":
        for number in range(1_000, 1_010):
            network.post(node, number)
    network.settle()
    for node in "ab":
        assert network.heard[node][-10:] == list(range(1_000, 1_010))
    assert network.losses == losses


@settings(max_examples=50)
@given(st.lists(st.sampled_from("ab"), max_size=40))
def test_nothing_is_lost_where_nothing_is_lost(posts: list[str]) -> None:
    network = Network()
    for number, node in enumerate(posts):
        network.post(node, number)
        network.carry("a")
        network.carry("b")
    network.settle()
    assert network.losses == {"a": 0, "b": 0}
    for node in "ab":
        assert network.heard[node] == [number for number, by in enumerate(posts) if by == node]


def test_a_new_life_of_the_other_node_ends_the_connection_once() -> None:
    network = Network()
    network.post("a", 1)
    network.settle()
    network.peers["b"] = Peer("b", "b2", lambda: f"s{next(network.names)}")
    network.post("b", 2)
    network.settle()
    assert network.losses == {"a": 1, "b": 0}
    assert network.heard == {"a": [1], "b": [2]}
    late = Envelope("b", "b1", Data("s2", 5, body(9)))
    assert network.peers["a"].receive(late, network.now) == []


def test_a_node_that_does_not_answer_is_given_up_after_a_while() -> None:
    network = Network()
    network.post("a", 1)
    for _ in range(int(PATIENCE / BEAT) + 1):
        network.wires["b"].clear()
        network.wait(BEAT)
    assert network.losses["a"] == 1
    assert network.peers["a"].phase == "apart"
    network.post("a", 2)
    network.settle()
    assert network.heard["a"] == [2]  # what was given up is not said later


def test_that_the_last_one_was_lost_is_seen_by_the_next_sign_of_life() -> None:
    network = Network()
    network.post("a", 1)
    network.settle()
    network.post("a", 2)
    network.wires["b"].clear()
    network.settle()
    assert network.losses == {"a": 1, "b": 1}
    assert network.heard["a"] == [1]
