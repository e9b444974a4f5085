"""The errors of the broker."""

from airssys_wasm.kernel.errors import AirssysError


class TopicError(AirssysError, ValueError):
    """A topic or a pattern is outside of the grammar.

    `text` is what was given, `position` the number of the token at fault, from 1; `why` says what
    is wrong with it.
    """

    def __init__(self, kind: str, text: str, position: int, why: str) -> None:
        shown = text if len(text) <= 80 else f"{text[:77]}..."
        super().__init__(f"{kind} {shown!r}: token {position} {why}")
        self.text = text
        self.position = position
        self.why = why
