"""Tree files: what they become, what is found in them, and what `--set` changes."""

from pathlib import Path
from typing import Any

import pytest

from airssys_wasm.config import (
    ActorConfig,
    ComponentConfig,
    FoundComponent,
    Loaded,
    Missing,
    SubscriptionConfig,
    SupervisorChild,
    load,
    walk,
)
from airssys_wasm.schema import headline, report

BAD = Path(__file__).parent / "config" / "bad"
GOOD = Path(__file__).parent / "config" / "good"


@pytest.mark.parametrize("name", sorted(path.stem for path in BAD.glob("*.yaml")))
def test_a_bad_tree_file_gets_the_report_beside_it(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(BAD)
    loaded = load(Path(f"{name}.yaml"), environment={})
    assert report(loaded.problems) == (BAD / f"{name}.expected").read_text()
    assert (loaded.config is None) == bool(loaded.errors)


def test_eight_mistakes_are_eight_errors_in_one_run() -> None:
    loaded = load(BAD / "eight_mistakes.yaml", environment={})
    assert len(loaded.errors) == len(loaded.problems) == 8
    assert len({(problem.line, problem.column) for problem in loaded.errors}) == 8


def test_a_whole_tree_is_read() -> None:
    loaded = load(GOOD / "tree.yaml", environment={"BATCH_FILE": "orders.db"})
    assert report(loaded.problems) == ""
    tree = loaded.config
    assert tree is not None
    assert (tree.name, tree.strategy, tree.intensity, tree.period) == (
        "shop",
        "rest_for_one",
        3,
        10,
    )
    assert tree.components.path == "slow"
    store, prices, workers = tree.children
    assert isinstance(store, ActorConfig)
    assert store.arguments() == ((), {"path": "orders.db", "batch": 50})
    assert (store.mailbox.capacity, store.mailbox.order) == (1_000, "priority")
    assert store.subscribe == ("orders.>", SubscriptionConfig(topic="jobs.*", group="workers"))
    assert isinstance(prices, ComponentConfig)
    assert prices.component == GOOD / "prices.wasm"
    assert (prices.limits.memory, prices.limits.call) == (16 * 2**20, 0.5)
    assert prices.limits.bounds().host_call == prices.limits.host_call
    assert prices.capabilities.messaging.send == ("store",)
    assert isinstance(workers, SupervisorChild)
    assert (workers.shutdown, workers.restart) == ("infinity", "permanent")
    assert [child.id for child in walk(tree)] == ["store", "prices", "workers", "reader", "quiet"]
    assert [child.name for child in walk(tree)] == ["store", "rates", "workers", "reader", None]


def test_arguments_are_copied_so_that_no_incarnation_can_spoil_the_next() -> None:
    config = ActorConfig(id="a", actor="m:A", args={"names": ["x"]})
    names = config.arguments()[1]["names"]
    assert isinstance(names, list)
    names.append("y")
    assert config.arguments()[1] == {"names": ["x"]}


def write_tree(directory: Path, *children: str, head: str = "") -> Path:
    file = directory / "tree.yaml"
    lines = [f"version: 1\nname: shop\n{head}children:", *(f"  - {child}" for child in children)]
    file.write_text("\n".join(lines))
    return file


def messages(loaded: Loaded) -> list[str]:
    return [headline(problem).partition(": ")[2] for problem in loaded.problems]


# -- what the file refers to ----------------------------------------------------------------


def test_checking_runs_nothing_of_the_modules_and_importing_does(tmp_path: Path) -> None:
    (tmp_path / "loud_module.py").write_text("class A: ...\nraise RuntimeError('ran')\n")
    file = write_tree(tmp_path, '{id: a, actor: "loud_module:A"}')
    assert messages(load(file)) == []
    (message,) = messages(load(file, import_actors=True))
    assert message == (
        "children[0].actor: importing 'loud_module:A' failed: RuntimeError: ran; "
        f"raised in {tmp_path}/loud_module.py, line 2"
    )


def test_importing_finds_what_cannot_be_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "constant_module.py").write_text("A = 3\n")
    file = write_tree(tmp_path, '{id: a, actor: "constant_module:A"}')
    assert messages(load(file)) == []
    (message,) = messages(load(file, import_actors=True))
    assert message == "children[0].actor: 'constant_module:A' is int, not a class or function"


def test_a_module_that_is_not_python_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "broken_module.py").write_text("x = 1\nclass A(:\n")
    (message,) = messages(load(write_tree(tmp_path, '{id: a, actor: "broken_module:A"}')))
    assert "broken_module.py, line 2 is not valid Python" in message


