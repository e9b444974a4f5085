"""What `plan` says of two trees: who is kept, changed, restarted, added or removed, and why."""

from pathlib import Path

import pytest

from airssys_wasm.config import Loaded, Surroundings, TreeConfig
from airssys_wasm.config.difference import ChildChange, Difference, Tree, binaries, difference
from airssys_wasm.config.loading import load_text
from airssys_wasm.config.transition import Step, after, steps

HEAD = "version: 1\nname: shop\n"
BASE = """
children:
  - {id: store, actor: "shop:Store", args: {path: a.db, rows: 5}}
  - {id: prices, component: prices.wasm, limits: {memory: 16MiB}}
  - id: jobs
    supervisor:
      children:
        - {id: one, actor: "shop:Job", restart: transient}
        - {id: two, actor: "shop:Job"}
"""


def config(text: str) -> TreeConfig:
    loaded: Loaded = load_text(
        "tree.yaml", (HEAD + text).encode(), Path(), surroundings=Surroundings()
    )
    assert loaded.config is not None, loaded.problems
    return loaded.config


def compare(old: str, new: str) -> Difference:
    return difference(Tree(config(old)), Tree(config(new)))


def edited(*edits: tuple[str, str]) -> Difference:
    """The difference that these replacements in BASE make."""
    text = BASE
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    return compare(BASE, text)


def of(found: Difference, path: str) -> ChildChange:
    return next(change for change in found.walk() if "/".join(change.path) == path)


def actions(found: Difference) -> dict[str, str]:
    return {"/".join(change.path): change.action for change in found.walk()}


def in_words(found: Difference) -> list[str]:
    return [str(step) for step in steps(found)]


def test_a_tree_and_itself_have_no_difference() -> None:
    found = compare(BASE, BASE)
    assert found.is_empty
    assert set(actions(found).values()) == {"kept"}
    assert steps(found) == ()


@pytest.mark.rule("UPG-01")
@pytest.mark.parametrize(
    ("setting", "told"),
    [
        ("restart: temporary", "restart: permanent → temporary"),
        ("shutdown: 250ms", "shutdown: 5s → 250ms"),
        ("shutdown: brutal_kill", "shutdown: 5s → brutal_kill"),
        ("start_timeout: 1m", "start_timeout: infinity → 1m"),
    ],
)
def test_what_only_the_supervisor_uses_changes_in_place(setting: str, told: str) -> None:
    found = edited(('Store", ', f'Store", {setting}, '))
    store = of(found, "store")
    assert (store.action, store.why) == ("changed", (told,))
    assert in_words(found) == ["reconfigure the root"]


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (("shop:Store", "shop:Shelf"), "actor: shop:Store → shop:Shelf"),
        (("path: a.db", "path: b.db"), "args.path: a.db → b.db"),
        ((", rows: 5", ""), "args.rows: 5 → not there"),
        (("rows: 5", "rows: 5, fast: true"), "args.fast: not there → true"),
        (("rows: 5", "rows: '5'"), 'args.rows: 5 → "5"'),
        (("id: store,", "id: store, name: shelf,"), "name: store → shelf"),
        (("id: store,", "id: store, mailbox: {capacity: 9},"), "mailbox.capacity: null → 9"),
        (("id: store,", 'id: store, subscribe: ["a.*"],'), "subscribe: [] → [a.*]"),
    ],
)
def test_what_the_actor_itself_uses_needs_a_restart(edit: tuple[str, str], told: str) -> None:
    found = edited(edit)
    store = of(found, "store")
    assert (store.action, store.why) == ("restarted", (told,))
    assert in_words(found) == ["reconfigure the root", "stop store", "start store"]


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        (("16MiB", "32MiB"), "limits.memory: 16MiB → 32MiB"),
        (("prices.wasm,", "prices.wasm, codec: json,"), "codec: raw → json"),
        (("prices.wasm,", "prices.wasm, config: {a: 1},"), "config: null → {a: 1}"),
        (
            ("prices.wasm,", "prices.wasm, capabilities: {messaging: {send: [store]}},"),
            "capabilities.messaging.send: [] → [store]",
        ),
        (
            ("prices.wasm,", "prices.wasm, capabilities: {storage: {quota: 1MiB}},"),
            "capabilities.storage: null → {quota: 1MiB}",
        ),
    ],
)
def test_what_a_component_is_given_needs_a_restart(edit: tuple[str, str], told: str) -> None:
    assert of(edited(edit), "prices").why == (told,)
    assert of(edited(edit), "prices").action == "restarted"


