"""examples/orders/pricing.wasm: prices in integer cents, and rejects whatever is no valid order."""

import json
from collections.abc import Iterable
from pathlib import Path
from random import Random
from typing import Any

import anyio
import pytest

from airssys_wasm.components.engine.limits import Limits
from airssys_wasm.components.engine.values import Err, Ok, Variant
from airssys_wasm.components.errors import GuestTrap
from airssys_wasm.sdk.build import build
from airssys_wasm.sdk.c_compiler import find_compilers
from tests.guests import driver
from tests.guests.driver import ScriptedHost, instance_of

FOLDER = Path(__file__).parent.parent / "examples" / "orders"
PRICING = (FOLDER / "pricing.wasm").read_bytes()
CONFIG = b'{"tax_percent":20,"bulk_quantity":10,"bulk_discount_percent":5}'
SEND = "host-messaging.send"

ORDER = {
    "line": 7,
    "order": "o-0000007",
    "customer": "c-0042",
    "currency": "EUR",
    "quantity": 12,
    "unit_price": 1999,
    "discount_percent": 10,
    "instalments": 3,
}


async def outcomes(
    payloads: Iterable[bytes], binary: bytes = PRICING, config: bytes | None = CONFIG
) -> list[Any]:
    """What became of each payload: what was sent to the ledger, or the kind of trap."""
    found: list[Any] = []
    rest = list(payloads)
    while rest:
        host = ScriptedHost({SEND: Ok()})
        async with instance_of(binary, host, Limits(memory=4 * 1024 * 1024)) as instance:
            assert await instance.call("initialize", driver.config(config)) == Ok()
            while rest:
                host.calls.clear()
                try:
                    reply = await instance.call("handle-message", driver.message(rest.pop(0)))
                except GuestTrap as trap:
                    found.append(trap.reason.kind)
                    break
                assert reply == Ok(None)
                [(_, (target, payload))] = host.calls
                assert target == ("", "ledger", "")
                assert isinstance(payload, bytes)
                found.append(json.loads(payload))
    return found


def outcome(order: object, config: bytes | None = CONFIG) -> Any:
    payload = order if isinstance(order, bytes) else json.dumps(order).encode()
    [only] = anyio.run(outcomes, [payload], PRICING, config)
    return only


def model(order: dict[str, Any]) -> Any:
    """The same in Python."""

    def percent_of(cents: int, percent: int) -> int:
        return (cents * percent + 50) // 100

    percent = order.get("discount_percent", 0) + (5 if order["quantity"] >= 10 else 0)
    price = order["quantity"] * order["unit_price"]
    discount = percent_of(price, min(percent, 100))
    tax = percent_of(price - discount, 20)
    total = price - discount + tax
    instalments = order.get("instalments", 1)
    if not instalments:
        return "division by zero"
    return {
        "line": order["line"],
        "order": order["order"],
        "status": "priced",
        "price": price,
        "discount": discount,
        "tax": tax,
        "total": total,
        "instalment": total // instalments,
    }


def test_an_order_is_priced_to_the_cent() -> None:
    assert outcome(ORDER) == {
        "line": 7,
        "order": "o-0000007",
        "status": "priced",
        "price": 23_988,
        "discount": 3_598,  # 10 and, for 12 pieces, 5 per cent: 3598.2
        "tax": 4_078,
        "total": 24_468,
        "instalment": 8_156,
    }


def test_prices_are_those_of_a_model_in_python() -> None:
    random = Random(7)
    orders = [
        {
            **ORDER,
            "line": line,
            "order": f'ö-{line}"\\\n',
            "quantity": random.choice([1, 9, 10, 11, 1_000_000, random.randint(1, 1_000_000)]),
            "unit_price": random.choice([0, 1, 99, 100_000_000, random.randint(0, 100_000_000)]),
            "discount_percent": random.choice([0, 100, random.randint(0, 100)]),
            "instalments": random.choice([0, 1, 2, 60] if line % 20 == 0 else [1, 2, 60]),
        }
        for line in range(1, 301)
    ]
    payloads = [json.dumps(order, ensure_ascii=line % 2 == 0).encode() for line, order in
                enumerate(orders)]  # fmt: skip
    assert anyio.run(outcomes, payloads) == [model(order) for order in orders]


def test_fields_that_may_be_missing_have_defaults() -> None:
    short = {k: v for k, v in ORDER.items() if k not in ("discount_percent", "instalments")}
    priced = outcome(short)
    assert priced == model(short)


