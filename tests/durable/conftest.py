"""A NATS server of each test's own: these kill it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.nats_server import MISSING, SERVER, NatsServer


@pytest.fixture
def server(tmp_path: Path) -> Iterator[NatsServer]:
    if SERVER is None:
        pytest.skip(MISSING)
    server = NatsServer(tmp_path / "nats")
    server.start()
    yield server
    server.kill()
