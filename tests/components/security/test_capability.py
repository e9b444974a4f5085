"""Grants: nothing is allowed but what they say, and a denial says which one would have."""

import pytest
import yaml

from airssys_wasm.broker.errors import TopicError
from airssys_wasm.components import Capabilities, ComponentId, MessagingGrant, StorageGrant
from airssys_wasm.components.host.gate import Gate
from airssys_wasm.components.identity import parse_id
from airssys_wasm.components.security.audit import AuditTrail
from airssys_wasm.components.security.capability import Action, denial
from airssys_wasm.components.security.quota import UNBOUNDED, RateLimit

PRICES = parse_id("shop/prices/")
LEDGER = parse_id("ledger")

ASKS: list[tuple[Action, ComponentId | str]] = [
    ("send", LEDGER),
    ("request", LEDGER),
    ("spawn", LEDGER),
    ("publish", "orders.priced"),
    ("subscribe", "orders.*"),
    ("read", "storage"),
    ("write", "storage"),
    ("time", "wasi:clocks/wall-clock"),
    ("random", "wasi:random/random"),
]


def everything(rate: RateLimit = UNBOUNDED) -> Capabilities:
    messaging = MessagingGrant(
        send=["*"], request=["*"], spawn=["*"], publish=[">"], subscribe=[">"], rate=rate
    )
    return Capabilities(messaging, StorageGrant("read-write"), time=True, random=True)


EVERYTHING = everything()


@pytest.mark.parametrize(("action", "target"), ASKS)
def test_everything_is_denied_unless_granted(action: Action, target: ComponentId | str) -> None:
    denied = denial(PRICES, Capabilities(), action, target)
    assert denied is not None
    assert (denied.component, denied.action, denied.target) == (PRICES, action, str(target))


@pytest.mark.parametrize(("action", "target"), ASKS)
def test_what_is_granted_is_allowed(action: Action, target: ComponentId | str) -> None:
    assert denial(PRICES, EVERYTHING, action, target) is None


@pytest.mark.parametrize(("action", "target"), ASKS)
def test_the_line_that_a_denial_proposes_is_yaml_that_allows_it(
    action: Action, target: ComponentId | str
) -> None:
    denied = denial(PRICES, Capabilities(), action, target)
    assert denied is not None
    assert denied.grant in str(denied)
    granted = yaml.safe_load(denied.grant)["capabilities"]
    messaging = MessagingGrant(**granted.get("messaging", {}))
    storage = StorageGrant(**granted["storage"]) if "storage" in granted else None
    time, random = granted.get("time", False), granted.get("random", False)
    allowed = Capabilities(messaging, storage, time=time, random=random)
    assert denial(PRICES, allowed, action, target) is None


def test_a_grant_to_send_is_none_to_ask() -> None:
    capabilities = Capabilities(MessagingGrant(send=["ledger"]))
    assert denial(PRICES, capabilities, "send", LEDGER) is None
    assert denial(PRICES, capabilities, "request", LEDGER) is not None


def test_a_grant_to_read_is_none_to_write() -> None:
    capabilities = Capabilities(storage=StorageGrant("read"))
    assert denial(PRICES, capabilities, "read", "storage") is None
    assert denial(PRICES, capabilities, "write", "storage") is not None


def test_who_may_be_sent_to_or_asked_is_within_reach() -> None:
    capabilities = Capabilities(MessagingGrant(send=["a"], request=["b"]))
    assert capabilities.reaches(parse_id("a"))
    assert capabilities.reaches(parse_id("b"))
    assert not capabilities.reaches(parse_id("c"))


def test_what_could_never_be_right_is_refused_when_it_is_written() -> None:
    with pytest.raises(ValueError, match=r"messaging\.send: 'a/b' is no pattern"):
        MessagingGrant(send=["a/b"])
    with pytest.raises(TypeError, match="write a list"):
        MessagingGrant(send="ledger")
    with pytest.raises(TopicError):
        MessagingGrant(publish=["orders..x"])
    with pytest.raises(ValueError, match=r"storage\.quota"):
        StorageGrant(quota=0)
    with pytest.raises(ValueError, match="no component id"):
        StorageGrant(namespace="a/b")


