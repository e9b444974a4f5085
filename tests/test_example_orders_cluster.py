"""examples/orders-cluster as a person runs it: one command, three nodes, a table that adds up."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.nats_server import MISSING, SERVER

FOLDER = Path(__file__).parent.parent / "examples" / "orders-cluster"
RUN = [sys.executable, str(FOLDER / "run.py"), "--orders", "1200"]
PATIENCE = 170.0  # seconds; twenty when nobody else uses the machine

pytestmark = pytest.mark.skipif(SERVER is None, reason=MISSING)


def started(tmp_path: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*RUN, *arguments],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def table(output: str) -> dict[str, int]:
    """The numbers of the report by their label."""
    rows = re.findall(r"^ +([a-z0-9 -]+?) +([\d,]+)$", output, re.MULTILINE)
    return {label: int(number.replace(",", "")) for label, number in rows}


def left_over(tmp_path: Path) -> list[str]:
    """What still runs of all that was started with files in this folder."""
    commands = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().replace(b"\0", b" ").decode()
        except OSError:  # it has just ended
            continue
        if str(tmp_path) in command and path.parent.name != str(os.getpid()):
            commands.append(command)
    return commands


@pytest.mark.parametrize("arguments", [(), ("--kill",)], ids=["undisturbed", "one killed"])
def test_every_order_is_accounted_for_on_three_nodes(
    short_path: Path, arguments: tuple[str, ...]
) -> None:
    run = started(short_path, *arguments)
    output, errors = run.communicate(timeout=PATIENCE)
    assert run.returncode == 0, errors
    counted = table(output)
    kinds = {kind: counted[kind] for kind in ("read", "priced", "rejected", "trapped")}
    assert kinds == {"read": 1200, "priced": 1193, "rejected": 6, "trapped": 1}
    who = {label: n for label, n in counted.items() if " on worker-" in label}
    assert sum(who.values()) == 1193 + 6
    assert ("is killed, with" in output) == bool(arguments)
    if arguments:
        assert {label.split(" on ")[1] for label in who} <= {"worker-1", "worker-2"}
    assert left_over(short_path) == []
    assert list(short_path.iterdir()) == []


def test_what_was_started_is_ended_at_ctrl_c(short_path: Path) -> None:
    run = started(short_path)
    deadline = time.monotonic() + PATIENCE
    while len(left_over(short_path)) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    run.send_signal(signal.SIGINT)
    run.communicate(timeout=PATIENCE)
    assert run.returncode == 130
    assert left_over(short_path) == []
    assert list(short_path.iterdir()) == []


def test_without_a_server_it_says_what_to_install(tmp_path: Path) -> None:
    code = (
        "import shutil, sys; shutil.which = lambda *a, **k: None; "
        f"sys.argv = [{str(FOLDER / 'run.py')!r}]; import runpy; "
        f"runpy.run_path({str(FOLDER / 'run.py')!r}, run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 1
    assert "nats-server is not installed (Debian: apt install nats-server)" in done.stderr
