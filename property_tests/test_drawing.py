"""Pictures of random trees: no box on another, none off the page, no text out of its quotes."""

from __future__ import annotations

import re
from itertools import combinations, islice
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from airssys_wasm.config.drawing.dot import dot
from airssys_wasm.config.drawing.layout import Box, Panel, lay_out
from airssys_wasm.config.drawing.picture import KINDS, MARK_WORDS, Node
from airssys_wasm.config.drawing.svg import svg

TEXTS = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        ['"><script>alert(1)</script>', "]]>", "&amp;", "\\", '\\"', "\x00\x1b[2J", "a\nb"]
    ),
)
LEAVES = st.builds(
    Node,
    title=TEXTS,
    kind=st.sampled_from(KINDS[1:]),
    about=TEXTS,
    marks=st.lists(st.sampled_from(list(MARK_WORDS)), unique=True, max_size=3).map(tuple),
    notes=st.lists(TEXTS, max_size=2).map(tuple),
)


def supervisors(children: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    runs = st.tuples(children, st.integers(1, 30)).map(lambda pair: (pair[0],) * pair[1])
    return st.builds(
        Node,
        title=TEXTS,
        kind=st.just("supervisor"),
        about=TEXTS,
        strategy=st.sampled_from(["one_for_one", "rest_for_one", "one_for_all"]),
        children=st.lists(runs, max_size=4).map(lambda lists: sum(lists, ())[:60]),
    )


def is_small(root: Node) -> bool:
    return sum(1 for _ in islice(root.walk(), 1_001)) <= 1_000


TREES = supervisors(st.recursive(LEAVES, supervisors, max_leaves=6)).filter(is_small)


@given(TREES)
def test_no_box_lies_on_another_and_all_are_on_the_page(root: Node) -> None:
    page = lay_out(root)
    assert len(page.boxes) == len(list(root.walk()))
    boxes: list[Box | Panel] = [*page.boxes, *page.panels]
    for box in boxes:
        assert 0 <= box.x < box.x + box.width <= page.width
        assert 0 <= box.y < box.y + box.height <= page.height
    for one, other in combinations(page.boxes[:300], 2):
        apart_x = one.x + one.width <= other.x or other.x + other.width <= one.x
        apart_y = one.y + one.height <= other.y or other.y + other.height <= one.y
        assert apart_x or apart_y


@given(TREES)
def test_svg_is_xml_in_which_every_text_is_only_text(root: Node) -> None:
    tree = ElementTree.fromstring(svg(root))
    tags = {element.tag.rpartition("}")[2] for element in tree.iter()}
    assert tags <= {"svg", "g", "title", "style", "rect", "text", "path"}
    attributes = {name for element in tree.iter() for name in element.attrib}
    assert not [name for name in attributes if name.startswith("on") or "href" in name]
    titles = [element for element in tree.iter() if element.tag.endswith("}title")]
    assert len(titles) == 1 + len(list(root.walk()))  # each box has its whole text


@given(TREES)
def test_dot_has_a_node_for_each_child_and_no_text_leaves_its_quotes(root: Node) -> None:
    text = dot(root)
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', '""', text)
    assert '"' not in bare.replace('""', "")
    assert len(re.findall(r"^  n\d+ \[label=\"\",", bare, re.MULTILINE)) == len(list(root.walk()))
    assert bare.count("->") == len(list(root.walk())) - 1
    assert bare.count("{") == bare.count("}") == 2
