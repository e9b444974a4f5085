"""The manual of several nodes is true: its program runs."""

import re
import subprocess
import sys
from pathlib import Path

MANUAL = Path(__file__).parents[2] / "docs" / "nodes.md"


def test_the_program_of_the_manual_runs() -> None:
    (program,) = re.findall(r"^```python\n(.*?)^```$", MANUAL.read_text(), re.MULTILINE | re.DOTALL)
    subprocess.run([sys.executable, "-W", "error", "-c", program], check=True, timeout=120)
