"""`airssys-wasm simulate` and `replay` on the tree of a file."""

from __future__ import annotations

import io
import json
import re
import shlex
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from airssys_wasm.cli.main import app
from airssys_wasm.cli.simulate import (
    faults_from,
    plan_from,
    replay,
    simulate,
    strategy_from,
    written,
)
from airssys_wasm.config.drawing.picture import picture_of
from airssys_wasm.testing.again import Again, plan_text
from airssys_wasm.testing.campaign import Campaign, campaign
from airssys_wasm.testing.campaign_report import as_text, marked
from airssys_wasm.testing.faults import ACTOR_FAULTS, Fault
from airssys_wasm.testing.kept import kept_text
from airssys_wasm.testing.searching import run_seed
from airssys_wasm.testing.simulation import Simulation
from airssys_wasm.testing.tree_files import TreeMistakes
from airssys_wasm.testing.tree_runs import (
    TreeOptions,
    config_of,
    run_tree,
    run_with,
    smallest,
)

ACTORS = """
import anyio
from airssys_wasm import Actor


class Stock(Actor):
    def receive(self, message):
        return 10


class Desk(Actor):
    def init(self):
        self.context.send_every(60.0, self.context.ref, "look")

    async def receive(self, message):
        await self.context.system.named("stock").request("left")


class Slow(Actor):
    async def init(self):
        await anyio.sleep(2.5)


class Broken(Actor):
    def init(self):
        raise ValueError("boom")
"""
TREE = """
version: 1
name: shop
intensity: 2
period: 10s
children:
  - {id: stock, actor: simulated_shop:Stock, name: stock}
  - {id: slow, actor: simulated_shop:Slow}
  - id: inner
    supervisor:
      intensity: 0
      children:
        - {id: desk, actor: simulated_shop:Desk}
"""
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("shop")
    (directory / "simulated_shop.py").write_text(ACTORS, encoding="utf-8")
    (directory / "tree.yaml").write_text(TREE, encoding="utf-8")
    return directory / "tree.yaml"


@pytest.fixture(scope="module")
def options(file: Path) -> TreeOptions:
    return TreeOptions(str(file), until=300.0, faults=("crash", "kill"))


@pytest.fixture(scope="module")
def result(options: TreeOptions) -> Campaign:
    return campaign(options, range(30))


def test_a_tree_without_faults_survives(options: TreeOptions) -> None:
    run = run_with(options, ())
    assert (run.failure, run.time, run.outages) == (None, 302.5, ())  # slow took 2.5 s to start
    assert set(run.children) == {"stock", "slow", "inner", "desk"}
    assert dict(run.budgets) == {"root": 2, "inner": 0}


def test_an_outage_lasts_until_the_child_has_started_again(options: TreeOptions) -> None:
    run = run_with(options, [Fault("kill", "inner", nth=2)])
    assert run.stopped  # it was starting
    run = run_with(options, [Fault("crash", "desk", nth=2)])
    assert not run.stopped
    assert {outage.child for outage in run.outages} == {"desk", "inner"}
    assert dict(run.budgets)["root"] == 1


def test_the_same_seed_gives_the_same_run(options: TreeOptions) -> None:
    assert [run_tree(options, seed) for seed in range(5)] == [
        run_tree(options, seed) for seed in range(5)
    ]


def test_it_says_which_faults_stop_the_whole_system(result: Campaign, options: TreeOptions) -> None:
    tree = picture_of(config_of(options.file))
    assert result.runs == 30
    assert result.singles_tried == 6  # nothing crashes in a supervisor, nor in who does nothing
    assert result.singles == ()
    assert result.pairs_tried == result.pairs_of == 15
    fragile = campaign(replace(options, sets=("intensity=0",)), range(2))
    assert {(fault.kind, fault.actor) for fault in fragile.singles} == {
        ("crash", "stock"),
        ("kill", "stock"),
        ("kill", "slow"),
        ("kill", "inner"),
        ("crash", "desk"),
        ("kill", "desk"),
    }
    assert {fault.at for fault in fragile.singles if fault.actor in ("slow", "inner")} == {152.5}
    assert all("fatal" in child.marks for child in marked(tree, fragile).children)


def test_of_a_tree_that_fails_by_itself_no_single_faults_are_tried(options: TreeOptions) -> None:
    broken = replace(options, until=5.0, sets=("slow.actor=simulated_shop:Broken",))
    result = campaign(broken, range(2))
    assert [failure.deviations for failure in result.failures] == [()]
    assert "boom" in result.failures[0].problem
    assert (result.singles_tried, result.pairs_tried) == (0, 0)
    text = written(result, "text", Again(broken, "kept"))
    assert "single faults were not tried: the tree fails without any" in text
    assert "nothing: it fails in production's own order" in text


def test_a_planned_fault_that_comes_in_no_run_is_told(options: TreeOptions) -> None:
    plan = (Fault("kill", "stok", nth=2), Fault("kill", "stock", nth=2))
    planned = replace(options, until=130.0, faults=(), plan=plan)
    result = campaign(planned, range(2))
    assert [fault for fault, _ in result.unmet] == [plan[0]]
    told = (
        "came in no run: kill of stok, the 2. time it runs: nobody of that name ran; did you mean"
    )
    assert f"{told} 'stock'?" in written(result, "text", Again(planned, "kept"))