@pytest.mark.parametrize(
    "source",
    [
        "from os import *",
        "def __getattr__(name): ...",
        "try:\n  import x as Actor\nexcept ImportError:\n  Actor = None",
        "if True:\n  class Actor: ...",
        "Actor, other = 1, 2",
        "with x as Actor: ...",
        "globals()['Actor'] = 3",
        "@decorated\nclass Actor:\n  def __init__(self, needed): ...",
        "class Actor:\n  @overload\n  def __init__(self, needed): ...\n  def __init__(self): ...",
        "class Actor(Base): ...",
    ],
)
def test_a_name_that_only_running_the_module_would_tell_is_let_pass(
    source: str, tmp_path: Path
) -> None:
    (tmp_path / "some_module.py").write_text(source)
    assert messages(load(write_tree(tmp_path, '{id: a, actor: "some_module:Actor"}'))) == []


def test_modules_lie_beside_the_tree_file_in_packages_or_on_the_path(tmp_path: Path) -> None:
    package = tmp_path / "some_package" / "inner"
    package.mkdir(parents=True)
    (tmp_path / "some_package" / "__init__.py").touch()
    (package / "jobs.py").write_text("class Worker:\n  class Inner: ...\n")
    paths = (
        "some_package.inner.jobs:Worker",
        "some_package.inner.jobs:Worker.Inner",
        "email:message",
    )
    children = [f'{{id: c{n}, actor: "{path}"}}' for n, path in enumerate(paths)]
    assert messages(load(write_tree(tmp_path, *children))) == [
        "children[2].actor: 'email' has no 'message'"
    ]


def test_a_component_that_does_not_fit_is_refused_with_every_difference(tmp_path: Path) -> None:
    (tmp_path / "a.wasm").touch()
    file = write_tree(tmp_path, "{id: a, component: a.wasm}")
    different = FoundComponent(differences=("first difference", "second difference"))
    assert messages(load(file, examine=lambda path: different)) == [
        "children[0].component: first difference",
        "children[0].component: second difference",
    ]
    damaged = Missing("the file is damaged", "build it again")
    assert messages(load(file, examine=lambda path: damaged)) == [
        "children[0].component: the file is damaged; build it again"
    ]


def test_a_component_that_imports_what_it_was_not_granted_is_suspicious(tmp_path: Path) -> None:
    (tmp_path / "a.wasm").touch()
    imports = {"airssys:core/storage@1.0.0", "airssys:core/host-services@1.0.0"}
    found = FoundComponent(imports=frozenset(imports))
    told = "the component imports airssys:core/storage@1.0.0, and nothing of it is granted"
    for strict, kind in ("", "warning: "), (", strict_imports: true", ""):
        file = write_tree(tmp_path, f"{{id: a, component: a.wasm{strict}}}")
        (message,) = messages(load(file, examine=lambda path: found))
        assert message.startswith(f"{kind}children[0].component: {told}")


def test_a_component_is_examined_once_however_many_children_it_has(tmp_path: Path) -> None:
    (tmp_path / "a.wasm").touch()
    seen: list[Path] = []

    def examine(path: Path) -> FoundComponent:
        seen.append(path)
        return FoundComponent()

    children = [f"{{id: a{n}, component: a.wasm}}" for n in range(3)]
    load(write_tree(tmp_path, *children), examine=examine)
    assert seen == [tmp_path / "a.wasm"]


def test_the_directory_of_the_tree_can_be_used_in_text(tmp_path: Path) -> None:
    child = '{id: a, actor: "json:loads", args: ["${TREE_DIRECTORY}/x"]}'
    config = load(write_tree(tmp_path, child)).config
    assert config is not None
    assert isinstance(config.children[0], ActorConfig)
    assert config.children[0].args == (f"{tmp_path}/x",)


@pytest.mark.parametrize("name", ["missing.yaml", "", "x" * 5000])
def test_a_file_that_cannot_be_read_is_a_problem_like_any_other(name: str, tmp_path: Path) -> None:
    (problem,) = load(tmp_path / name).problems
    assert problem.message.startswith("the file cannot be read: ")


# -- --set ------------------------------------------------------------------------------------

NESTED = (
    '{id: reader, actor: "json:loads", args: {path: a, deep: {x: [1, 2]}}}',
    '{id: store, actor: "json:loads"}',
    'id: w\n    supervisor:\n      children: [{id: reader, name: r, actor: "json:dumps"}]',
)


def test_set_gives_a_key_of_a_child_another_value(tmp_path: Path) -> None:
    file = write_tree(tmp_path, NESTED[0])
    config = load(file, sets=("reader.args.path=b.jsonl", "reader.args.deep.x.1=[3]")).config
    assert config is not None
    (reader,) = config.children
    assert isinstance(reader, ActorConfig)
    assert reader.args == {"path": "b.jsonl", "deep": {"x": [1, [3]]}}


