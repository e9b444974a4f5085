"""Trees put together: files that include others, and defaults that go down to the workers."""

from pathlib import Path
from typing import Any

import pytest

from airssys_wasm.config import (
    ActorConfig,
    BackoffConfig,
    ComponentConfig,
    DynamicChild,
    MailboxConfig,
    PoolChild,
    SupervisorChild,
    TreeConfig,
    load,
    walk,
)
from airssys_wasm.config.including import MOST_FILES
from airssys_wasm.schema import headline, report

ACTOR = 'actor: "json:loads"'


def write(directory: Path, **files: str) -> Path:
    """Tree files, each with a head of its own; `tree` is the first."""
    for name, text in files.items():
        head = "" if "version:" in text else f"version: 1\nname: {name}\n"
        (directory / f"{name}.yaml").write_text(head + text)
    return directory / "tree.yaml"


def tree_of(file: Path, **options: Any) -> TreeConfig:
    loaded = load(file, environment={}, **options)
    assert report(loaded.errors) == ""
    assert loaded.config is not None
    return loaded.config


def messages(file: Path) -> list[str]:
    problems = load(file, environment={}).problems
    return [headline(problem).replace(f"{file.parent}/", "") for problem in problems]


# -- include ----------------------------------------------------------------------------------


def test_a_tree_is_the_same_written_in_one_file_or_in_two(tmp_path: Path) -> None:
    inner = f"strategy: one_for_all\nchildren: [{{id: b, {ACTOR}}}]"
    two = tree_of(write(tmp_path, tree="children: [{id: a, include: part.yaml}]", part=inner))
    inline = inner.replace("\n", ", ")
    one = tree_of(write(tmp_path, tree=f"children: [{{id: a, supervisor: {{{inline}}}}}]"))
    assert one == two
    assert [child.id for child in walk(two)] == ["a", "b"]


def test_paths_of_a_file_are_taken_from_its_own_directory(tmp_path: Path) -> None:
    below = tmp_path / "below"
    below.mkdir()
    (below / "a.wasm").touch()
    actor = f"{{id: y, {ACTOR}, args: ['${{TREE_DIRECTORY}}']}}"
    write(below, part=f"children: [{{id: x, component: a.wasm}}, {actor}]")
    tree = tree_of(write(tmp_path, tree="children: [{id: a, include: below/part.yaml}]"))
    _, component, child = walk(tree)
    assert isinstance(component, ComponentConfig)
    assert component.component == below / "a.wasm"
    assert isinstance(child, ActorConfig)
    assert child.args == (str(below),)


def test_a_file_in_a_file_in_a_file_is_read(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        tree="children: [{id: a, include: b.yaml}]",
        b="children: [{id: b, include: c.yaml}]",
        c=f"children: [{{id: c, {ACTOR}}}]",
    )
    assert [child.id for child in walk(tree_of(file))] == ["a", "b", "c"]


def test_set_reaches_into_other_files(tmp_path: Path) -> None:
    file = write(
        tmp_path,
        tree="children: [{id: a, include: b.yaml}]",
        b=f"children: [{{id: c, {ACTOR}}}]",
    )
    tree = tree_of(file, sets=("c.restart=temporary", "a.supervisor.intensity=9"))
    outer, inner = walk(tree)
    assert isinstance(outer, SupervisorChild)
    assert (outer.supervisor.intensity, inner.restart) == (9, "temporary")


def test_a_mistake_in_another_file_is_told_once_however_often_it_is_included(
    tmp_path: Path,
) -> None:
    children = "\n".join(f"  - {{id: a{n}, include: b.yaml}}" for n in range(3))
    file = write(
        tmp_path,
        tree=f"children:\n{children}",
        b=f"children: [{{id: c, name: null, {ACTOR}, restart: allways}}]",
    )
    assert messages(file) == [
        "b.yaml:3:62: children[0].restart: 'allways' is not a restart type "
        "(permanent, transient, temporary); did you mean 'permanent'?"
    ]


def test_files_that_include_much_have_bounds(tmp_path: Path) -> None:
    text = {"f30": f"children: [{{id: x, name: null, {ACTOR}}}]"}
    for number in range(30):
        two = ", ".join(f"{{id: {n}, name: null, include: f{number + 1}.yaml}}" for n in "ab")
        text[f"f{number}"] = f"children: [{two}]"
    file = write(tmp_path, tree="children: [{id: x, include: f0.yaml}]", **text)
    problems = load(file, environment={}).problems
    assert {problem.rule for problem in problems} == {"yaml-too-large"}
    assert len(problems) < 30


def test_a_tree_has_so_many_files_and_no_more(tmp_path: Path) -> None:
    for number in range(MOST_FILES + 1):
        write(tmp_path, **{f"f{number}": f"children: [{{id: x, name: null, {ACTOR}}}]"})
    lines = (f"  - {{id: a{n}, include: f{n}.yaml}}" for n in range(MOST_FILES + 1))
    (problem,) = messages(write(tmp_path, tree="children:\n" + "\n".join(lines)))
    assert problem.endswith(f"a tree has at most {MOST_FILES} files")


def test_the_files_of_a_tree_are_small_together(tmp_path: Path) -> None:
    for name in "abc":
        comment = "#" * 500_000
        write(tmp_path, **{name: f"children: [{{id: x, name: null, {ACTOR}}}] {comment}"})
    lines = (f"  - {{id: {name}, include: {name}.yaml}}" for name in "abc")
    (problem,) = messages(write(tmp_path, tree="children:\n" + "\n".join(lines)))
    assert problem.startswith(
        "tree.yaml:6:22: children[2].include: the files of a tree have at most"
    )


