"""Ids of components: what may be a name, and how names and ids correspond."""

import pytest

from airssys_wasm.components.identity import (
    NOBODY,
    ComponentId,
    InvalidId,
    id_problem,
    parse_id,
    publication_id,
    sender_id,
)


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("prices", ("", "prices", "")),
        ("shop/prices/", ("shop", "prices", "")),
        ("/prices/eu", ("", "prices", "eu")),
        ("shop/prices/eu", ("shop", "prices", "eu")),
        ("0.a_b-c", ("", "0.a_b-c", "")),
        ("a" * 64, ("", "a" * 64, "")),
    ],
)
def test_a_name_and_an_id_are_one_to_one(name: str, parts: tuple[str, str, str]) -> None:
    assert parse_id(name) == parts
    assert str(ComponentId(*parts)) == name


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("", "a name has 1 to 64"),
        ("Prices", "a name has 1 to 64"),
        (".prices", "a name has 1 to 64"),
        ("prices\n", "a name has 1 to 64"),
        ("a" * 65, "a name has 1 to 64"),
        ("prix-é", "a name has 1 to 64"),
        ("shop/prices", "write 'name' or 'namespace/name/instance'"),
        ("a/b/c/d", "write 'name' or 'namespace/name/instance'"),
        ("Shop/prices/eu", "a namespace is empty, or has"),
        ("shop/prices/EU", "an instance is empty, or has"),
        ("shop//eu", "a name has 1 to 64"),
        ("/prices/", "without namespace and instance it is written 'prices'"),
        ("topic/prices/", "the namespace 'topic' belongs to publications"),
    ],
)
def test_what_is_no_id_is_refused_and_the_rule_is_named(name: str, why: str) -> None:
    with pytest.raises(InvalidId) as caught:
        parse_id(name)
    assert caught.value.why.startswith(why)


def test_parts_with_a_separator_in_them_are_no_id() -> None:
    assert id_problem(ComponentId("", "a/b", "")) is not None
    assert id_problem(ComponentId("a/b", "c", "")) is not None


def test_an_actor_without_an_id_sends_as_nobody() -> None:
    assert sender_id(None) == sender_id("The Ledger") == NOBODY == ("", "", "")
    assert sender_id("shop/ledger/") == ("shop", "ledger", "")


def test_a_publication_has_a_sender_that_no_component_can_have() -> None:
    sender = publication_id("orders.received")
    assert sender == ("topic", "orders.received", "")
    assert id_problem(sender) is not None