def test_a_component_with_another_binary_is_restarted() -> None:
    tree = config(BASE)
    old, new = Tree(tree, {("prices",): "ab" * 32}), Tree(tree, {("prices",): "cd" * 32})
    prices = of(difference(old, new), "prices")
    assert prices.action == "restarted"
    assert prices.why == ("its binary: sha256:abababababab → sha256:cdcdcdcdcdcd",)
    assert difference(old, old).is_empty


@pytest.mark.rule("UPG-03")
def test_the_flags_of_a_supervisor_change_in_place() -> None:
    found = compare(BASE, "intensity: 7\nperiod: 90s" + BASE)
    told = [str(change) for change in found.fields]
    assert told == ["intensity: 1 → 7", "period: 5s → 1m30s"]
    assert set(actions(found).values()) == {"kept"}
    assert in_words(found) == ["reconfigure the root"]
    inner = edited(("supervisor:\n", "supervisor:\n      intensity: 7\n"))
    assert of(inner, "jobs").action == "changed"
    assert in_words(inner) == ["reconfigure the root", "reconfigure jobs"]


def test_added_and_removed_children_are_started_and_forgotten() -> None:
    found = edited(("id: two", "id: three"))
    assert actions(found) == {
        "store": "kept",
        "prices": "kept",
        "jobs": "kept",
        "jobs/one": "kept",
        "jobs/three": "added",
        "jobs/two": "removed",
    }
    assert in_words(found) == [
        "reconfigure the root",
        "reconfigure jobs",
        "stop jobs/two",
        "forget jobs/two",
        "start jobs/three",
    ]


def test_a_child_under_another_supervisor_is_removed_there_and_added_here() -> None:
    two = '        - {id: two, actor: "shop:Job"}\n'
    found = edited((two, '  - {id: two, actor: "shop:Job"}\n'))
    assert of(found, "two").why == ("it moves here from 'jobs'",)
    assert of(found, "jobs/two").why == ("it moves to the root",)
    order = in_words(found)
    assert order.index("forget jobs/two") < order.index("start two")


def test_another_order_of_children_is_a_change_of_their_supervisor() -> None:
    one, two = '{id: one, actor: "a:B"}', '{id: two, actor: "a:B"}'
    found = compare(f"children: [{one}, {two}]", f"children: [{two}, {one}]")
    assert [str(change) for change in found.fields] == ["order of children: one, two → two, one"]
    assert set(actions(found).values()) == {"kept"}


def test_a_child_of_another_kind_is_restarted_with_all_that_was_below_it() -> None:
    jobs = BASE[BASE.index("    supervisor:") :]
    found = edited((jobs, '    actor: "shop:Jobs"\n'))
    assert of(found, "jobs").action == "restarted"
    assert of(found, "jobs").why == ("it was a supervisor and becomes an actor",)
    assert in_words(found) == ["reconfigure the root", "stop jobs", "start jobs"]


def test_a_restarted_supervisor_takes_its_children_along() -> None:
    found = edited(("- id: jobs\n", "- id: jobs\n    name: null\n"))
    assert actions(found)["jobs/one"] == "restarted"
    assert of(found, "jobs/one").why == ("its supervisor is restarted",)
    assert in_words(found) == ["reconfigure the root", "stop jobs", "start jobs"]


def children(strategy: str, b: str) -> str:
    abc = (f"{{id: {id}, actor: {'m:' + b if id == 'b' else 'm:X'}}}" for id in "abc")
    return f"strategy: {strategy}\nchildren: [{', '.join(abc)}]"


