"""Which way of running guests is taken here: fibers in the loop, or threads.

Pure: what is installed is told to it. The fast path relies on the layout of structures that
wasmtime does not promise, so it is for one version; the slow path is for all others.
"""

from __future__ import annotations

from typing import Literal

from airssys_wasm.components.errors import EngineUnavailable

# The version that `foreign.py` is written for; it looks again when it is imported.
FAST_PATH_VERSION = "50.0.1"

# Its new check of the C stack is reported to end the process on a fiber's stack.
_FIRST_PYTHON_WITHOUT_FIBERS = (3, 14)


def choose_path(
    wanted: Literal["auto", "fast", "slow"],
    *,
    wheel: str,
    python: tuple[int, int],
    implementation: str,
    system: str,
) -> Literal["fast", "slow"]:
    """The path that runs: "auto" is the fast one wherever it can run.

    Raises EngineUnavailable where it was asked for by name and can't.

    >>> here = {"python": (3, 12), "implementation": "CPython", "system": "posix"}
    >>> choose_path("auto", wheel="50.0.1", **here), choose_path("auto", wheel="51.0.0", **here)
    ('fast', 'slow')
    """
    if wanted == "slow":
        return "slow"
    why = _why_not_fast(wheel, python, implementation, system)
    if why is None:
        return "fast"
    if wanted == "fast":
        raise EngineUnavailable("fast", why)
    return "slow"


def _why_not_fast(
    wheel: str, python: tuple[int, int], implementation: str, system: str
) -> str | None:
    if wheel != FAST_PATH_VERSION:
        return f"it is for wasmtime {FAST_PATH_VERSION}, and {wheel} is installed"
    if python >= _FIRST_PYTHON_WITHOUT_FIBERS:
        return f"it is not tested on Python {python[0]}.{python[1]}"
    if implementation != "CPython":
        return f"it needs CPython, not {implementation}"
    if system != "posix":
        return "it needs a POSIX system"
    return None
