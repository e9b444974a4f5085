"""Acts: plants one fault at a time in a copy of the project, and runs the tests there."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.planted.fault import Fault
from tests.planted.verdict import PASSED, Verdict, verdict

ONE_TEST = 20  # seconds; the slowest takes a tenth of that on an idle machine
ALL_TESTS = 900  # seconds
MEMORY = 8 << 30  # bytes of addresses; a fault may well be an endless loop that appends

PROJECT = Path(__file__).parents[2]
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".hypothesis", "__pycache__", ".*_cache", "*.egg-info", "node_modules"
)


class Planter:
    """A copy of the project in which faults are planted."""

    def __init__(self, copy: Path) -> None:
        self.copy = copy

    def check(self, tests: Sequence[str]) -> str:
        """Run `tests` on the unchanged copy: "", or what is wrong with them there."""
        code, output = self._python("-c", "import airssys_wasm; print(airssys_wasm.__file__)")
        if code != PASSED or not Path(output.strip()).is_relative_to(self.copy):
            return f"the copy is not what is imported: {output}"
        code, output = self._pytest(tests)
        return "" if code == PASSED else output

    def try_out(self, fault: Fault, tests: Sequence[str]) -> Verdict:
        """Plant `fault`, run its tests and then `tests` until one notices; take it out again."""
        file = (self.copy / fault.file).resolve()
        source = file.read_text()
        _replace(file, fault.planted(source))
        try:
            if fault.first:  # a run of its own: pytest would sort them
                code, output = self._pytest([fault.first])
                if code != PASSED or not tests:
                    return verdict(code, output, fault.equivalent)
            code, output = self._pytest(tests)
        finally:
            _replace(file, source)
        return verdict(code, output, fault.equivalent)

    def _pytest(self, tests: Sequence[str]) -> tuple[int | None, str]:
        return self._python(
            *("-m", "pytest", "-vv", "-x", "--tb=no", "-p", "no:cacheprovider"),
            *("-o", f"faulthandler_timeout={ONE_TEST}", "-o", "faulthandler_exit_on_timeout=true"),
            *("--color=no", *tests),
        )

    def _python(self, *arguments: str) -> tuple[int | None, str]:
        environment = os.environ | {"HYPOTHESIS_PROFILE": "ci", "COLUMNS": "500"}
        with tempfile.TemporaryFile() as output:
            process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=self.copy,
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_bounded,
            )
            try:
                code: int | None = process.wait(ALL_TESTS)
            except subprocess.TimeoutExpired:
                code = None
            finally:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)  # and what it started
                process.wait()
            output.seek(0)
            return code, output.read().decode(errors="replace")


def _replace(file: Path, source: str) -> None:
    file.write_text(source)
    # A file that changes twice within a second could be taken for what it was before.
    for compiled in (file.parent / "__pycache__").glob(f"{file.stem}.*.pyc"):
        compiled.unlink()


def _bounded() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


@contextlib.contextmanager
def planter() -> Iterator[Planter]:
    """A copy of the project, in a directory that is removed in the end."""
    with tempfile.TemporaryDirectory(prefix="planted-") as directory:
        copy = Path(directory).resolve() / "project"
        shutil.copytree(PROJECT, copy, symlinks=True, ignore=LEFT_OUT)
        yield Planter(copy)
