"""The manual of topics is true: its program runs and prints what it says."""

import re
import subprocess
import sys
from pathlib import Path

MANUAL = Path(__file__).parents[2] / "docs" / "topics.md"


def test_the_program_of_the_manual_runs_and_prints_what_it_says() -> None:
    (program,) = re.findall(r"^```python\n(.*?)^```$", MANUAL.read_text(), re.MULTILINE | re.DOTALL)
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert re.findall(r"# prints (.*)", program) == result.stdout.splitlines()
