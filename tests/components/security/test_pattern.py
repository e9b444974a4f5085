"""Patterns of grants: what they match, and above all what they don't."""

import pytest

from airssys_wasm.components.identity import parse_id
from airssys_wasm.components.security.pattern import (
    covers_topic,
    host_pattern_problem,
    matches_host,
    matches_name,
    matches_path,
    name_pattern_problem,
    path_pattern_problem,
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


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("/data", "/data"),
        ("/data/*.csv", "/data/a.csv"),
        ("/data/*", "/data/.hidden"),
        ("/data/**", "/data/a/b"),
        ("/data/**/*.csv", "/data/a.csv"),
        ("/data/**/*.csv", "/data/a/b/c.csv"),
        ("/**/b/**/d", "/b/b/c/d"),
        ("/", "/"),
    ],
)
def test_a_path_pattern_matches_segment_by_segment(pattern: str, path: str) -> None:
    assert matches_path(pattern, path)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("/data/*", "/data/a/b"),
        ("/data/*", "/data"),
        ("/data/**", "/data"),
        ("/data/**", "/database/a"),
        ("/data/**", "/data/../etc/shadow"),
        ("/data/**", "/data//etc"),
        ("/data/**", "data/a"),
        ("/data/**", "/data/a/"),
        ("/data", "/data/"),
        ("/**/a/**/a", "/a"),
        ("/**", "/"),
    ],
)
def test_a_path_pattern_matches_nothing_outside_of_what_it_names(pattern: str, path: str) -> None:
    assert not matches_path(pattern, path)


def test_a_path_pattern_of_many_stars_is_matched_in_no_time() -> None:
    assert not matches_path("/**/a*a*a*a*b" * 20, "/" + "/".join(["a" * 50] * 200))


@pytest.mark.parametrize(
    "pattern", ["", "data", "/data/", "/a//b", "/a/../b", "/a/./b", "/a**", "/***", "/a\0"]
)
def test_what_can_match_no_path_is_no_pattern_of_paths(pattern: str) -> None:
    assert path_pattern_problem(pattern) is not None


@pytest.mark.parametrize(
    ("pattern", "host", "port", "matches"),
    [
        ("example.com:443", "example.com", 443, True),
        ("example.com:443", "EXAMPLE.com.", 443, True),
        ("*.example.com:*", "a.example.com", 80, True),
        ("*.*.example.com:*", "a.b.example.com", 80, True),
        ("[::1]:80", "0:0:0:0:0:0:0:1", 80, True),
        ("*.example.com:443", "evilexample.com", 443, False),
        ("*.example.com:443", "example.com", 443, False),
        ("*.example.com:443", "a.b.example.com", 443, False),
        ("*.example.com:443", ".example.com", 443, False),
        ("example.com:443", "example.com", 80, False),
        ("example.com:443", "example.com.evil.org", 443, False),
        ("example.com:443", "example.com..", 443, False),
        ("127.0.0.1:80", "::ffff:127.0.0.1", 80, False),
        ("*.*.*.*:*", "127.0.0.1", 80, False),
        ("*:*", "2130706433", 80, False),
        ("*:*", "0x7f000001", 80, False),
        ("*.*:*", "127.1", 80, False),
        ("*.*.*.*:*", "127.0.0.01", 80, False),
        ("*:*", "localhost", 80, True),
        ("*.example.com:*", "a\n.example.com", 80, False),
    ],
)
def test_a_host_pattern_matches_label_by_label(
    pattern: str, host: str, port: int, matches: bool
) -> None:
    assert host_pattern_problem(pattern) is None
    assert matches_host(pattern, host, port) is matches


@pytest.mark.parametrize(
    "pattern",
    [
        "", "example.com", "example.com:", "example.com:http", "example.com:0", "example.com:70000",
        "a.*.com:80", "a*.com:80", "**.com:80", "example.com.:80", "-a.com:80", "::1:80",
        "[::g]:80", "127.1:80", "1.2.3.999:80", "ex ample.com:80", "bücher.de:80", "https://a.b:80",
    ],
)  # fmt: skip
def test_what_can_match_no_host_is_no_pattern_of_hosts(pattern: str) -> None:
    assert host_pattern_problem(pattern) is not None
