"""`status`, `tree`, `plan` and `apply` on a process that `run` started, as a user sees them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ACTORS = """
from airssys_wasm import Actor


def say(text):
    print(text, flush=True)


class Counter(Actor):
    def init(self):
        self.count = 0
        say("counter runs")

    def receive(self, message):
        self.count += 1
        return self.count


async def ask(inbox):
    answer = await inbox.context.system.named("counter").request("count")
    say(f"counter says {answer}")
    async for message in inbox:
        pass


async def patient(inbox, name="patient"):
    say(f"{name} runs")
    try:
        async for message in inbox:
            pass
    finally:
        say(f"{name} ends")


class Failing(Actor):
    def init(self):
        raise ValueError("no bread today")


class Odd(Actor):
    def init(self):
        say("odd runs")
        self.context.ref.send("one")

    def receive(self, message):
        self.context.system.named("nobody").send("lost")
        raise ValueError("odd")
"""

COUNTER = '{id: counter, actor: "shop_actors:Counter"}'
ASK = '{id: ask, actor: "shop_actors:ask"}'


def patient(id: str, name: str) -> str:
    return f'{{id: {id}, actor: "shop_actors:patient", args: [{name}]}}'


class Shop:
    """A directory with a tree, and the process that runs it."""

    def __init__(self, directory: Path, runtime: Path) -> None:
        self.directory = directory
        self.environment = {**os.environ, "XDG_RUNTIME_DIR": str(runtime), "COLUMNS": "100"}
        self.processes: list[subprocess.Popen[str]] = []
        (directory / "shop_actors.py").write_text(ACTORS)

    def file(self, *children: str, name: str = "tree.yaml", head: str = "") -> Path:
        file = self.directory / name
        lines = "".join(f"  - {child}\n" for child in children)
        file.write_text(f"version: 1\nname: shop\n{head}children:\n{lines}")
        return file

    def start(self, file: Path, *until: str, options: tuple[str, ...] = ()) -> Any:
        """Run the file, until it has printed the lines."""
        command = [sys.executable, "-m", "airssys_wasm.cli.main", "run", str(file), *options]
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment,
        )
        self.processes.append(process)
        assert self.lines(len(until), process) == list(until)
        return process

    def lines(self, number: int, process: Any = None) -> list[str]:
        """The next lines that a process prints."""
        stream: Any = (process or self.processes[0]).stdout
        return [stream.readline().rstrip("\n") for _ in range(number)]

    def call(self, *arguments: object, code: int = 0) -> str:
        """What a command prints; on failure, what it says of it."""
        done = subprocess.run(
            [sys.executable, "-m", "airssys_wasm.cli.main", *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env=self.environment,
        )
        assert done.returncode == code, done
        assert "Traceback" not in done.stderr
        whole = code not in (0, 10) and "json" not in arguments
        return done.stdout + done.stderr if whole else done.stdout

    def json(self, *arguments: object, code: int = 0) -> Any:
        return json.loads(self.call(*arguments, "--format", "json", code=code))

    def refs(self) -> dict[str, str]:
        """The refs of all that is alive, by id."""
        found: dict[str, str] = {}

        def visit(node: Any) -> None:
            found[node["id"] or "root"] = node["ref"]
            for child in node["children"]:
                visit(child)

        visit(self.json("tree")["root"])
        return found

    def close(self) -> None:
        for process in self.processes:
            process.kill()
            process.wait(30)
            for stream in (process.stdout, process.stderr):
                assert stream is not None
                stream.close()


@pytest.fixture
def shop(tmp_path: Path, short_path: Path) -> Iterator[Shop]:
    made = Shop(tmp_path, short_path)
    try:
        yield made
    finally:
        made.close()


def test_one_is_changed_in_place_one_restarted_one_added_one_removed_and_the_plan_said_so(
    shop: Shop,
) -> None:
    old = shop.file(COUNTER, ASK, patient("search", "old"), patient("fax", "fax"))
    shop.start(old, "counter runs", "counter says 1", "old runs", "fax runs")
    before = shop.refs()
    changed = COUNTER.replace("}", ", shutdown: 10s}")
    added = ASK.replace("id: ask", "id: ask-again")
    new = shop.file(changed, ASK, patient("search", "new"), added, name="new.yaml")

    plan = shop.json("plan", new)
    assert {child["id"]: child["action"] for child in plan["children"]} == {
        "counter": "changed",
        "ask": "kept",
        "search": "restarted",
        "fax": "removed",
        "ask-again": "added",
    }
    assert plan["counts"] == {"added": 1, "removed": 1, "restarted": 1, "changed": 1, "kept": 1}
    told = shop.call("plan", new, "--exit-code", code=10)
    assert told == shop.call("apply", new, "--dry-run")
    assert "shutdown: 5s → 10s" in told
    assert "args[0]: old → new" in told
    assert shop.refs() == before  # a plan changes nothing

    done = shop.call("apply", new, "--plan", plan["digest"])
    assert done.startswith(told.rstrip("\n"))
    steps = [line.removeprefix("  done  ") for line in done.splitlines() if "  done  " in line]
    assert steps == plan["steps"]
    assert shop.lines(4) == ["fax ends", "old ends", "new runs", "counter says 2"]

    after = shop.refs()
    assert after["counter"] == before["counter"]  # and it counted on: its state is kept
    assert after["ask"] == before["ask"]
    assert after["search"] != before["search"]
    assert set(after) == {"root", "counter", "ask", "ask-again", "search"}
    assert "no change, 4 kept" in shop.call("plan", new, "--exit-code")


def test_a_step_that_fails_ends_the_change_and_says_what_was_done_and_what_was_not(
    shop: Shop,
) -> None:
    old = shop.file(COUNTER, patient("search", "old"), patient("fax", "fax"))
    shop.start(old, "counter runs", "old runs", "fax runs")
    failing = '{id: search, actor: "shop_actors:Failing"}'
    new = shop.file(COUNTER, failing, patient("mail", "mail"), name="new.yaml")
    told = shop.call("apply", new, code=1)
    assert "  failed  start search" in told
    assert "no bread today" in told
    assert "  not done  start mail" in told
    assert "4 of 6 steps were done" in told
    assert shop.lines(2) == ["fax ends", "old ends"]
    assert set(shop.refs()) == {"root", "counter", "search"}
    assert shop.refs()["search"] == ""

    mended = shop.file(COUNTER, patient("search", "new"), patient("mail", "mail"))
    plan = shop.call("plan", mended)
    assert "it could not be started when it was changed before" in plan
    assert "1 added, 1 restarted, 1 kept" in plan
    shop.call("apply", mended)
    assert shop.lines(2) == ["new runs", "mail runs"]


@pytest.mark.parametrize("command", ["plan", "apply"])
def test_a_file_with_errors_changes_nothing(command: str, shop: Shop) -> None:
    shop.start(shop.file(COUNTER), "counter runs")
    bad = shop.file(COUNTER, '{id: b, actor: "shop_actors:Nobody"}', "{id: c, restrat: x}")
    told = shop.call(command, bad, code=2)
    assert f"{bad}:5:20: children[1].actor" in told
    assert f"{bad}:6:" in told
    assert "children[2].restrat" in told
    relative = os.path.relpath(bad)
    control = f"{shop.environment['XDG_RUNTIME_DIR']}/airssys-wasm/shop.sock"
    assert f"{relative}:5:20" in shop.call(command, relative, "--control", control, code=2)
    error = shop.json(command, bad, "--control", control, code=2)["error"]
    assert [problem["line"] for problem in error["details"]][:2] == [5, 6]
    assert set(shop.refs()) == {"root", "counter"}


def test_a_module_that_cannot_be_imported_changes_nothing(shop: Shop) -> None:
    shop.start(shop.file(COUNTER), "counter runs")
    (shop.directory / "sick.py").write_text("class A: ...\nraise RuntimeError('not today')")
    new = shop.file('{id: a, actor: "sick:A"}', name="new.yaml")
    assert "1 added, 1 removed" in shop.call("plan", new)
    assert "RuntimeError: not today" in shop.call("apply", new, code=2)
    assert set(shop.refs()) == {"root", "counter"}


def test_what_only_a_new_run_can_change_is_refused(shop: Shop) -> None:
    shop.start(shop.file(COUNTER), "counter runs", options=("--path", "slow"))
    new = shop.file(COUNTER, head="components: {path: fast}\n", name="new.yaml")
    told = shop.call("plan", new, code=1)
    assert "components.path: auto → fast: only a new run can change this" in told
    shop.call("apply", new, code=1)
    error = shop.json("apply", new, code=1)["error"]
    assert (error["kind"], error["message"]) == ("refused", "the running system cannot become this")


def test_a_plan_that_is_not_the_expected_one_is_not_done(shop: Shop) -> None:
    shop.start(shop.file(COUNTER), "counter runs")
    new = shop.file(COUNTER, ASK, name="new.yaml")
    assert "the plan is not 123 any more" in shop.call("apply", new, "--plan", "123", code=1)
    assert set(shop.refs()) == {"root", "counter"}


def test_set_and_the_environment_of_the_run_count(shop: Shop) -> None:
    shop.environment["WHO"] = "ann"
    file = shop.file(patient("a", "'${WHO}'"))
    shop.start(file, "ann runs")
    shop.environment["WHO"] = "bob"
    assert "no change" in shop.call("plan", file)
    assert "args[0]: ann → eve" in shop.call("plan", file, "--set", "a.args=[eve]")
    shop.call("apply", file, "--set", "a.args=[eve]")
    assert shop.lines(2) == ["ann ends", "eve runs"]


def test_status_tells_the_numbers(shop: Shop) -> None:
    odd = '{id: odd, actor: "shop_actors:Odd", restart: temporary}'
    inner = f"id: jobs\n    supervisor:\n      intensity: 7\n      children: [{odd}]"
    shop.start(shop.file(COUNTER, inner, head="intensity: 3\n"), "counter runs", "odd runs")
    told = shop.call("status")
    assert told.startswith("shop  ")
    assert "running for" in told
    assert f"{shop.directory}/tree.yaml" in told
    view = shop.json("status", "shop")
    assert (view["name"], view["phase"], view["pid"]) == ("shop", "running", shop.processes[0].pid)
    assert (view["actors"], view["spawned"], view["crashed"]) == (3, 4, 1)
    assert view["dead_letters"] == sum(view["dead_letters_by_reason"].values()) == 2
    root, jobs = view["supervisors"]
    assert (root["path"], root["intensity"], root["restarts_left"]) == ([], 3, 3)
    assert (jobs["path"], jobs["intensity"], jobs["restarts_left"]) == (["jobs"], 7, 7)
    assert (jobs["children"], jobs["active"]) == (0, 0)


def test_tree_shows_who_is_alive_under_whom(shop: Shop) -> None:
    inner = (
        f"id: jobs\n    supervisor:\n      children: [{patient('one', '1')}, {patient('two', '2')}]"
    )
    shop.start(shop.file(COUNTER, inner), "counter runs", "1 runs", "2 runs")
    text = shop.call("tree")
    assert [line.split()[0] for line in text.splitlines()[:2]] == ["shop", "root"]
    for branch in ("├─ counter", "└─ jobs", "   ├─ one", "   └─ two"):
        assert branch in text
    few = shop.call("tree", "--most", "1").splitlines()
    assert [line[:12].rstrip() for line in few[2:]] == ["├─ counter", "└─ … 1 more"]
    view = shop.json("tree", "--most", "1")["root"]
    assert ([child["id"] for child in view["children"]], view["more"]) == (["counter"], 1)


def test_the_socket_is_there_from_the_start_to_the_end_and_then_gone(shop: Shop) -> None:
    shop.start(shop.file(COUNTER), "counter runs")
    runtime = Path(shop.environment["XDG_RUNTIME_DIR"]) / "airssys-wasm"
    assert [path.name for path in runtime.iterdir()] == ["shop.sock"]
    shop.processes[0].send_signal(signal.SIGTERM)
    assert shop.processes[0].wait(30) == 0
    assert list(runtime.iterdir()) == []
    assert "no system is running" in shop.call("status", code=1)


def test_a_second_run_of_the_name_is_reached_by_its_path(shop: Shop) -> None:
    file = shop.file(COUNTER)
    shop.start(file, "counter runs")
    second = shop.start(file, "counter runs")
    told = shop.call("status", code=1)
    assert "2 systems are running" in told
    path = f"{shop.environment['XDG_RUNTIME_DIR']}/airssys-wasm/shop@{second.pid}.sock"
    assert f"--control {path}" in told
    assert shop.json("status", "--control", path)["pid"] == second.pid
    assert shop.json("status", "--control", path)["uptime"] > 0


def test_a_killed_run_leaves_a_socket_that_the_next_one_replaces(shop: Shop) -> None:
    file = shop.file(COUNTER)
    shop.start(file, "counter runs")
    shop.processes[0].kill()
    shop.processes[0].wait(30)
    assert "no system is running" in shop.call("status", code=1)
    second = shop.start(file, "counter runs")
    assert shop.json("status")["pid"] == second.pid


def test_run_takes_a_path_for_its_socket_or_has_none(shop: Shop) -> None:
    file, path = shop.file(COUNTER), Path(shop.environment["XDG_RUNTIME_DIR"]) / "own.sock"
    shop.start(file, "counter runs", options=("--control", str(path)))
    assert "no system is running" in shop.call("status", code=1)
    assert shop.json("status", "--control", path)["name"] == "shop"
    taken = shop.call("run", file, "--control", path, code=1)
    assert "is the control socket of a system that runs" in taken
    shop.start(file, "counter runs", options=("--control", "none"))
    assert "no system called 'shop' is running" in shop.call("plan", file, code=1)


def test_where_the_command_is_called_makes_no_difference(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    (shop.directory / "below").mkdir()
    monkeypatch.chdir(shop.directory / "below")
    shop.file(patient("a", "'${TREE_DIRECTORY}'"))
    shop.start(Path("../tree.yaml"), f"{shop.directory} runs")
    monkeypatch.chdir("/")
    assert "no change" in shop.call("plan", shop.directory / "tree.yaml")


def test_a_long_row_of_kept_children_is_one_line_of_a_plan(shop: Shop) -> None:
    many = [patient(f"c{number}", f"c{number}") for number in range(10)]
    shop.start(shop.file(*many), *(f"c{number} runs" for number in range(10)))
    told = shop.call("plan", shop.file(*many, COUNTER))
    assert "… 10 kept" in told
    assert "counter" in told


def test_a_tree_that_hangs_in_its_start_is_seen_and_can_be_stopped(shop: Shop) -> None:
    (shop.directory / "slow.py").write_text(
        "import anyio\nfrom airssys_wasm import Actor\n\n\nclass Slow(Actor):\n"
        "    async def init(self):\n        print('slow begins', flush=True)\n"
        "        await anyio.sleep_forever()\n"
    )
    file = shop.file(COUNTER, '{id: slow, actor: "slow:Slow"}', ASK)
    shop.start(file, "counter runs", "slow begins")
    view = shop.json("status")
    assert (view["phase"], view["supervisors"][0]["active"]) == ("starting", 1)
    shown = {child["id"]: child["status"] for child in shop.json("tree")["root"]["children"]}
    assert shown == {"counter": "running", "slow": "starting", "ask": "stopped"}
    assert "no change" in shop.call("plan", file)
    assert "the system is starting" in shop.call("apply", shop.file(COUNTER), code=1)
    shop.processes[0].send_signal(signal.SIGTERM)
    assert shop.processes[0].wait(30) == 0
