"""A running tree compared with files and changed, in one process: states, errors, two at once."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from airssys_wasm.application import ActorSystem, supervisor_of
from airssys_wasm.application.control_server import RequestFailed
from airssys_wasm.application.live_tree import LiveTree
from airssys_wasm.application.views import AppliedView
from airssys_wasm.config import load
from airssys_wasm.supervision import DynamicSupervisorRef, SupervisorRef

ROOT = Path(__file__).parent.parent.parent
ACTORS = """
import anyio
from airssys_wasm import Actor


class Counter(Actor):
    def __init__(self, step=1):
        self.count, self.step = 0, step

    def receive(self, message):
        self.count += self.step
        return self.count


class Slow(Actor):
    async def init(self):
        self.context.system.broker.publish("slow.starts", None)
        await anyio.sleep_forever()
"""
COUNTER = '{id: counter, actor: "live_tree_actors:Counter"}'
SLOW = '{id: slow, actor: "live_tree_actors:Slow"}'


def tree(directory: Path, *children: str, head: str = "") -> Path:
    (directory / "live_tree_actors.py").write_text(ACTORS)
    file = directory / "tree.yaml"
    lines = "".join(f"  - {child}\n" for child in children)
    file.write_text(f"version: 1\nname: shop\n{head}children:\n{lines}")
    return file


@asynccontextmanager
async def running(file: Path) -> AsyncIterator[tuple[ActorSystem, LiveTree]]:
    config = load(file).config
    assert config is not None
    system = ActorSystem(config.name, root=supervisor_of(config, file.parent))
    live = LiveTree(system, config, file)
    async with system:
        yield system, live


async def quiet(text: str) -> None:
    pass


@pytest.mark.anyio
@pytest.mark.rule("UPG-01")
async def test_a_child_changed_in_place_keeps_its_ref_and_its_state(tmp_path: Path) -> None:
    file = tree(tmp_path, COUNTER)
    async with running(file) as (system, live):
        ref = system.whereis("counter")
        assert ref is not None
        assert await ref.request("count") == 1
        tree(tmp_path, COUNTER.replace("}", ", shutdown: 1m, restart: transient}"))
        applied = await live.apply(file, tell=quiet)
        assert applied.plan.counts["changed"] == 1
        assert system.whereis("counter") is ref
        assert await ref.request("count") == 2
        assert system.root is not None
        spec = await SupervisorRef.of(system.root).child_spec("counter")
        assert (spec.shutdown, spec.restart) == (60.0, "transient")
        assert (await live.plan(file)).is_empty


@pytest.mark.anyio
async def test_a_restarted_child_has_its_new_arguments(tmp_path: Path) -> None:
    file = tree(tmp_path, COUNTER)
    async with running(file) as (system, live):
        tree(tmp_path, COUNTER.replace("}", ", args: [10], restart: temporary}"))
        applied = await live.apply(file, tell=quiet)
        assert list(applied.refs) == ["counter"]
        assert await system.named("counter").request("count") == 10
        tree(tmp_path, COUNTER.replace("}", ", args: [100]}"))
        await live.apply(file, tell=quiet)  # a temporary one is forgotten when it is stopped
        assert await system.named("counter").request("count") == 100


@pytest.mark.anyio
async def test_a_restart_after_the_change_is_one_of_the_new_tree(tmp_path: Path) -> None:
    inner = f"{{id: jobs, supervisor: {{children: [{COUNTER}]}}}}"
    file = tree(tmp_path, inner)
    async with running(file) as (system, live):
        tree(tmp_path, inner.replace('Counter"', 'Counter", args: [10]'))
        await live.apply(file, tell=quiet)
        jobs, counter = system.whereis("jobs"), system.whereis("counter")
        assert jobs is not None
        assert counter is not None
        gone = anyio.Event()
        system.kernel.on_exit(counter, lambda ref, successor: gone.set())
        jobs.kill()  # the root starts it again, with children as they are now
        await gone.wait()
        while system.whereis("counter") is None:
            await anyio.lowlevel.checkpoint()
        assert await system.named("counter").request("count") == 10


@pytest.mark.anyio
@pytest.mark.rule("UPG-06")
async def test_the_children_of_a_dynamic_supervisor_live_through_a_change_of_it(
    tmp_path: Path,
) -> None:
    child = '{id: many, dynamic: {actor: "live_tree_actors:Counter", max_children: 1}}'
    file = tree(tmp_path, child)
    async with running(file) as (system, live):
        many = DynamicSupervisorRef.of(system.named("many"))
        first = await many.start_child()
        assert first is not None
        assert await first.request("count") == 1
        tree(tmp_path, child.replace("max_children: 1", "max_children: 2"))
        applied = await live.apply(file, tell=quiet)
        assert applied.done == ("reconfigure the root", "reconfigure many")
        assert await many.start_child() is not None
        assert await first.request("count") == 2
        view = await live.tree(most=1)
        (node,) = view.root.children
        assert (node.kind, len(node.children), node.more) == ("dynamic", 1, 1)


@pytest.mark.anyio
async def test_a_pool_is_shown_with_its_children(tmp_path: Path) -> None:
    child = '{id: few, pool: {actor: "live_tree_actors:Counter", size: 2}}'
    file = tree(tmp_path, child)
    async with running(file) as (_, live):
        (node,) = (await live.tree(most=10)).root.children
        assert (node.kind, len(node.children)) == ("pool", 2)
        status = await live.status()
        assert [view.path for view in status.supervisors] == [(), ("few",)]
        tree(tmp_path, child.replace("size: 2", "size: 3"))
        await live.apply(file, tell=quiet)
        (node,) = (await live.tree(most=10)).root.children
        assert len(node.children) == 3


@pytest.mark.anyio
async def test_a_component_is_restarted_when_its_file_has_changed(tmp_path: Path) -> None:
    shutil.copy(ROOT / "examples/orders/pricing.wasm", tmp_path / "a.wasm")
    child = "{id: a, component: a.wasm, config: {}}"
    file = tree(tmp_path, child.replace("id: a", "id: b").replace("b.wasm", "a.wasm"))
    config = load(file).config
    assert config is not None
    live = LiveTree(ActorSystem("shop"), config, file)  # what is compared need not run
    assert (await live.plan(file)).is_empty
    with (tmp_path / "a.wasm").open("ab") as binary:
        binary.write(b"\x00\x03\x01aX")  # one more custom section
    (change,) = (await live.plan(file)).children
    assert change.action == "restarted"
    assert change.why[0].startswith("its binary: sha256:")


@pytest.mark.anyio
async def test_one_change_is_made_at_a_time_and_seen_meanwhile(tmp_path: Path) -> None:
    file = tree(tmp_path, COUNTER)
    async with running(file) as (system, live), anyio.create_task_group() as group:
        applied: list[AppliedView] = []

        async def apply() -> None:
            applied.append(await live.apply(file, tell=quiet))
            done.set()

        done = anyio.Event()
        async with system.broker.stream("slow.starts") as starts:
            tree(tmp_path, COUNTER, SLOW)
            group.start_soon(apply)
            await starts.receive()
        with pytest.raises(RequestFailed, match="another change is being made: start slow"):
            await live.apply(file, tell=quiet)
        status = await live.status()
        assert (status.applying, status.phase) == ("start slow", "running")
        (_, slow) = (await live.tree(most=10)).root.children
        assert slow.status == "starting"
        assert system.root is not None
        await SupervisorRef.of(system.root).terminate_child("slow")
        await done.wait()
        assert applied[0].failed == "start slow"
        assert (await live.status()).applying == ""


@pytest.mark.anyio
async def test_a_supervisor_that_gave_up_meanwhile_fails_its_step(tmp_path: Path) -> None:
    inner = f"{{id: jobs, restart: temporary, supervisor: {{children: [{COUNTER}]}}}}"
    file = tree(tmp_path, inner)
    async with running(file) as (system, live):
        jobs = system.whereis("jobs")
        assert jobs is not None
        jobs.kill()
        await jobs.wait()
        tree(tmp_path, inner.replace("id: counter", "id: other"))
        applied = await live.apply(file, tell=quiet)
        assert applied.failed == "stop jobs/counter"
        assert applied.reason == "LookupError: the supervisor 'jobs' is not running"


@pytest.mark.anyio
async def test_a_system_that_ends_is_not_changed(tmp_path: Path) -> None:
    file = tree(tmp_path, COUNTER)
    async with running(file) as (system, live):
        system.stop()
        with pytest.raises(RequestFailed, match="the system is stopping"):
            await live.apply(file, tell=quiet)
