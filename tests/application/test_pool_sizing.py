"""How many places a tree asks to be set aside, and that its components take them."""

from pathlib import Path

import anyio
import pytest

from airssys_wasm.application import ActorSystem, run_application
from airssys_wasm.application.pool_sizing import UNBOUNDED, pool_of
from airssys_wasm.application.running import Control
from airssys_wasm.components.engine.pooling import PoolSize
from airssys_wasm.config import TreeConfig, load
from tests.guests import guests

pytestmark = pytest.mark.anyio

HEAD = "version: 1\nname: demo\ncomponents: {pooling: true, storage: memory, cache: null}\n"
TREE = (
    HEAD
    + """\
children:
  - {id: one, component: echo.wasm, limits: {memory: 1MiB}}
  - {id: aside, component: echo.wasm, run: thread}
  - {id: python, actor: "os:getcwd"}
  - id: below
    supervisor:
      children:
        - id: many
          pool: {component: echo.wasm, size: 20, limits: {memory: 4MiB}}
        - id: some
          dynamic: {component: echo.wasm, max_children: 30, limits: {memory: 2MiB}}
        - id: any
          dynamic: {component: echo.wasm, limits: {memory: 1MiB}}
"""
)


def tree(directory: Path, text: str) -> TreeConfig:
    (directory / "echo.wasm").write_bytes(guests.echo())
    (directory / "tree.yaml").write_text(text, encoding="utf-8")
    loaded = load(directory / "tree.yaml")
    assert loaded.config is not None
    return loaded.config


def test_all_components_in_the_loop_have_a_place(tmp_path: Path) -> None:
    config = tree(tmp_path, TREE)
    assert pool_of(config) == PoolSize(1 + 20 + 30 + UNBOUNDED, 3, 1, 1, 4 * 1024 * 1024)


def test_on_the_slow_path_those_on_threads_have_one_too(tmp_path: Path) -> None:
    config = tree(tmp_path, TREE.replace("{pooling", "{path: slow, pooling"))
    size = pool_of(config)
    assert size is not None
    assert size.components == 2 + 20 + 30 + UNBOUNDED


def test_a_file_that_is_gone_or_no_component_has_none(tmp_path: Path) -> None:
    config = tree(tmp_path, TREE)
    (tmp_path / "echo.wasm").write_bytes(b"no component")
    assert pool_of(config) is None
    (tmp_path / "echo.wasm").unlink()
    assert pool_of(config) is None


def test_a_tree_that_asks_for_none_has_none(tmp_path: Path) -> None:
    assert pool_of(tree(tmp_path, TREE.replace("pooling: true", "pooling: false"))) is None


async def test_the_components_of_a_running_tree_take_their_places(tmp_path: Path) -> None:
    config = tree(tmp_path, HEAD + "children: [{id: echo, component: echo.wasm}]\n")
    control = Control()
    answers = []

    def started(system: ActorSystem) -> None:
        async def ask() -> None:
            echo = system.named("echo")
            answers.append(await echo.request(b"hello"))
            found = system.whereis("echo")
            assert found is not None
            answers.append(found._receive.__self__.bytes_in_use())
            control.stop()

        group.start_soon(ask)

    async with anyio.create_task_group() as group:
        outcome = await run_application(
            config, directory=tmp_path, control=control, on_started=started
        )
        assert not outcome.failed
    assert answers == [b"1:hello", None]  # in a pool it is not known
