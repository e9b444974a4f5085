"""What a tree file describes is what runs: pools, dynamic supervisors, other files, restarts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio.lowlevel
import pytest

from airssys_wasm import ActorExited, ActorSystem, DynamicSupervisorRef, SupervisorRef
from airssys_wasm.application.building import supervisor_of
from airssys_wasm.components.services import ComponentServices
from airssys_wasm.config import ComponentsConfig, load
from airssys_wasm.schema import report
from airssys_wasm.supervision import Backoff, ChildSpec, HealthCheck, Supervisor
from tests.guests import guests

pytestmark = pytest.mark.anyio

WORKSHOP = '''
"""Behaviours of a workshop."""

from airssys_wasm import Actor, DynamicSupervisorRef


class Bench(Actor[object]):
    def __init__(self, label: str, *more: str) -> None:
        self.label, self.more, self.seen = label, more, []

    def receive(self, message: object) -> object:
        if message == "crash":
            raise ValueError("told to")
        self.seen.append(getattr(message, "message", message))
        return self.label, *self.more, id(self), tuple(self.seen)


async def order(inbox, *more):
    print(await inbox.receive(), more)


async def drive(inbox):
    system = inbox.context.system
    label, _, seen = await system.named("benches").request({"customer": 7})
    print("pool", label, seen)
    await DynamicSupervisorRef.of(system.named("guests")).start_child("one")
    counts = await DynamicSupervisorRef.of(system.named("guests")).count_children()
    print("dynamic", counts.active)
    label, *_ = await system.named("clerk").request("hello")
    print("included", label)
'''


@pytest.fixture
def workshop(tmp_path: Path) -> Path:
    """A directory with behaviours, in a module that no other test has."""
    name = f"workshop_{abs(hash(tmp_path))}"
    (tmp_path / f"{name}.py").write_text(WORKSHOP)
    return tmp_path


def module_in(directory: Path) -> str:
    (module,) = (file.stem for file in directory.glob("workshop_*.py"))
    return module


def supervisor(directory: Path, text: str) -> Supervisor:
    module = module_in(directory)
    file = directory / "tree.yaml"
    file.write_text(f"version: 1\nname: workshop\n{text}".replace("workshop:", f"{module}:"))
    loaded = load(file, environment={})
    assert report(loaded.errors) == ""
    assert loaded.config is not None
    return supervisor_of(loaded.config, directory)


def spec(directory: Path, child: str) -> ChildSpec:
    (only,) = supervisor(directory, f"children:\n  - {child}").children
    return only


async def test_a_pool_gives_each_message_to_one_of_its_workers(workshop: Path) -> None:
    tree = supervisor(
        workshop,
        "children: [{id: benches, pool: {actor: 'workshop:Bench', args: [b], size: 3}}]",
    )
    async with ActorSystem("workshop", root=tree) as system:
        answers = [await system.named("benches").request(n) for n in range(6)]
        assert len({answer[1] for answer in answers}) == 3
        assert answers[5][2] == (2, 5)
        counts = await SupervisorRef.of(system.named("benches")).count_children()
        assert counts.active == 3


async def test_a_pool_by_key_goes_by_a_field_of_the_message(workshop: Path) -> None:
    pool = "{actor: 'workshop:Bench', args: [b], size: 8, route: by_key, key: customer}"
    tree = supervisor(workshop, f"children: [{{id: benches, pool: {pool}}}]")
    async with ActorSystem("workshop", root=tree) as system:
        ask = system.named("benches").request
        same = {(await ask({"customer": "ada", "n": n}))[1] for n in range(5)}
        assert len(same) == 1


async def test_the_workers_of_a_pool_share_what_it_subscribes_to(workshop: Path) -> None:
    pool = "{actor: 'workshop:Bench', args: [b], size: 2}"
    tree = supervisor(workshop, f"children: [{{id: b, subscribe: [jobs.*], pool: {pool}}}]")
    async with ActorSystem("workshop", root=tree) as system:
        for number in range(4):
            system.broker.publish("jobs.new", number)
        answers = [await system.named("b").request("all") for _ in range(2)]
        assert sorted(answer[2] for answer in answers) == [(0, 2, "all"), (1, 3, "all")]


@pytest.mark.parametrize("meanwhile", ["fail", "queue"])
async def test_a_restarted_child_is_subscribed_as_before(workshop: Path, meanwhile: str) -> None:
    child = f"{{id: b, actor: 'workshop:Bench', args: [b], while_restarting: {meanwhile}}}"
    tree = supervisor(workshop, f"children: [{child[:-1]}, subscribe: [jobs.*]}}]")
    async with ActorSystem("workshop", root=tree) as system:
        first = system.whereis("b")
        assert first is not None
        first.kill()
        system.broker.publish("jobs.new", "meanwhile")
        while system.whereis("b") in (None, first):
            await anyio.lowlevel.checkpoint()
        system.broker.publish("jobs.new", "afterwards")
        *_, seen = await system.named("b").request("all")
        kept = ("meanwhile",) if meanwhile == "queue" else ()
        assert seen == (*kept, "afterwards", "all")


async def test_a_dynamic_supervisor_starts_children_with_arguments_of_their_own(
    workshop: Path,
) -> None:
    dynamic = "{actor: 'workshop:Bench', args: [guest], max_children: 2, restart: temporary}"
    tree = supervisor(workshop, f"children: [{{id: guests, dynamic: {dynamic}}}]")
    async with ActorSystem("workshop", root=tree) as system:
        guests = DynamicSupervisorRef.of(system.named("guests"))
        assert (await guests.count_children()).active == 0
        first = await guests.start_child("ada")
        second = await guests.start_child("bob")
        assert first is not None
        assert second is not None
        assert (await first.request("x"))[:2] == ("guest", "ada")
        assert (await second.request("x"))[:2] == ("guest", "bob")
        with pytest.raises(Exception, match="as many as there may be"):
            await guests.start_child("eve")
        first.send("crash")
        await first.wait()
        assert (await guests.count_children()).active == 1


async def test_process_functions_take_arguments_of_their_own_too(
    workshop: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tree = supervisor(
        workshop,
        "children:\n  - id: orders\n    restart: temporary\n"
        "    dynamic: {actor: 'workshop:order', args: [1], restart: temporary}",
    )
    async with ActorSystem("workshop", root=tree) as system:
        orders = DynamicSupervisorRef.of(system.named("orders"))
        child = await orders.start_child("urgent")
        assert child is not None
        child.send("chair")
        await child.wait()
    assert capsys.readouterr().out == "chair (1, 'urgent')\n"


async def test_children_of_another_file_run_below_a_supervisor_of_their_own(
    workshop: Path,
) -> None:
    office = workshop / "office"
    office.mkdir()
    module = module_in(workshop)
    (office / "tree.yaml").write_text(
        "version: 1\nname: office\nintensity: 7\nchildren:\n"
        f"  - {{id: clerk, actor: '{module}:Bench', args: ['${{TREE_DIRECTORY}}']}}"
    )
    tree = supervisor(workshop, "children: [{id: office, include: office/tree.yaml}]")
    (child,) = tree.children
    assert (child.start.intensity, child.shutdown) == (7, "infinity")
    async with ActorSystem("workshop", root=tree) as system:
        assert (await system.named("clerk").request("hello"))[0] == str(office)
        system.named("clerk").send("crash")
        with pytest.raises(ActorExited):
            await system.named("clerk").request("lost")


async def test_settings_of_restarts_reach_the_supervisor(workshop: Path) -> None:
    child = spec(
        workshop,
        "{id: a, actor: 'workshop:Bench', args: [x], backoff: {initial: 20ms, jitter: 0},"
        " health: {every: 1m}, while_restarting: queue}",
    )
    assert child.backoff == Backoff(initial=0.02, jitter=0)
    assert child.health == HealthCheck(every=60)
    assert child.while_restarting == "queue"


async def test_settings_inside_of_a_pool_are_those_of_its_workers(workshop: Path) -> None:
    child = spec(
        workshop,
        "{id: a, restart: temporary, pool: {actor: 'workshop:Bench', args: [x], size: 2,"
        " intensity: 9, restart: transient, mailbox: {capacity: 5}, backoff: {max: 1m}}}",
    )
    assert (child.restart, child.shutdown, child.type) == ("temporary", "infinity", "supervisor")
    template = child.start.template
    assert (template.restart, template.shutdown) == ("transient", 5.0)
    assert (template.mailbox.capacity, template.backoff.max) == (5, 60)
    assert child.start.intensity == 9


async def test_a_request_waits_for_a_child_that_backs_off(workshop: Path) -> None:
    tree = supervisor(
        workshop,
        "children: [{id: a, actor: 'workshop:Bench', args: [x], backoff: {initial: 1ms},"
        " while_restarting: queue}]",
    )
    async with ActorSystem("workshop", root=tree) as system:
        first: Any = system.whereis("a")
        first.send("crash")
        await first.wait()
        assert (await system.named("a").request("hello"))[2] == ("hello",)


async def test_pools_and_dynamic_supervisors_have_components_as_well(workshop: Path) -> None:
    (workshop / "echo.wasm").write_bytes(guests.echo())
    tree = supervisor(
        workshop,
        "defaults: {limits: {memory: 1MiB}}\n"
        "children:\n"
        "  - {id: pool, pool: {component: echo.wasm, size: 2}}\n"
        "  - {id: guests, dynamic: {component: echo.wasm, restart: temporary}}",
    )
    services = ComponentServices.of(ComponentsConfig(cache=None))
    async with ActorSystem("workshop", root=tree, components=services) as system:
        answers = [await system.named("pool").request(b"hello") for _ in range(3)]
        assert answers == [b"1:hello", b"1:hello", b"2:hello"]
        guest = await DynamicSupervisorRef.of(system.named("guests")).start_child()
        assert guest is not None
        assert await guest.request(b"hello") == b"1:hello"


def test_run_runs_a_tree_with_all_of_them(workshop: Path) -> None:
    module = module_in(workshop)
    (workshop / "office.yaml").write_text(
        "version: 1\nname: office\nchildren:\n"
        f"  - {{id: clerk, actor: '{module}:Bench', args: [clerk]}}"
    )
    (workshop / "tree.yaml").write_text(f"""
version: 1
name: workshop
auto_shutdown: any_significant
defaults: {{mailbox: {{capacity: 100}}, backoff: {{initial: 1ms}}}}
children:
  - id: benches
    pool: {{actor: "{module}:Bench", args: [bench], size: 4, route: by_key, key: customer}}
  - id: guests
    dynamic: {{actor: "{module}:Bench", args: [guest], max_children: 10}}
  - {{id: office, include: office.yaml}}
  - {{id: driver, actor: "{module}:drive", restart: transient, significant: true}}
""")
    done = subprocess.run(
        [sys.executable, "-m", "airssys_wasm.cli.main", "run", "tree.yaml"],
        cwd=workshop,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    assert done.returncode == 0
    assert done.stdout == "pool bench ({'customer': 7},)\ndynamic 1\nincluded clerk\n"
