"""`components.storage` of a tree file: where components keep what they store, and for how long."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airssys_wasm.application.running import Outcome, run_application
from airssys_wasm.components.identity import parse_id
from airssys_wasm.components.storage.opening import open_store
from airssys_wasm.components.storage.places import InSqlite
from airssys_wasm.config import load
from airssys_wasm.kernel.real_platform import RealPlatform
from airssys_wasm.schema import report
from airssys_wasm.testing.tree_runs import TreeOptions, run_tree
from tests.guests import guests

pytestmark = pytest.mark.anyio

CLERK = """
from airssys_wasm import Actor

async def ask(inbox, *commands):
    system = inbox.context.system
    answers = [await system.named("keeper").request(command.encode()) for command in commands]
    system.report("answers", {"all": b" ".join(answers).decode()})


class Unfit(Actor):
    def __init__(self, command):
        self.command = command

    async def init(self):
        await self.context.system.named("keeper").request(self.command.encode())
        raise ValueError("stored, and then this")
"""

TREE = """
version: 1
name: office
auto_shutdown: any_significant
components: {components}
children:
  - {keeper}
  - {{id: clerk, actor: "{module}:ask", args: {commands}, restart: transient, significant: true}}
"""
KEEPER = (
    "{id: keeper, component: every_function.wasm, capabilities: {storage: {access: read-write}}}"
)
POOL = """{id: keeper, pool: {component: every_function.wasm, size: 2, capabilities:
    {storage: {access: read-write}}}}"""

Write = Callable[..., Path]


@pytest.fixture
def tree(tmp_path: Path, compiled: Path) -> Write:
    """Writes a tree with a component that keeps things, and somebody who gives it commands."""
    module = f"clerk_{abs(hash(tmp_path))}"
    (tmp_path / f"{module}.py").write_text(CLERK)
    (tmp_path / "every_function.wasm").write_bytes(guests.every_function())

    def write(
        *commands: str,
        storage: str = "default",
        keeper: str = KEEPER,
        cache: object = compiled,
    ) -> Path:
        file = tmp_path / "tree.yaml"
        components = f"{{cache: {cache}, storage: {storage}}}"
        text = TREE.format(
            components=components, keeper=keeper, module=module, commands=list(commands)
        )
        file.write_text(text)
        return file

    return write


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("code") / "cache"


async def run(file: Path) -> Outcome:
    loaded = load(file, environment={})
    assert report(loaded.problems) == ""
    assert loaded.config is not None
    return await run_application(loaded.config, directory=file.parent)


async def answers(file: Path) -> Any:
    outcome = await run(file)
    assert not outcome.failed, outcome
    ((_, told),) = outcome.reports[0].rows
    return told


async def test_what_is_stored_is_there_in_the_next_run(
    tree: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir("/")  # paths are taken from the tree file, wherever one is
    assert await answers(tree("set:k:v", "get:k")) == "ok some:v"
    assert await answers(tree("get:k", "delete:k")) == "some:v ok"
    assert (tmp_path / "storage.db").is_file()
    assert not (tmp_path / "storage.db-wal").exists()  # it was closed


@pytest.mark.parametrize(
    ("storage", "place"),
    [("{sqlite: kept.db, synchronous: full}", "kept.db"), ("{rocksdb: kept}", "kept/CURRENT")],
)
async def test_a_backend_may_be_chosen_with_its_path(
    tree: Write, tmp_path: Path, storage: str, place: str
) -> None:
    assert await answers(tree("set:k:v", storage=storage)) == "ok"
    assert (tmp_path / place).is_file()
    assert await answers(tree("get:k", storage=storage)) == "some:v"


async def test_memory_forgets_with_the_run_and_makes_no_file(tree: Write, tmp_path: Path) -> None:
    assert await answers(tree("set:k:v", "get:k", storage="memory")) == "ok some:v"
    assert await answers(tree("get:k", storage="memory")) == "none"
    assert not (tmp_path / "storage.db").exists()


async def test_no_file_is_made_when_nobody_stores_anything(tree: Write, tmp_path: Path) -> None:
    ungranted = KEEPER.partition(", cap")[0] + "}"
    assert "capability-denied" in await answers(tree("get:k", keeper=ungranted))
    assert await answers(tree("self")) != ""
    assert not (tmp_path / "storage.db").exists()


async def test_the_workers_of_a_pool_share_the_storage_of_their_pool(
    tree: Write, tmp_path: Path
) -> None:
    commands = ("set:k:v", "get:k", "get:k", "get:k")
    assert await answers(tree(*commands, keeper=POOL)) == "ok some:v some:v some:v"
    store = open_store(InSqlite(tmp_path / "storage.db"), RealPlatform().offload)
    assert await store.get(parse_id("keeper"), "k") == b"v"
    await store.close()


async def test_the_store_is_closed_when_the_start_fails(tree: Write, tmp_path: Path) -> None:
    file = tree("set:k:v")
    file.write_text(file.read_text().replace(":ask", ":Unfit"))
    outcome = await run(file)
    assert outcome.failed
    assert "stored, and then" in str(outcome.chain)
    assert (tmp_path / "storage.db").is_file()
    assert not (tmp_path / "storage.db-wal").exists()


async def test_a_file_that_is_no_store_is_left_alone_and_guests_are_told(
    tree: Write, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "storage.db").write_bytes(b"no database at all" * 100)
    assert "the storage of the host is not available" in await answers(tree("set:k:v"))
    assert "storage.db: file is not a database" in caplog.text
    assert (tmp_path / "storage.db").read_bytes().startswith(b"no database")


def test_a_simulation_stores_in_the_directory_of_its_run(
    tree: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    real = tmp_path / "real.db"
    file = tree("get:k", "set:k:v", "get:k", storage=f"{{sqlite: {real}}}", cache="null")
    for seed in range(2):
        run = run_tree(TreeOptions(file.name, until=5.0), seed)
        assert run.failure is None, run.problem
    assert not real.exists()