def test_no_instalments_are_a_division_by_zero() -> None:
    assert outcome({**ORDER, "instalments": 0}) == "division by zero"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"quantity": -3}, "quantity is not 1 to 1000000"),
        ({"quantity": 0}, "quantity is not 1 to 1000000"),
        ({"quantity": "3"}, "quantity is not 1 to 1000000"),
        ({"quantity": 10**30}, "quantity is not 1 to 1000000"),
        ({"quantity": None}, "quantity is not 1 to 1000000"),
        ({"quantity": True}, "quantity is not 1 to 1000000"),
        ({"unit_price": 19.99}, "unit_price is not 0 to 100000000"),
        ({"unit_price": [1999]}, "unit_price is not 0 to 100000000"),
        ({"currency": "XAU"}, "currency is not one of CHF, EUR, GBP, USD"),
        ({"currency": "EUR\0"}, "currency is not one of CHF, EUR, GBP, USD"),
        ({"customer": ""}, "customer is not a text of 1 to 63 bytes"),
        ({"customer": "x" * 64}, "customer is not a text of 1 to 63 bytes"),
        ({"discount_percent": 101}, "discount_percent is not 0 to 100"),
        ({"instalments": -1}, "instalments is not 0 to 60"),
    ],
)
def test_an_order_that_is_not_valid_is_rejected_with_the_reason(
    change: dict[str, object], reason: str
) -> None:
    assert outcome({**ORDER, **change}) == {
        "line": 7,
        "order": "o-0000007",
        "status": "rejected",
        "reason": reason,
    }


@pytest.mark.parametrize("field", ["order", "customer", "currency", "quantity", "unit_price"])
def test_an_order_without_a_field_is_rejected(field: str) -> None:
    rejected = outcome({k: v for k, v in ORDER.items() if k != field})
    assert rejected["status"] == "rejected"
    assert rejected["reason"].startswith(field)


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "not a JSON object"),
        (b"[]", "not a JSON object"),
        (b"\xff\xfe", "not UTF-8"),
        (b'{"order":"\xed\xa0\x80"}', "not UTF-8"),
        (b"{", "a name is missing"),
        (b"{]", "a name is missing"),
        (b'{"a"}', "a colon is missing"),
        (b'{"a":}', "a wrong number"),
        (b'{"a":1,}', "a name is missing"),
        (b'{"a":01}', "a number with a leading zero"),
        (b'{"a":1.}', "a wrong number"),
        (b'{"a":1e}', "a wrong number"),
        (b'{"a":nul}', "a word that is not JSON"),
        (b'{"a":"\\x"}', "a wrong escape in a string"),
        (b'{"a":"\\ud800"}', "a wrong escape in a string"),
        (b'{"a":"\n"}', "a control character in a string"),
        (b'{"a":"', "a string without its end"),
        (b'{"a":1}{}', "text behind the object"),
        (b'{"a":[1 2]}', "a comma is missing"),
        (b'{"a":' + b"[" * 100_000, "too many levels"),
        (b'{"line":1,"line":2}', "a field is there twice"),
    ],
)
def test_text_that_is_not_json_is_rejected_and_no_trap(payload: bytes, reason: str) -> None:
    rejected = outcome(payload)
    assert rejected["status"] == "rejected"
    assert rejected["reason"] == reason


def test_any_bytes_are_answered_and_never_trap() -> None:
    random = Random(3)
    good = json.dumps({**ORDER, "nested": {"a": [1.5e3, None, "\\u00e9"]}}).encode()
    payloads = []
    for _ in range(600):
        spoiled = bytearray(good)
        for _ in range(random.randint(1, 4)):
            at = random.randrange(len(spoiled))
            spoiled[at] = random.choice(b'{}[]",:0129-.eE\\u\xc3\xff x')
        payloads.append(bytes(spoiled[: random.choice([len(good), random.randrange(len(good))])]))
    found = anyio.run(outcomes, payloads)
    statuses = {one if isinstance(one, str) else one["status"] for one in found}
    assert len(found) == len(payloads)
    assert statuses <= {"priced", "rejected", "division by zero"}


@pytest.mark.parametrize(
    "config", [b"", b"[]", b'{"tax_percent":101}', b'{"tax":20}', b'{"bulk_quantity":"many"}']
)
def test_a_configuration_that_is_not_understood_is_a_failed_start(config: bytes) -> None:
    async def main() -> None:
        async with instance_of(PRICING, ScriptedHost({})) as instance:
            result = await instance.call("initialize", driver.config(config))
            assert isinstance(result, Err)
            assert isinstance(result.value, Variant)
            assert result.value.case == "initialization-failed"
            assert result.value.payload

    anyio.run(main)


def test_without_configuration_the_defaults_hold() -> None:
    assert outcome(ORDER, None) == outcome(ORDER)


def test_a_ledger_that_does_not_take_the_result_is_an_error_and_logged() -> None:
    async def main() -> None:
        refused = Err(Variant("delivery-failed", "noproc"))
        host = ScriptedHost({SEND: refused, "host-services.log": None})
        async with instance_of(PRICING, host) as instance:
            reply = await instance.call(
                "handle-message", driver.message(json.dumps(ORDER).encode())
            )
            assert reply == Err(Variant("runtime-error", "noproc"))
        level, _, context = host.calls[-1][1]
        assert (level, context) == ("error", [("error", "noproc")])

    anyio.run(main)


@pytest.mark.skipif(not find_compilers(), reason="there is no C compiler for WebAssembly")
def test_the_committed_component_does_what_its_source_says() -> None:
    built, _ = build([FOLDER / "pricing.c"])
    lines = (FOLDER / "orders.jsonl").read_bytes().splitlines()
    special = [line for line in lines if b'"instalments":0' in line or b"-3" in line]
    payloads = [*lines[:300], *special, b"{", b'{"a":"\\ud83d\\ude00"}']
    assert anyio.run(outcomes, payloads, built) == anyio.run(outcomes, payloads)
