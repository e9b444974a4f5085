"""What is retained, on nodes that hear of it in any order, some of it twice.

What must never happen: two nodes that have heard the same hold something else; what was retained or
forgotten before comes back.
What must still happen: who publishes or forgets has the last word over all that it has seen.
"""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import given

from airssys_wasm.broker.delivery import Published
from airssys_wasm.broker.retained import Kept, Retained

NODES = ("a", "b", "c")
TOPICS = ("x", "y")

steps = st.lists(
    st.tuples(
        st.sampled_from(NODES),
        st.sampled_from(TOPICS),
        st.sampled_from(["keep", "forget", "hear"]),
        st.floats(0, 3),  # clocks of nodes differ
        st.randoms(use_true_random=False),
    ),
    max_size=40,
)


def holds(retained: Retained) -> dict[str, tuple[object, object]]:
    return {kept.topic: (kept.stamp, kept.published) for kept in retained}


@given(steps)
def test_all_who_have_heard_the_same_hold_the_same(
    script: list[tuple[str, str, str, float, object]],
) -> None:
    nodes = {node: Retained() for node in NODES}
    said: list[Kept] = []
    for number, (node, topic, what, clock, chance) in enumerate(script):
        if what == "hear":
            if said:
                nodes[node].take(chance.choice(said))  # type: ignore[attr-defined]
            continue
        before = [kept.stamp for kept in nodes[node]]
        published = Published(topic, number) if what == "keep" else None
        kept = nodes[node].keep(topic, published, clock, node)
        said.append(kept)
        assert all(kept.stamp > stamp for stamp in before), "the last word is not above all it saw"
        assert holds(nodes[node])[topic] == (kept.stamp, published)
        assert [m.message for m in nodes[node].matching(topic)] == (
            [number] if published is not None else []
        )
    assert len({kept.stamp for kept in said}) == len(said)
    for retained in nodes.values():
        for kept in reversed(said):
            retained.take(kept)
    assert holds(nodes["a"]) == holds(nodes["b"]) == holds(nodes["c"])
    latest = {
        topic: max((k.stamp for k in said if k.topic == topic), default=None) for topic in TOPICS
    }
    assert {topic: stamp for topic, (stamp, _) in holds(nodes["a"]).items()} == {
        topic: stamp for topic, stamp in latest.items() if stamp is not None
    }
    for retained in nodes.values():
        assert len(retained) == sum(kept.published is not None for kept in retained)
        assert len(retained.matching("*")) == len(retained)
        assert not any(retained.take(kept) for kept in said), "old news is news again"