def test_a_circle_through_links_is_one(tmp_path: Path) -> None:
    file = write(tmp_path, tree="children: [{id: a, include: link.yaml}]")
    (tmp_path / "link.yaml").symlink_to(file)
    (problem,) = messages(file)
    assert "the file includes itself" in problem


# -- defaults ---------------------------------------------------------------------------------


def only_child(directory: Path, defaults: str, child: str) -> Any:
    (found,) = tree_of(write(directory, tree=f"defaults: {defaults}\nchildren: [{child}]")).children
    return found


def test_defaults_go_to_all_workers_below_and_not_to_supervisors(tmp_path: Path) -> None:
    (tmp_path / "a.wasm").touch()
    file = write(
        tmp_path,
        tree=f"""
defaults: {{restart: transient, shutdown: 1s, limits: {{memory: 1MiB}}, codec: json}}
children:
  - {{id: a, {ACTOR}}}
  - {{id: b, component: a.wasm}}
  - {{id: c, supervisor: {{children: [{{id: d, {ACTOR}}}]}}}}
  - {{id: e, pool: {{{ACTOR}, size: 2}}}}
  - {{id: f, dynamic: {{component: a.wasm}}}}
  - {{id: g, include: other.yaml}}
""",
        other=f"children: [{{id: h, {ACTOR}}}]",
    )
    found = {child.id: child for child in walk(tree_of(file))}
    for name in "abdh":
        assert (found[name].restart, found[name].shutdown) == ("transient", 1)
    for name in "cefg":
        assert (found[name].restart, found[name].shutdown) == ("permanent", "infinity")
    component, pool, dynamic = found["b"], found["e"], found["f"]
    assert isinstance(component, ComponentConfig)
    assert (component.limits.memory, component.codec) == (2**20, "json")
    assert isinstance(pool, PoolChild)
    assert isinstance(dynamic, DynamicChild)
    assert pool.pool.restart == dynamic.dynamic.restart == "transient"


def test_a_child_has_the_last_word_key_by_key(tmp_path: Path) -> None:
    child = only_child(
        tmp_path,
        "{mailbox: {capacity: 5, overflow: reject}, backoff: {initial: 1s}, health: {every: 1m}}",
        f"{{id: a, {ACTOR}, mailbox: {{capacity: 9}}, backoff: null, health: {{timeout: 2s}}}}",
    )
    assert child.mailbox == MailboxConfig(capacity=9, overflow="reject")
    assert child.backoff is None
    assert (child.health.every, child.health.timeout) == (60, 2)


def test_nearer_defaults_come_first(tmp_path: Path) -> None:
    child = only_child(
        tmp_path,
        "{restart: transient, backoff: {initial: 1s, factor: 3}, mailbox: {capacity: 3}}",
        "{id: a, supervisor: {defaults: {backoff: {initial: 2s}, mailbox: {order: priority}}, "
        f"children: [{{id: b, {ACTOR}}}]}}}}",
    )
    (inner,) = child.supervisor.children
    assert inner.restart == "transient"
    assert inner.backoff == BackoffConfig(initial=2, factor=3)
    assert inner.mailbox == MailboxConfig(capacity=3, order="priority")


def test_defaults_that_are_switched_off_below_are_off(tmp_path: Path) -> None:
    child = only_child(
        tmp_path,
        "{backoff: {initial: 1s}}",
        f"{{id: a, supervisor: {{defaults: {{backoff: null}}, children: [{{id: b, {ACTOR}}}]}}}}",
    )
    assert child.supervisor.children[0].backoff is None


def test_trees_that_differ_only_in_how_they_are_written_are_equal(tmp_path: Path) -> None:
    short = f"defaults: {{restart: transient}}\nchildren: [{{id: a, {ACTOR}}}]"
    long = f"children: [{{id: a, {ACTOR}, restart: transient}}]"
    assert tree_of(write(tmp_path, tree=short)) == tree_of(write(tmp_path, tree=long))


@pytest.mark.parametrize(
    ("child", "place"),
    [
        (f"{{id: a, {ACTOR}, backoff: {{initial: 1m}}}}", "children[0].backoff.initial"),
        (f"{{id: a, {ACTOR}}}", ""),
        (f"{{id: a, {ACTOR}, backoff: {{max: 1s}}}}", ""),
    ],
)
def test_what_fits_together_is_judged_with_the_defaults(
    child: str, place: str, tmp_path: Path
) -> None:
    head = "defaults: {backoff: {initial: 100ms, max: 2s}}"
    found = messages(write(tmp_path, tree=f"{head}\nchildren: [{child}]"))
    assert [message.split(": ")[1] for message in found] == ([place] if place else [])


def test_heavy_defaults_of_many_children_end_before_they_are_heavy(tmp_path: Path) -> None:
    settings = "mailbox: {capacity: 1, overflow: reject, order: fifo}, restart: transient"
    lines = "\n".join(f"  - {{id: n{n}, {ACTOR}}}" for n in range(11_000))
    file = write(tmp_path, tree=f"defaults: {{{settings}}}\nchildren:\n{lines}")
    (problem,) = messages(file)
    assert problem.endswith("with the defaults the tree grows beyond 100,000 values")