def test_each_kind_of_failure_has_its_smallest_schedule(result: Campaign) -> None:
    assert result.failures
    for failure in result.failures:
        assert 1 <= len(failure.deviations) <= 10
        assert any(deviation.kind == "fault" for deviation in failure.deviations)
        assert failure.trace


def test_every_form_says_the_same(result: Campaign) -> None:
    first = result.failures[0]
    again = Again(result.options, "kept")
    text = written(result, "text", again)
    assert f"{len(result.singles)} of {result.singles_tried}" in text
    assert again.smallest(first) in text
    assert again.seed(first.seeds[0]) in text
    document: dict[str, Any] = json.loads(written(result, "json", again))
    assert document["failures"][0]["again"] == again.smallest(first)
    assert [failure["kind"] for failure in document["failures"]] == [
        failure.kind for failure in result.failures
    ]
    suite = ElementTree.fromstring(written(result, "junit", again).split("\n", 1)[1])
    assert suite.find("properties/property").get("value") == "30"  # type: ignore[union-attr]
    assert suite.get("tests") == str(len(suite.findall("testcase")))
    assert len(suite.findall("testcase/failure")) == len(result.failures)
    page = written(result, "html", again)
    assert "http" not in page.replace("http://www.w3.org/2000/svg", "")  # a name, no address
    assert page.count("<svg") == len(result.failures) + 1  # the tree, and a timeline of each


