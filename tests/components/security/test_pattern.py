"""Patterns of grants: what they match, and above all what they don't."""

import pytest

from airssys_wasm.components.identity import parse_id
from airssys_wasm.components.security.pattern import (
    covers_topic,
    matches_name,
    name_pattern_problem,
)


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("ledger", "ledger"),
        ("*", "ledger"),
        ("led*", "ledger"),
        ("*ger", "ledger"),
        ("l*g*r", "ledger"),
        ("ledger*", "ledger"),
        ("shop/ledger/", "shop/ledger/"),
        ("shop/*/*", "shop/ledger/eu"),
        ("shop/*/*", "shop/ledger/"),
        ("*/*/*", "ledger"),
        ("*/ledger/*", "shop/ledger/eu"),
    ],
)
def test_a_pattern_matches_part_by_part(pattern: str, name: str) -> None:
    assert matches_name(pattern, parse_id(name))


@pytest.mark.parametrize(
    ("pattern", "name"),
    [
        ("ledger", "ledgers"),
        ("ledger", "shop/ledger/"),
        ("*", "shop/ledger/"),
        ("*", "/ledger/eu"),
        ("shop/*/", "shop/ledger/eu"),
        ("shop/ledger/*", "shop2/ledger/eu"),
        ("shop*/ledger/", "myshop/ledger/"),
        ("led*ger", "ledge"),
        ("ab*ba", "aba"),
        ("a*b*c", "acb"),
    ],
)
def test_a_star_never_crosses_into_another_part(pattern: str, name: str) -> None:
    assert not matches_name(pattern, parse_id(name))


def test_a_pattern_of_many_stars_is_matched_in_no_time() -> None:
    assert not matches_name("*a" * 30 + "b", parse_id("a" * 64))


@pytest.mark.parametrize("pattern", ["", "a/b", "a//c", "a/b/c/d", "Ledger", "l?dger", "a b"])
def test_what_can_match_no_id_is_no_pattern(pattern: str) -> None:
    assert name_pattern_problem(pattern) is not None


@pytest.mark.parametrize("pattern", ["*", "a*", "*/*/*", "/a/eu", "shop/a/"])
def test_what_can_match_an_id_is_a_pattern(pattern: str) -> None:
    assert name_pattern_problem(pattern) is None


@pytest.mark.parametrize(
    ("pattern", "topic", "covered"),
    [
        ("orders.>", "orders.eu", True),
        ("orders.>", "orders.eu.created", True),
        ("orders.>", "orders.>", True),
        ("orders.*", "orders.*", True),
        ("orders.*", "orders.eu", True),
        (">", "a.b", True),
        ("orders.>", "orders", False),
        ("orders.*", "orders.eu.created", False),
        ("orders.*", "orders.>", False),
        ("orders.eu", "orders.*", False),
        ("orders", "orders.eu", False),
    ],
)
def test_a_topic_pattern_covers_only_what_lies_within(
    pattern: str, topic: str, covered: bool
) -> None:
    assert covers_topic(pattern, topic) is covered