@pytest.mark.parametrize(
    ("strategy", "restarted"),
    [("one_for_one", "b"), ("rest_for_one", "bc"), ("one_for_all", "abc")],
)
def test_a_restart_takes_those_along_whom_the_strategy_names(strategy: str, restarted: str) -> None:
    found = compare(children(strategy, "B"), children(strategy, "C"))
    told = [id for id, action in actions(found).items() if action == "restarted"]
    assert "".join(told) == restarted
    stops = [f"stop {id}" for id in reversed(restarted)]
    starts = [f"start {id}" for id in restarted]
    assert in_words(found) == ["reconfigure the root", *stops, *starts]


def test_a_tree_on_several_nodes_is_changed_by_new_runs_only() -> None:
    engine = "engine: {nats: {servers: 'nats://127.0.0.1:4222', user: shop, password: old}}"
    tree = engine + BASE
    assert compare(tree, tree).is_empty
    found = compare(tree, tree.replace("rows: 5", "rows: 6"))
    assert len(found.refused) == 1
    assert "runs on several nodes" in found.refused[0]
    found = compare(tree, tree.replace("password: old", "password: new"))
    assert found.refused == ("engine: only a new run can change this",)  # and no secret is shown
    assert compare(BASE, tree).refused == ("engine: only a new run can change this",)


def test_what_belongs_to_the_whole_system_is_refused() -> None:
    found = compare(BASE, "components: {path: slow}" + BASE)
    assert found.refused == ("components.path: auto → slow: only a new run can change this",)
    assert not found.is_empty
    assert steps(found) == ()


def test_names_are_free_before_others_take_them() -> None:
    a, b = '{id: a, name: x, actor: "m:A"}', '{id: b, name: y, actor: "m:A"}'
    swapped = f"children: [{a}, {b}]".replace("x", "z").replace("y", "x").replace("z", "y")
    found = compare(f"children: [{a}, {b}]", swapped)
    assert in_words(found) == ["reconfigure the root", "stop b", "stop a", "start a", "start b"]


def test_what_may_be_a_secret_is_not_shown() -> None:
    old, new = "{pw: 1, api_key: abc, n: 1}", "{pw: 1, api_key: xyz, n: 2}"
    found = edited(("{path: a.db, rows: 5}", old))
    assert "abc" not in str(of(found, "store").why)
    found = compare(
        f'children: [{{id: a, actor: "m:A", args: {old}}}]',
        f'children: [{{id: a, actor: "m:A", args: {new}}}]',
    )
    assert of(found, "a").why == ("args.api_key: (hidden) → (hidden)", "args.n: 1 → 2")
    found = edited(("limits:", "env: {HOME: /root}, limits:"))
    assert of(found, "prices").why == ("env.HOME: (hidden) → (hidden)",)


# -- when only part of it was done ------------------------------------------------------------


def test_a_child_that_was_stopped_and_not_started_is_restarted_by_the_next_change() -> None:
    old, new = Tree(config(BASE)), Tree(config(BASE.replace("a.db", "b.db")))
    first = difference(old, new)
    left = after(old, new, first, steps(first)[:-1])
    assert left.failed == {("store",)}
    again = difference(left, Tree(old.config))
    assert of(again, "store").action == "restarted"
    assert of(again, "store").why == ("it could not be started when it was changed before",)
    done = after(left, old, again, steps(again))
    assert (done.config, done.failed) == (old.config, frozenset())


def test_nothing_done_leaves_the_old_tree_and_all_done_the_new_one() -> None:
    old, new = Tree(config(BASE)), Tree(config(BASE.replace("two", "three")))
    found = difference(old, new)
    assert after(old, new, found, ()) == old
    assert after(old, new, found, steps(found)) == new
    stopped = after(old, new, found, [Step("stop", ("jobs", "two"))])
    assert stopped == Tree(old.config, failed=frozenset({("jobs", "two")}))


# -- pools and dynamic supervisors --------------------------------------------------------


@pytest.mark.rule("UPG-06")
def test_the_template_of_a_dynamic_supervisor_changes_in_place() -> None:
    old = 'children: [{id: d, dynamic: {actor: "m:A", max_children: 5, args: [1]}}]'
    found = compare(old, old.replace("5", "9").replace("[1]", "[2]"))
    assert of(found, "d").action == "changed"
    assert of(found, "d").why == (
        "dynamic.args[0]: 1 → 2",
        "dynamic.max_children: 5 → 9",
        "the children that it has go on as they were started",
    )
    assert in_words(found) == ["reconfigure the root", "reconfigure d"]


