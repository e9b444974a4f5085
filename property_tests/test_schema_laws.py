"""Laws of reading tree files: no input gets out of hand, and what is right is read as it stands."""

from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from airssys_wasm.config import Surroundings, TreeConfig, load_text
from airssys_wasm.schema import report
from airssys_wasm.schema.quantities import duration, size
from airssys_wasm.schema.report import excerpt

QUIET = Surroundings()
HERE = Path("/nowhere")

TREE = """\
version: 1
name: shop
strategy: rest_for_one
period: 5s
children:
  - id: prices
    component: prices.wasm
    config: {currency: EUR, list: &x [1, 2.5]}
    limits: {memory: 16MiB, call: 500ms}
    capabilities: {messaging: {send: [store], subscribe: ["orders.*"]}}
    subscribe: [orders.created]
  - id: store
    actor: shop.store:Store
    args: {path: "orders.db", more: *x}
    significant: true
    restart: transient
  - id: workers
    supervisor: {strategy: one_for_all, children: [{id: a, actor: "a:b"}]}
"""
SIGNS = list("-[]{}:,?|>'\"#%@ \t\n\ufeff\x85é日🙂")
KEYS = """
    version name children id actor component supervisor args config limits mailbox subscribe
    restart permanent 5s 16MiB null true no 010 1e999 .nan ${X} ${X:-y} <<: *a &a !t !!int --- ...
"""
WORDS = st.sampled_from([*SIGNS, "\n  ", *KEYS.split()])


def check(data: bytes) -> TreeConfig | None:
    """Read it, and see that the result is in order whatever it is."""
    loaded = load_text("t.yaml", data, HERE, surroundings=QUIET)
    assert (loaded.config is None) == bool(loaded.errors)
    assert len(loaded.problems) <= 2_500
    lines = report(loaded.problems)
    assert all(character.isprintable() or character == "\n" for character in lines)
    for problem in loaded.problems:
        assert problem.line >= 1
        assert problem.column >= 1
        assert problem.message
        assert all(len(line) < 400 for line in excerpt(problem))
    return loaded.config


@given(st.binary(max_size=300))
@example(b"\xff\xfe\x00")
@example(b'"\\UFFFFFFFF"')
@example(b"? " * 5000)
@example(b"[" * 5000)
@example(b"a: !!int 'x'\n&a *a")
@example(b"- &a a\n- *a : *a\n")
def test_any_bytes_give_a_tree_or_problems(data: bytes) -> None:
    check(data)


@given(st.lists(WORDS, max_size=60).map("".join), st.booleans())
def test_any_heap_of_yaml_words_gives_a_tree_or_problems(text: str, below: bool) -> None:
    check((TREE + text if below else text).encode())


@given(st.data())
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_a_tree_file_with_pieces_replaced_gives_a_tree_or_problems(data: st.DataObject) -> None:
    text = TREE
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 12)))
        text = text[:start] + data.draw(WORDS) + text[end:]
    check(text.encode())


@given(st.text(max_size=20), st.sampled_from(["name", "intensity", "children", "children.0", ""]))
def test_any_option_of_the_command_line_gives_a_tree_or_problems(value: str, path: str) -> None:
    option = f"{path}={value}"
    loaded = load_text("t.yaml", TREE.encode(), HERE, sets=(option,), surroundings=QUIET)
    assert (loaded.config is None) == bool(loaded.errors)
    report(loaded.problems)


def test_the_file_that_is_changed_here_is_right() -> None:
    assert check(TREE.replace("    significant: true\n", "").encode()) is not None


@given(st.integers(0, 10**6), st.sampled_from(["us", "ms", "s", "m", "h", "d"]))
def test_what_is_a_duration_stays_one_when_it_grows(number: int, unit: str) -> None:
    one = duration(f"1{unit}")
    assert one is not None
    found = duration(f"{number}{unit}")
    if number * one <= 1e9:
        assert found is not None
        assert abs(found - number * one) <= 1e-6 * max(1.0, found)
    else:
        assert found is None


@given(st.text(max_size=12))
def test_durations_and_sizes_are_refused_or_finite(text: str) -> None:
    assert 0 <= (duration(text) or 0) <= 1e9
    assert 0 <= (size(text) or 0) < 2**63
