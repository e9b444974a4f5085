"""The event loops under which every test marked `anyio` runs: asyncio's own, and uvloop."""

import pytest

LOOPS = [
    pytest.param(("asyncio", {"use_uvloop": False}), id="asyncio"),
    pytest.param(("asyncio", {"use_uvloop": True}), id="uvloop"),
]


@pytest.fixture(params=LOOPS)
def anyio_backend(request: pytest.FixtureRequest) -> object:
    """The backend that anyio's pytest plugin is to start, with its options."""
    return request.param
