"""The grammar of topics and patterns."""

import pytest

from airssys_wasm.broker import TopicError
from airssys_wasm.broker.topic import LONGEST, is_literal, parse_pattern, parse_topic
from airssys_wasm.kernel import AirssysError


@pytest.mark.parametrize("text", ["orders", "orders.eu.created", "a.ü.7", "-._.$x", "a" * LONGEST])
def test_a_topic_is_tokens_separated_by_dots(text: str) -> None:
    assert parse_topic(text) == tuple(text.split("."))
    assert parse_pattern(text) == parse_topic(text)


@pytest.mark.parametrize("text", ["*", ">", "*.*", "orders.*.created", "orders.>", "*.>"])
def test_a_pattern_may_have_stars_and_a_last_rest(text: str) -> None:
    assert parse_pattern(text) == tuple(text.split("."))
    assert not is_literal(parse_pattern(text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "topic '': token 1 is empty"),
        ("orders..eu", "topic 'orders..eu': token 2 is empty"),
        ("orders.", "topic 'orders.': token 2 is empty"),
        ("orders.e u", "token 2 ('e u') holds white space or a control character"),
        ("orders.eu\n", "token 2 ('eu\\n') holds white space or a control character"),
        ("orders.\u2003", "holds white space"),
        ("orders.\0", "holds white space or a control character"),
        ("orders.*.x", "token 2 is the wildcard '*'; name one topic"),
        ("orders.>", "token 2 is the wildcard '>'; name one topic"),
        ("orders.e*", "token 2 ('e*') mixes a wildcard with text"),
        ("a." * LONGEST + "a", f"goes past {LONGEST} characters"),
    ],
)
def test_a_wrong_topic_is_refused_by_token_and_reason(text: str, message: str) -> None:
    with pytest.raises(TopicError) as refused:
        parse_topic(text)
    assert message in str(refused.value)
    assert refused.value.text == text


@pytest.mark.parametrize(
    ("text", "position", "why"),
    [
        ("orders.>.created", 2, "is '>', which stands only at the end"),
        (">.>", 1, "is '>', which stands only at the end"),
        ("a.b.*c", 3, "mixes a wildcard with text"),
        ("*..>", 2, "is empty"),
        ("* ", 1, "holds white space"),
    ],
)
def test_a_wrong_pattern_is_refused_by_token_and_reason(text: str, position: int, why: str) -> None:
    with pytest.raises(TopicError) as refused:
        parse_pattern(text)
    assert refused.value.position == position
    assert why in refused.value.why


def test_a_topic_error_is_an_error_of_the_library_and_a_value_error() -> None:
    assert issubclass(TopicError, AirssysError)
    assert issubclass(TopicError, ValueError)


def test_a_topic_that_is_no_string_is_a_mistake_of_type() -> None:
    with pytest.raises(TypeError, match="not 5"):
        parse_topic(5)  # type: ignore[arg-type]  # the mistake itself