@pytest.mark.parametrize(
    ("option", "path", "expected"),
    [
        ("intensity=5", (), ("intensity", 5)),
        ("components.path=slow", (), ("components", None)),
        ("w.reader.restart=temporary", (2, 0), ("restart", "temporary")),
        ("w.supervisor.intensity=9", (2,), ("intensity", 9)),
        ("store.shutdown=500ms", (1,), ("shutdown", 0.5)),
        ("store.mailbox={capacity: 3}", (1,), ("mailbox", None)),
        ("store.mailbox.capacity=3", (1,), ("mailbox", None)),
    ],
)
def test_set_reaches_every_part_of_a_tree(
    option: str, path: tuple[int, ...], expected: tuple[str, object], tmp_path: Path
) -> None:
    loaded = load(write_tree(tmp_path, *NESTED), sets=(option,))
    assert report(loaded.problems) == ""
    found: Any = loaded.config
    for step in path:
        owner = found.supervisor if isinstance(found, SupervisorChild) else found
        found = owner.children[step]
    found = found.supervisor if isinstance(found, SupervisorChild) else found
    if expected[1] is not None:
        assert getattr(found, expected[0]) == expected[1]


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("raeder.args.path=b", "--set:1:1: no child has the id 'raeder'; did you mean 'reader'?"),
        ("intensty=3", "--set:1:1: no child has the id 'intensty'; did you mean 'intensity'?"),
        ("reader.args.path=b", "--set:1:1: 2 children have the id 'reader': children[0], "
         "children[2].supervisor.children[0]; write the id of its supervisor before it"),
        ("w.reader.restart=allways", "--set:1:18: children[2].supervisor.children[0].restart: "
         "'allways' is not a restart type (permanent, transient, temporary); "
         "did you mean 'permanent'?"),
        ("store.restrat=temporary", "--set:1:7: children[1].restrat: unknown key 'restrat'; "
         "did you mean 'restart'?"),
        ("store", "--set:1:1: this must be PATH=VALUE; as in --set reader.args.path=orders.jsonl"),
        ("store=3", "--set:1:1: 'store' is a child; which of its keys?; as in "
         "--set reader.args.path=orders.jsonl"),
        ("store.id.x=3", "--set:1:10: there is no key 'x': what is above it has no keys"),
    ],
)  # fmt: skip
def test_a_mistake_in_set_is_told_with_its_place_in_the_option(
    option: str, expected: str, tmp_path: Path
) -> None:
    (problem,) = load(write_tree(tmp_path, *NESTED), sets=(option,)).problems
    assert headline(problem) == expected


def test_set_adds_an_argument_that_the_behaviour_takes_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "own_module.py").write_text("async def read(inbox, path='x', deep=None): ...")
    file = write_tree(tmp_path, '{id: reader, actor: "own_module:read"}')
    config = load(file, sets=("reader.args.path=b",)).config
    assert config is not None
    assert isinstance(config.children[0], ActorConfig)
    assert config.children[0].args == {"path": "b"}
    (problem,) = load(file, sets=("reader.args.paht=b",)).problems
    assert headline(problem) == (
        "--set:1:13: children[0].args.paht: read takes no argument 'paht'; did you mean 'path'?"
    )


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ("a.config.curency=EUR", "--set:1:10: there is no key 'curency'; did you mean 'currency'?"),
        ("a.config.tax.vta=3", "--set:1:14: there is no key 'vta'; did you mean 'vat'?"),
    ],
)
def test_set_does_not_add_keys_to_what_only_a_component_knows(
    option: str, expected: str, tmp_path: Path
) -> None:
    (tmp_path / "a.wasm").touch()
    child = "{id: a, component: a.wasm, config: {currency: EUR, tax: {vat: 1}}}"
    (problem,) = load(write_tree(tmp_path, child), sets=(option,)).problems
    assert headline(problem) == expected


@pytest.mark.parametrize("text", ["a: b: c", "[x", "*x", "!t x", "a #1", "", "C:\\x"])
def test_what_is_no_yaml_is_taken_as_it_stands(text: str, tmp_path: Path) -> None:
    config = load(write_tree(tmp_path, NESTED[0]), sets=(f"reader.args.path={text}",)).config
    assert config is not None
    (reader,) = config.children
    assert isinstance(reader, ActorConfig)
    assert isinstance(reader.args, dict)
    assert reader.args["path"] == text


def test_lists_that_are_compared_with_each_other_have_an_end(tmp_path: Path) -> None:
    topics = ", ".join(f"t{n}" for n in range(257))
    child = f'{{id: a, actor: "json:loads", subscribe: [{topics}]}}'
    (message,) = messages(load(write_tree(tmp_path, child)))
    assert message == "children[0].subscribe: the list is too long: 257 items; at most 256"


def test_a_thousand_mistakes_are_enough_for_one_run(tmp_path: Path) -> None:
    children = [f'{{id: a{n}, actor: "json:loads", restart: x}}' for n in range(1_500)]
    assert len(load(write_tree(tmp_path, *children)).errors) == 1_000
