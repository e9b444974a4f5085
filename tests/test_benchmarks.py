"""The benchmarks run, and say what they are. How long they take is not asked here."""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from benchmarks import curves, report
from benchmarks.catalogue import catalogue, with_others
from benchmarks.measure import Benchmark, Result, Sample, measure
from benchmarks.peers.programs import Program, programs, run

ROOT = Path(__file__).parent.parent
KNOWN = catalogue()
SMALL = 20  # messages or actors


def fixed(name: str, cost: float, **rest: object) -> Benchmark:
    """A benchmark whose every operation costs the same."""
    return Benchmark(name, "step", lambda size: Sample(size, cost), 10, "", **rest)  # type: ignore[arg-type]


def only(benchmark: Benchmark, **rest: object) -> Result:
    (result,) = measure([benchmark], 3, **rest)  # type: ignore[arg-type]
    return result


@pytest.mark.parametrize("name", KNOWN)
def test_each_benchmark_runs(name: str) -> None:
    benchmark = KNOWN[name]
    sample = benchmark.run(min(benchmark.size, SMALL))
    assert sample.operations >= 1
    if benchmark.tasks is not None:
        assert benchmark.tasks(min(benchmark.size, SMALL)).operations >= 1


@pytest.mark.parametrize("picture", curves.PICTURES, ids=lambda picture: picture.file)
def test_each_line_of_each_picture_can_be_measured(picture: curves.Picture) -> None:
    for line in picture.lines:
        assert curves.point(line, min(picture.sizes), 1).median > 0


def test_what_is_asked_is_asked_of_something_that_is_measured() -> None:
    for benchmark in KNOWN.values():
        if benchmark.asked_in == "other" or benchmark.other is not None:
            assert benchmark.other in KNOWN
        if benchmark.asked_in == "asyncio":
            assert benchmark.tasks is not None
        if benchmark.asked is not None and benchmark.asked_in == "F":
            assert benchmark.unit == "ns"


def test_a_benchmark_that_is_compared_with_another_brings_it_along() -> None:
    chosen = [benchmark.name for benchmark in with_others(["restart-100000"], KNOWN)]
    assert chosen == ["restart-10", "restart-100000"]


@pytest.mark.parametrize(("limit", "met"), [(5.0, True), (3.0, False)])
def test_a_limit_is_kept_by_what_is_not_above_it(limit: float, met: bool) -> None:
    assert only(fixed("it", 4.0, asked=limit, asked_in="unit")).met is met


def test_sizes_that_were_made_small_are_not_judged() -> None:
    assert only(fixed("it", 4.0, asked=5.0, asked_in="unit"), shrink=2).met is None


def test_a_sample_of_a_busy_machine_is_not_judged() -> None:
    busy = Benchmark(
        "it", "step", lambda size: Sample(1, 9.0, fit=False), 1, "", asked=5.0, asked_in="unit"
    )
    result = only(busy)
    assert result.met is None
    assert report.verdict([result]) == "0 of 0 limits kept; nothing can be said of it"


def test_a_ratio_is_our_cost_divided_by_theirs() -> None:
    theirs: Mapping[str, Mapping[str, float]] = {"erlang": {"it": 2.0}, "go": {"another": 1.0}}
    one, other = measure(
        [fixed("it", 4.0), fixed("other", 8.0, asked=1.5, asked_in="other", other="it")],
        2,
        peers=lambda: theirs,
    )
    assert (one.peers, other.peers, other.others, other.met) == ({"erlang": 2.0}, {}, 2.0, False)


def test_a_heavy_benchmark_has_at_most_three_rounds() -> None:
    results = measure([fixed("light", 1.0), fixed("heavy", 1.0, heavy=True)], 5)
    assert [result.rounds for result in results] == [5, 3]


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_the_command_prints_the_machine_and_each_result_as_json() -> None:
    done = command("one-way", "request", "--quick", "--rounds", "2", "--json")
    said = json.loads(done.stdout)
    assert done.returncode == 0
    assert {"python", "compiler", "machine", "processors", "load", "floor"} <= set(said["machine"])
    assert [result["name"] for result in said["results"]] == ["one-way", "request"]
    one_way = {"operations": 400, "rounds": 2, "unit": "ns", "asked": 1.7, "asked_in": "F"}
    assert one_way.items() <= said["results"][0].items()


def test_the_command_prints_a_table_for_people() -> None:
    done = command("one-way", "flood", "--quick", "--rounds", "1")
    lines = done.stdout.splitlines()
    assert done.returncode == 0
    assert lines[0].startswith("python CPython")
    assert lines[2].split()[:3] == ["benchmark", "operation", "cost"]
    assert "1.7 F" in lines[3]


def test_a_name_that_there_is_not_is_refused() -> None:
    done = command("one-weigh")
    assert done.returncode == 2
    assert "there is no benchmark 'one-weigh'" in done.stderr


@pytest.fixture(scope="module")
def found() -> Iterator[dict[str, Program]]:
    """The peers of this machine."""
    with programs() as here:
        yield {program.name: program for program in here}


@pytest.mark.parametrize("name", ["otpylib", "pykka", "thespian", "xoscar", "erlang", "go", "node"])
def test_each_peer_that_is_found_does_the_work_of_some_benchmarks(
    name: str, found: dict[str, Program]
) -> None:
    if name not in found:
        pytest.skip(f"{name} is not on this machine")
    costs = run(found[name], 100)
    assert {"one-way", "fan-in", "ping-pong", "request", "spawn-message-stop"} <= set(costs)
    assert set(costs) <= set(KNOWN)


def test_pictures_are_drawn_where_matplotlib_is_there(tmp_path: Path) -> None:
    if importlib.util.find_spec("matplotlib") is None:
        pytest.skip("matplotlib is not installed: it is in the extra `bench`")
    done = command("--plot", str(tmp_path / "plots"), "--rounds", "1", "--quick")
    files = sorted(path.name for path in (tmp_path / "plots").iterdir())
    assert done.returncode == 0, done.stderr
    assert files == sorted(picture.file for picture in curves.PICTURES)
