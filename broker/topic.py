"""What a topic is, and what a pattern over topics.

Both are tokens separated by dots. A token is not empty and holds no white space, no control
character and no wildcard. In a pattern a token may be `*`, which stands for any one token, and the
last one may be `>`, which stands for one or more. NATS takes `a*` for a plain token; here it is an
error, since whoever writes it expects something else.

Source: NATS documentation, "Subject-Based Messaging".
"""

import re

from airssys_wasm.broker.errors import TopicError

ANY = "*"
REST = ">"
LONGEST = 4_096  # characters; a NATS server refuses a control line that is longer

_WILDCARDS = frozenset((ANY, REST))
_BLANK = re.compile(r"[\s\x00-\x1f\x7f]")


def parse_topic(text: str) -> tuple[str, ...]:
    """The tokens of a topic to publish to. Raises TopicError; TypeError for what is no string.

    >>> parse_topic("orders.eu.created")
    ('orders', 'eu', 'created')
    """
    if (
        text.__class__ is str
        and text.isprintable()  # a blank but the space is not printable
        and " " not in text
        and "*" not in text
        and ">" not in text
        and len(text) <= LONGEST
    ):
        plain = tuple(text.split("."))
        if "" not in plain:
            return plain
    tokens = _tokens("topic", text)
    for position, token in enumerate(tokens, 1):
        if token in _WILDCARDS:
            raise TopicError("topic", text, position, f"is the wildcard {token!r}; name one topic")
    return tokens


def parse_pattern(text: str) -> tuple[str, ...]:
    """The tokens of a pattern. Raises TopicError; TypeError for what is no string.

    >>> parse_pattern("orders.*.>")
    ('orders', '*', '>')
    """
    tokens = _tokens("pattern", text)
    if REST in tokens[:-1]:
        position = tokens.index(REST) + 1
        raise TopicError("pattern", text, position, "is '>', which stands only at the end")
    return tokens


def is_literal(tokens: tuple[str, ...]) -> bool:
    """Whether a pattern has no wildcard, and so matches one topic.

    >>> is_literal(("orders", "eu")), is_literal(("orders", "*"))
    (True, False)
    """
    return _WILDCARDS.isdisjoint(tokens)


def _tokens(kind: str, text: str) -> tuple[str, ...]:
    if not isinstance(text, str):
        raise TypeError(f"a {kind} is a string such as 'orders.created', not {text!r}")
    tokens = tuple(text.split("."))
    if len(text) > LONGEST:
        position = text.count(".", 0, LONGEST) + 1
        raise TopicError(kind, text, position, f"goes past {LONGEST} characters")
    for position, token in enumerate(tokens, 1):
        if not token:
            raise TopicError(kind, text, position, "is empty")
        if _BLANK.search(token):
            raise TopicError(
                kind, text, position, f"({token!r}) holds white space or a control character"
            )
        if token not in _WILDCARDS and (ANY in token or REST in token):
            raise TopicError(
                kind, text, position, f"({token!r}) mixes a wildcard with text; it stands alone"
            )
    return tokens