def gate(capabilities: Capabilities, audit: AuditTrail, clock: list[float]) -> Gate:
    return Gate(PRICES, capabilities, audit, lambda: clock[0])


def test_the_gate_asks_for_capability_then_quota_then_rate() -> None:
    audit, now = AuditTrail(), [0.0]
    rate = RateLimit(calls=1)
    closed = gate(Capabilities(MessagingGrant(rate=rate)), audit, now)
    opened = gate(everything(rate), audit, now)
    refused = [
        closed.refusal("host-messaging.send", "send", LEDGER, within_quota=False),
        opened.refusal("host-messaging.send", "send", LEDGER, within_quota=False),
        opened.refusal("host-messaging.send", "send", LEDGER),
        opened.refusal("host-messaging.send", "send", LEDGER),
    ]
    assert [refusal and refusal.kind for refusal in refused] == ["denied", "quota", None, "rate"]
    now[0] = 1.0
    assert opened.refusal("host-messaging.send", "send", LEDGER) is None


def test_many_targets_are_one_decision_that_takes_nothing_when_it_is_refused() -> None:
    audit = AuditTrail()
    opened = gate(everything(RateLimit(calls=3, bytes=30)), audit, [0.0])
    targets = [parse_id(name) for name in "abc"]
    broadcast = "host-messaging.broadcast"
    assert opened.refusal_of_any(broadcast, "send", targets[:1], size=5) is None
    too_many = opened.refusal_of_any(broadcast, "send", targets, size=1)
    too_large = opened.refusal_of_any(broadcast, "send", targets[:2], size=13)
    assert too_many == ("rate", "host-messaging.broadcast is over 3 messages a second")
    assert too_large == ("rate", "host-messaging.broadcast is over 30 bytes a second")
    assert opened.refusal_of_any(broadcast, "send", targets[:2], size=12) is None
    assert audit.counts["over rate"] == 2
    assert audit.counts["granted"] == 3


def test_a_quota_that_is_nearly_used_up_is_told_at_80_and_at_95_per_cent(
    caplog: pytest.LogCaptureFixture,
) -> None:
    audit, now = AuditTrail(), [0.0]
    opened = gate(everything(RateLimit(calls=100)), audit, now)
    for _ in range(101):
        opened.refusal("host-messaging.send", "send", LEDGER)
    told = [(record.outcome, record.detail) for record in audit.recent() if record.detail]
    assert told == [
        ("warning", "80% of 100 messages a second"),
        ("critical", "95% of 100 messages a second"),
        ("over rate", "100 messages a second"),
    ]
    opened.now_kept("storage.set", 799, 1_000)
    opened.now_kept("storage.set", 960, 1_000)
    assert audit.recent()[-1].detail == "96% of 1000 bytes of storage"
    assert (audit.counts["warning"], audit.counts["critical"]) == (1, 2)
    assert "shop/prices/ has used 95% of 100 messages a second: critical" in caplog.text


def test_every_decision_is_audited_and_who_listens_hears_it() -> None:
    audit = AuditTrail()
    heard: list[str] = []
    audit.listen(lambda record: heard.append(record.outcome))
    gate(Capabilities(), audit, [0.0]).refusal("host-messaging.send", "send", LEDGER)
    gate(EVERYTHING, audit, [0.0]).refusal("host-messaging.send", "send", LEDGER)
    assert heard == ["denied", "granted"]
    assert audit.counts["denied"] == audit.counts["granted"] == 1
    first = audit.recent()[0]
    assert (first.component, first.function, first.target) == (
        PRICES, "host-messaging.send", "ledger",
    )  # fmt: skip


def test_the_first_denial_of_a_kind_is_a_warning_and_a_flood_of_them_is_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    closed = gate(Capabilities(), AuditTrail(), [0.0])
    for number in range(2_000):
        closed.refusal("host-messaging.send", "send", ComponentId("", f"a{number % 1_500}", ""))
    assert closed.denied == 2_000
    assert len(caplog.records) == 20
    assert "capability-denied: shop/prices/ may not send to 'a0'" in caplog.text
