"""The event loops under which every test marked `anyio` runs: asyncio's own, and uvloop."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

LOOPS = [
    pytest.param(("asyncio", {"use_uvloop": False}), id="asyncio"),
    pytest.param(("asyncio", {"use_uvloop": True}), id="uvloop"),
]


@pytest.fixture(params=LOOPS)
def anyio_backend(request: pytest.FixtureRequest) -> object:
    """The backend that anyio's pytest plugin is to start, with its options."""
    return request.param


@pytest.fixture(scope="session")
def make_short_path() -> Iterator[Callable[[], Path]]:
    """Makes a folder at each call; its path is short enough for the sockets that go into it."""
    made: list[str] = []

    def make() -> Path:
        made.append(tempfile.mkdtemp(prefix="aw-", dir="/tmp"))
        return Path(made[-1])

    yield make
    for folder in made:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def short_path(make_short_path: Callable[[], Path]) -> Path:
    """A folder of the test's own, with a path that is short enough for the sockets in it."""
    return make_short_path()
