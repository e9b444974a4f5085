"""The NATS server of the tests of this folder: one for all of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.nats_server import MISSING, SERVER, NatsServer


@pytest.fixture(scope="session")
def nats_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    if SERVER is None:
        pytest.skip(MISSING)
    server = NatsServer(Path(tmp_path_factory.mktemp("nats")))
    server.start()
    yield server
    server.stop()
