"""Text of a guest stays one bounded line."""

import pytest

from airssys_wasm.components.engine.guest_text import MAX_GUEST_TEXT, shown


@pytest.mark.parametrize(
    "text", ["a\nb", "\x1b[31m", "\x00", "\u202eevil", "\u2028", "\udc80", "\x85", "\x7f"]
)
def test_what_could_steer_a_terminal_is_escaped(text: str) -> None:
    assert shown(text).isprintable()
    assert shown(text).isascii() or "evil" in text


def test_ordinary_text_of_any_language_is_left_alone() -> None:
    assert shown("größer, 大きい, 🙂 \\n") == "größer, 大きい, 🙂 \\n"


@pytest.mark.parametrize("text", ["x" * 10**6, "ß" * 10**6, "\n" * 10**6, "🙂" * MAX_GUEST_TEXT])
def test_long_text_is_cut_and_says_so(text: str) -> None:
    cut = shown(text)
    assert len(cut.encode()) <= MAX_GUEST_TEXT
    assert cut.endswith("…")


@pytest.mark.parametrize("limit", range(8))
def test_no_limit_is_too_small(limit: int) -> None:
    assert len(shown("ßßßßßß\n", limit).encode()) <= limit