def test_a_pool_is_restarted_as_a_whole() -> None:
    old = 'children: [{id: p, pool: {actor: "m:A", size: 2}}]'
    found = compare(old, old.replace("2", "3"))
    assert of(found, "p").why == ("pool.size: 2 → 3",)
    assert in_words(found) == ["reconfigure the root", "stop p", "start p"]


def test_the_binaries_of_pools_and_dynamic_supervisors_are_looked_at() -> None:
    pool, dynamic = "{component: a.wasm, size: 2}", "{component: a.wasm}"
    tree = config(f"children: [{{id: p, pool: {pool}}}, {{id: d, dynamic: {dynamic}}}]")
    assert [path for path, _ in binaries(tree)] == [("p",), ("d",)]


def test_a_name_below_a_restarted_supervisor_is_free_before_another_takes_it() -> None:
    old = 'children: [{id: j, supervisor: {children: [{id: f, actor: "m:A"}]}}]'
    moved = '{id: f, actor: "m:A"}, {id: j, name: x, supervisor: {children: []}}'
    found = compare(old, f"children: [{moved}]")
    assert in_words(found) == ["reconfigure the root", "stop j", "start f", "start j"]
    other = '{id: f, actor: "m:A"}, {id: j, actor: "m:A"}'
    found = compare(old, f"children: [{other}]")
    assert in_words(found) == ["reconfigure the root", "stop j", "start f", "start j"]


def test_a_name_below_a_supervisor_that_is_taken_along_is_free_first() -> None:
    def tree(step: int, at_root: str, below: str) -> str:
        jobs = f"{{id: j, supervisor: {{children: [{below}]}}}}"
        a = f'{{id: a, actor: "m:A", args: [{step}]}}'
        group = f"{{id: s, supervisor: {{strategy: one_for_all, children: [{a}, {jobs}]}}}}"
        return f"children: [{at_root}{group}]"

    f = '{id: f, actor: "m:A"}'
    order = in_words(compare(tree(1, "", f), tree(2, f"{f}, ", "")))
    assert order.index("stop s/j") < order.index("start f")


def test_a_binary_that_cannot_be_read_is_no_change() -> None:
    tree = config(BASE)
    known, unknown = Tree(tree, {("prices",): "ab" * 32}), Tree(tree)
    assert difference(known, unknown).is_empty
    assert difference(unknown, known).is_empty


def test_what_goes_is_stopped_the_youngest_first() -> None:
    abc = ", ".join(f'{{id: {id}, actor: "m:A"}}' for id in "abc")
    found = compare(f"children: [{abc}]", 'children: [{id: a, actor: "m:A"}]')
    assert in_words(found)[1:] == ["stop c", "forget c", "stop b", "forget b"]


@pytest.mark.parametrize(
    ("old", "new", "action"),
    [
        ("[1]", "[1, 2]", "restarted"),
        ("[1]", "[true]", "restarted"),
        ("[1]", "[1.0]", "kept"),
        ("{a: 1, b: 2}", "{b: 2, a: 1}", "kept"),
    ],
)
def test_arguments_are_compared_as_values_of_their_types(old: str, new: str, action: str) -> None:
    one, other = (f'children: [{{id: a, actor: "m:A", args: {args}}}]' for args in (old, new))
    assert actions(compare(one, other)) == {"a": action}


def test_flags_that_were_not_told_are_still_to_be_changed() -> None:
    old, new = Tree(config(BASE)), Tree(config("intensity: 7" + BASE))
    assert after(old, new, difference(old, new), ()) == old


def test_a_child_that_failed_stays_failed_until_it_is_started() -> None:
    old = Tree(config(BASE), failed=frozenset({("store",)}))
    found = difference(old, old)
    assert after(old, old, found, ()).failed == {("store",)}
    assert after(old, old, found, steps(found)).failed == frozenset()