@pytest.mark.skipif(CHROMIUM is None, reason="there is no browser")
def test_a_browser_shows_the_page(result: Campaign, tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text(written(result, "html", Again(result.options, "kept")), encoding="utf-8")
    shown = subprocess.run(
        [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", str(page)],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    ).stdout
    assert shown.count("<circle") > 20
    tree = shown[shown.index('<div id="tree"') : shown.index("<h2")]
    for child in result.children:
        assert f">{child}</text>" in tree
    assert ("fatal</text>" in tree) is bool(result.singles)
    assert all(f"away {outage.count}\N{MULTIPLICATION SIGN}" in tree for outage in result.outages)
    assert f"{result.runs} runs" in shown


def test_a_seed_is_run_again_with_its_trace(result: Campaign) -> None:
    failure = result.failures[0]
    out = io.StringIO()
    code = replay(result.options, seed=failure.seeds[0], schedule=None, step=False, out=out)
    assert code == 1
    assert f"\nseed {failure.seeds[0]}: {failure.kind}: {failure.problem}" in out.getvalue()
    assert "because" in failure.problem  # the reason is told, too
    assert "fault" in out.getvalue()


def test_a_kept_schedule_is_run_again(result: Campaign, tmp_path: Path) -> None:
    failure = result.failures[0]
    kept = tmp_path / "schedule.json"
    text = kept_text(failure.seeds[0], failure.deviations, failure.trace)
    kept.write_text(text, encoding="utf-8")
    out = io.StringIO()
    assert replay(result.options, seed=0, schedule=kept, step=False, out=out) == 1
    assert out.getvalue().startswith(f"differs: {failure.deviations[0]}")
    assert "not as it was kept" not in out.getvalue()
    other = [entry._replace(actor="other") for entry in failure.trace]
    kept.write_text(kept_text(failure.seeds[0], failure.deviations, other), encoding="utf-8")
    assert replay(result.options, seed=0, schedule=kept, step=False, out=out) == 1
    assert "not as it was kept, from entry" in out.getvalue()


def test_the_commands_of_a_report_run_again_what_it_tells(file: Path, tmp_path: Path) -> None:
    command = ["simulate", str(file), "--seeds", "20", "--until", "5m", "--jobs", "1"]
    command += ["--set", "intensity=0", "--faults", "crash,kill", "--keep", str(tmp_path / "kept")]
    told = airssys(*command)
    assert told.exit_code == 1
    again = re.findall(r"(?:again|seed \d+): (airssys-wasm replay .*)", told.stdout)
    assert len(again) >= 4
    for line in again:
        done = airssys(*shlex.split(line)[1:])
        assert done.exit_code == 1, line
        assert re.search(r"seed \d+: (SystemFailed|StartError)", done.stdout), line
        assert "not as it was kept" not in done.stdout
        assert "did not come" not in done.stdout


def airssys(*arguments: str) -> Any:
    return CliRunner().invoke(app, arguments)


def test_a_planned_fault_is_read_from_the_command_line() -> None:
    for text, fault in (
        ("kill:desk", Fault("kill", "desk")),
        ("failing init:desk:3", Fault("failing init", "desk", nth=3)),
        ("kill:desk@90s", Fault("kill", "desk", at=90.0)),
    ):
        assert plan_from([text]) == (fault,)
        assert plan_from([plan_text(fault)]) == (fault,)
    for text, problem in (
        ("kill", "is no planned fault"),
        ("kill:", "is no planned fault"),
        ("kill:desk:x", "is no planned fault"),
        ("kill:desk@soon", "is no planned fault"),
        ("meteor:desk", "'meteor' is no fault"),
        ("kill:desk:0", "counted from 1"),
        ("partition:desk:1", "one node"),
    ):
        with pytest.raises(ValueError, match=problem):
            plan_from([text])


def test_the_command_runs_on_several_cores(file: Path) -> None:
    command = [sys.executable, "-m", "airssys_wasm.cli.main", "simulate", str(file)]
    command += ["--seeds", "40", "--until", "5m", "--jobs", "2", "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["runs"] == 40


def test_mistakes_in_the_file_are_told_with_their_places(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "tree.yaml"
    path.write_text("version: 1\nname: shop\nperiod: soon\nchildren: []\n", encoding="utf-8")
    missing = tmp_path / "none.yaml"
    for file, told in (
        (path, f"{path}:3:9: period: 'soon' is not a duration"),
        (missing, f"{missing}:1:1: the file cannot be read"),
    ):
        options = TreeOptions(str(file))
        assert simulate(options, seeds=1, jobs=1, form="text") == 2
        assert told in capsys.readouterr().err
        assert replay(options, seed=1, schedule=None, step=False) == 2
        assert told in capsys.readouterr().err


def test_a_tree_of_several_nodes_is_refused(
    tmp_path: Path, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = file.parent / "several.yaml"
    path.write_text(f"{TREE}engine: {{nats: 'nats://127.0.0.1:4222'}}\n", encoding="utf-8")
    assert simulate(TreeOptions(str(path)), seeds=1, jobs=1, form="text", keep=tmp_path) == 2
    assert f"{path}: engine: a tree of several nodes can't be simulated" in capsys.readouterr().err


def test_a_tree_file_with_a_mistake_fails_the_test_that_uses_it(tmp_path: Path) -> None:
    path = tmp_path / "tree.yaml"
    path.write_text("version: 1\nname: shop\nperiod: soon\nchildren: []\n", encoding="utf-8")

    async def test(simulation: Simulation) -> None:
        await simulation.system(path)

    failure = run_seed(test, 0).failure
    assert isinstance(failure, TreeMistakes)
    assert [problem.path for problem in failure.problems] == ["period", "children"]
    assert f"{path}:3:9: period: 'soon' is not a duration" in str(failure)


def test_a_schedule_that_is_none_is_told(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "schedule.json"
    bad.write_text("{", encoding="utf-8")
    options = TreeOptions(str(file))
    for schedule in (bad, tmp_path / "none.json"):
        assert replay(options, seed=1, schedule=schedule, step=False) == 2
        assert str(schedule) in capsys.readouterr().err


def test_ctrl_c_stops_it_and_what_came_out_is_told(file: Path) -> None:
    command = [sys.executable, "-m", "airssys_wasm.cli.main", "simulate", str(file)]
    command += ["--seeds", "1000000", "--until", "60s", "--jobs", "1"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stderr is not None
        for _ in iter(lambda: _is_caught(process.pid), True):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "stopping after what is under way" in err
    assert re.search(r"stopped after \d+ of 1000000 runs, 0 failed", out)


def test_when_it_is_stopped_a_failure_is_as_small_as_it_is_by_then(file: Path) -> None:
    told: list[tuple[str, int, int]] = []
    options = TreeOptions(str(file), faults=("crash", "kill"), until=60.0)
    seen = next(seed for seed in range(200) if run_tree(options, seed).failure is not None)

    def stopped() -> bool:
        return bool(told)  # from the first news on

    result = campaign(
        options, range(seen, seen + 1), on_progress=lambda *news: told.append(news), stopped=stopped
    )
    (failure,) = result.failures
    assert result.stopped
    assert failure.deviations
    assert told[-1] == ("failures made small", 1, 1)
    assert len(failure.deviations) >= len(smallest(options, seen).deviations)
    assert "single faults were not tried: it was stopped before" in as_text(
        result, Again(options, ".")
    )


def _is_caught(pid: int) -> bool:
    """Whether the process has its own handler for SIGINT by now."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    caught = int(re.findall(r"SigCgt:\s*(\w+)", status)[0], 16)
    terminated = caught & 1 << (signal.SIGTERM - 1)  # Python itself catches SIGINT alone
    return bool(terminated)


def test_faults_and_strategies_are_refused_by_name() -> None:
    assert faults_from("crash, failing init") == ("crash", "failing init")
    assert faults_from("all") == ACTOR_FAULTS
    assert strategy_from("pct") == "pct"
    with pytest.raises(ValueError, match="'meteor' is no fault"):
        faults_from("meteor")
    with pytest.raises(ValueError, match="'flood', 'meteor' are no faults; they are all, crash,"):
        faults_from("flood,kill,meteor")
    with pytest.raises(ValueError, match="'partition' can't come to this tree, which is one node"):
        faults_from("crash,partition")
    with pytest.raises(ValueError, match="'best' is no strategy"):
        strategy_from("best")
