"""Laws of the patterns of grants, in pairs: what must never match, and what must still match.

Each matcher is held against a slower one that says the same as a regular expression.
"""

import re

from hypothesis import given
from hypothesis import strategies as st

from airssys_wasm.broker.topic import parse_pattern, parse_topic
from airssys_wasm.components.identity import ComponentId
from airssys_wasm.components.security.pattern import (
    covers_topic,
    host_pattern_problem,
    matches_host,
    matches_name,
    matches_path,
    name_pattern_problem,
    path_pattern_problem,
    path_problem,
)

# Few letters, so that chance finds what matches and what nearly does.
words = st.text("ab", min_size=1, max_size=4)
starred = st.text("ab*", min_size=1, max_size=5).filter(lambda text: "**" not in text)
segments = st.lists(words, min_size=1, max_size=5)


def path_of(parts: list[str]) -> str:
    return "/" + "/".join(parts)


def part_expression(part: str) -> str:
    return re.escape(part).replace(r"\*", "[^/]*")


def path_expression(pattern: str) -> str:
    parts = pattern.split("/")[1:]
    text = ""
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        if part == "**":
            text += "(/[^/]+)+" if last else "(/[^/]+)*"
        else:
            text += "/" + part_expression(part)
    return text


path_patterns = st.lists(starred | st.just("**"), min_size=1, max_size=6).map(path_of)


@given(path_patterns, segments.map(path_of))
def test_a_path_is_matched_as_its_regular_expression_says(pattern: str, path: str) -> None:
    assert path_pattern_problem(pattern) is None
    expected = re.fullmatch(path_expression(pattern), path) is not None
    assert matches_path(pattern, path) is expected


@given(path_patterns, segments, st.sampled_from(["..", ".", "", "\0"]), st.integers(0, 5))
def test_a_path_that_is_not_normal_matches_nothing(
    pattern: str, parts: list[str], odd: str, place: int
) -> None:
    path = path_of([*parts[:place], odd, *parts[place:]])
    assert path_problem(path) is not None
    assert not matches_path(pattern, path)
    assert not matches_path("/**", path)
    assert not matches_path("/**", path_of(parts).removeprefix("/"))


@given(segments)
def test_a_path_is_matched_by_itself_and_by_what_stands_for_it(parts: list[str]) -> None:
    path = path_of(parts)
    assert matches_path(path, path)
    assert matches_path(path_of([*parts[:-1], "*"]), path)
    assert matches_path(path_of([*parts[:-1], "**"]), path)
    assert matches_path("/**", path)
    assert not matches_path(path_of([*parts, "**"]), path)
    assert not matches_path(path_of([*parts, "*"]), path)


ids = st.builds(ComponentId, st.just("") | words, words, st.just("") | words)
name_patterns = starred | st.builds("{}/{}/{}".format, st.just("") | starred, starred, starred)


@given(name_patterns, ids)
def test_a_name_is_matched_part_by_part_and_never_as_joined_text(
    pattern: str, id: ComponentId
) -> None:
    assert name_pattern_problem(pattern) is None
    parts = pattern.split("/") if "/" in pattern else ["", pattern, ""]
    expected = all(
        re.fullmatch(part_expression(part), given) is not None
        for part, given in zip(parts, id, strict=True)
    )
    assert matches_name(pattern, id) is expected


@given(ids)
def test_a_name_is_matched_by_itself(id: ComponentId) -> None:
    assert matches_name(str(id), id)
    assert matches_name("*/*/*", id)


names = st.lists(words, min_size=1, max_size=4).map(".".join)
ports = st.integers(1, 65535)


@given(names, names, ports)
def test_a_star_of_a_host_is_exactly_one_label(domain: str, host: str, port: int) -> None:
    pattern = f"*.{domain}:{port}"
    assert host_pattern_problem(pattern) is None
    first, _, rest = host.partition(".")
    assert first
    assert matches_host(pattern, host, port) is (rest == domain)
    assert matches_host(pattern, f"{first}.{domain}", port)
    assert not matches_host(pattern, f"{first}{domain}", port)
    assert not matches_host(pattern, f"x.{first}.{domain}", port)
    assert not matches_host(pattern, domain, port)


@given(names, ports, ports)
def test_a_host_is_matched_at_its_port_alone(host: str, port: int, other: int) -> None:
    assert matches_host(f"{host}:{port}", host, port)
    assert matches_host(f"{host}:{port}", f"{host.upper()}.", port)
    assert matches_host(f"{host}:*", host, other)
    assert matches_host(f"{host}:{port}", host, other) is (port == other)


@given(st.ip_addresses(), st.ip_addresses(), ports)
def test_an_address_is_matched_by_itself_alone(one: object, other: object, port: int) -> None:
    def written(address: object) -> str:
        return f"[{address}]" if ":" in str(address) else str(address)

    assert host_pattern_problem(f"{written(one)}:{port}") is None
    assert matches_host(f"{written(one)}:{port}", str(one), port)
    assert matches_host(f"{written(one)}:{port}", written(one), port)
    assert matches_host(f"{written(one)}:{port}", str(other), port) is (one == other)
    for pattern in ("*:*", "*.*:*", "*.*.*:*", "*.*.*.*:*"):
        assert not matches_host(pattern, str(one), port)


tokens = st.sampled_from(["a", "b", "*"])
topic_patterns = st.builds(
    lambda some, tail: ".".join([*some, *tail]),
    st.lists(tokens, max_size=4),
    st.sampled_from([[], [">"]]),
).filter(bool)
topics = st.lists(st.sampled_from(["a", "b"]), min_size=1, max_size=5).map(".".join)


def topic_expression(pattern: str) -> str:
    text = re.escape(pattern).replace(r"\*", "[^.]+")
    return text.removesuffix(">") + ".+" if pattern.endswith(">") else text


@given(topic_patterns, topics)
def test_a_topic_is_covered_as_its_regular_expression_says(pattern: str, topic: str) -> None:
    parse_pattern(pattern)
    parse_topic(topic)
    expected = re.fullmatch(topic_expression(pattern), topic) is not None
    assert covers_topic(pattern, topic) is expected


@given(topic_patterns, topic_patterns, topics)
def test_who_is_granted_a_pattern_gets_nothing_that_the_grant_does_not_cover(
    grant: str, asked: str, topic: str
) -> None:
    if covers_topic(grant, asked) and covers_topic(asked, topic):
        assert covers_topic(grant, topic)
    assert covers_topic(asked, asked)
