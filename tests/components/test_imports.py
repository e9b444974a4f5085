"""Which grants an imported interface needs, and the line that would give them."""

import pytest
import yaml

from airssys_wasm.components import Capabilities, MessagingGrant, StorageGrant
from airssys_wasm.components.imports import missing_grants

CORE = "airssys:core/{}@1.1.0"


@pytest.mark.parametrize("name", ["storage", "host-messaging", "pubsub", "calls", "actors"])
def test_an_interface_of_which_nothing_is_granted_is_named_with_a_line_that_grants_it(
    name: str,
) -> None:
    (missing,) = missing_grants([CORE.format(name)], Capabilities())
    assert missing.interface == CORE.format(name)
    line = missing.line.replace("NAME", "ledger").replace("TOPIC", "orders")
    granted = yaml.safe_load(line)["capabilities"]
    assert list(granted) == [missing.family]
    storage = StorageGrant(**granted["storage"]) if "storage" in granted else None
    capabilities = Capabilities(MessagingGrant(**granted.get("messaging", {})), storage)
    assert missing_grants([CORE.format(name)], capabilities) == ()


def test_one_grant_of_an_interface_is_enough() -> None:
    publishes = Capabilities(MessagingGrant(publish=["a"]))
    assert missing_grants([CORE.format("pubsub")], publishes) == ()
    assert missing_grants([CORE.format("calls")], publishes) != ()


@pytest.mark.parametrize("interface", ["airssys:core/host-services@1.0.0", "wasi:cli/stdout@0.2.0"])
def test_what_needs_no_grant_is_not_named(interface: str) -> None:
    assert missing_grants([interface], Capabilities()) == ()
