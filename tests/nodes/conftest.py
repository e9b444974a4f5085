"""What the tests of several nodes have in common."""

from tests.broker.conftest import nats_server
from tests.nodes.cluster import run

__all__ = ["nats_server", "run"]
