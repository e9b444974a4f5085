"""`airssys-wasm run`, as a user sees it: exit codes, signals, logs and reports."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ACTORS = """
import sys
from airssys_wasm import Actor


def say(text):
    print(text, flush=True)


async def quick(inbox, rows=3):
    inbox.context.system.report("quick work", {"rows": rows, "share": 0.5}, ["line 7: odd"])


async def patient(inbox, name="patient"):
    say(f"{name} runs")
    try:
        async for message in inbox:
            pass
    finally:
        say(f"{name} ends")


async def crash(inbox):
    raise ValueError("no bread today")


class Stubborn(Actor):
    def init(self):
        say("stubborn runs")

    async def terminate(self, reason):
        import anyio
        say("stubborn is asked to end")
        await anyio.sleep(1000)


class Blocking(Actor):
    def init(self):
        say("blocking runs")
        self.context.send_after(0, self.context.ref, "block")

    def receive(self, message):
        say("blocking blocks")
        while True:
            pass


async def loop(inbox):
    import asyncio
    module = type(asyncio.get_running_loop()).__module__
    inbox.context.system.report("loop", {"module": module})
"""


def tree(directory: Path, *children: str, head: str = "auto_shutdown: any_significant\n") -> Path:
    (directory / "own_actors.py").write_text(ACTORS)
    file = directory / "tree.yaml"
    lines = (f"  - {child}\n" for child in children)
    file.write_text(f"version: 1\nname: shop\n{head}children:\n{''.join(lines)}")
    return file


QUICK = '{id: quick, actor: "own_actors:quick", significant: true, restart: transient}'


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "airssys_wasm.cli.main", "run", *arguments]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(*arguments), capture_output=True, text=True, timeout=60, check=False
    )


@contextmanager
def started(file: Path, *until: str) -> Iterator[subprocess.Popen[str]]:
    """The run of a file, when it has printed the lines."""
    process = subprocess.Popen(
        command(str(file)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert [process.stdout.readline().strip() for _ in until] == list(until)
        yield process
    finally:
        process.kill()
        process.wait(30)
        for stream in (process.stdout, process.stderr):
            assert stream is not None
            stream.close()


def test_a_normal_end_is_0_with_the_reports_that_actors_left(tmp_path: Path) -> None:
    done = run(str(tree(tmp_path, QUICK)))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "quick work\n  rows     3\n  share  0.5\n  line 7: odd\n"


def test_set_changes_what_runs(tmp_path: Path) -> None:
    done = run(str(tree(tmp_path, QUICK)), "--set", "quick.args.rows=4000")
    assert done.returncode == 0
    assert "rows   4,000" in done.stdout


def test_a_root_that_gave_up_is_1_with_the_chain_of_reasons(tmp_path: Path) -> None:
    inner = 'id: inner\n    supervisor:\n      children: [{id: baker, actor: "own_actors:crash"}]'
    done = run(str(tree(tmp_path, inner, head="")))
    assert done.returncode == 1
    told = done.stderr[done.stderr.index("the system failed:") :].splitlines()
    assert "'inner'" in told[1]
    assert told[2].startswith("    because ")
    assert "'baker'" in told[2]
    assert "ValueError" in told[3]
    assert "no bread today" in told[3]


def test_the_log_is_json_lines_where_nobody_looks(tmp_path: Path) -> None:
    done = run(str(tree(tmp_path, '{id: baker, actor: "own_actors:crash"}', head="")))
    log = done.stderr[: done.stderr.index("the system failed:")]
    entries = [json.loads(line) for line in log.splitlines()]
    assert entries
    assert any("no bread today" in json.dumps(entry) for entry in entries)


def test_a_bad_file_is_2_and_nothing_is_started(tmp_path: Path) -> None:
    done = run(str(tree(tmp_path, QUICK, "{id: b}")))
    assert (done.returncode, done.stdout) == (2, "")
    assert "children[1]: a child needs one of the keys" in done.stderr


def test_a_module_that_fails_to_import_is_told_with_its_place(tmp_path: Path) -> None:
    file = tree(tmp_path, QUICK)
    (tmp_path / "own_actors.py").write_text("class quick: ...\nraise RuntimeError('not today')")
    done = run(str(file))
    assert done.returncode == 2
    failed = "children[0].actor: importing 'own_actors:quick' failed: RuntimeError: not today"
    assert f"{file}:5:24: {failed}" in done.stderr
    assert "Traceback" not in done.stderr
    assert "Traceback" in run(str(file), "--debug").stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_stops_the_tree_in_order(number: signal.Signals, tmp_path: Path) -> None:
    children = (
        f'{{id: {name}, actor: "own_actors:patient", args: [{name}]}}' for name in ("one", "two")
    )
    with started(tree(tmp_path, *children, head=""), "one runs", "two runs") as process:
        process.send_signal(number)
        out, error = process.communicate(timeout=30)
    assert out.splitlines() == ["two ends", "one ends"]
    assert (process.returncode, error) == (0, "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_second_signal_ends_the_process_at_once(number: signal.Signals, tmp_path: Path) -> None:
    child = '{id: stubborn, actor: "own_actors:Stubborn", shutdown: infinity}'
    with started(tree(tmp_path, child, head=""), "stubborn runs") as process:
        assert process.stdout is not None
        process.send_signal(number)
        assert process.stdout.readline() == "stubborn is asked to end\n"
        process.send_signal(number)
        assert process.wait(30) == 128 + number


def test_the_second_signal_ends_even_a_blocked_loop(tmp_path: Path) -> None:
    child = '{id: blocking, actor: "own_actors:Blocking"}'
    file = tree(tmp_path, child, head="")
    with started(file, "blocking runs", "blocking blocks") as process:
        process.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.5)
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 128 + signal.SIGTERM


def test_uvloop_is_used_where_it_is_there(tmp_path: Path) -> None:
    child = '{id: loop, actor: "own_actors:loop", significant: true, restart: transient}'
    done = run(str(tree(tmp_path, child)))
    assert (done.returncode, done.stdout) == (0, "loop\n  module  uvloop\n")
