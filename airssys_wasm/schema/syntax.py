"""Where YAML cannot be parsed: the parser's words in words for the writer of the file.

Pure. A message that is not known here is passed on as it is.
"""

from __future__ import annotations

import re

_SECOND_COLON = ("a second ':' in this line", "put text that contains ': ' in quotes")
_CROOKED = (
    "this key is not aligned with the line above, or a ':' is missing there",
    "give all keys of a mapping the same indentation",
)
_EXPLANATIONS = (
    (
        re.compile(r"expected <block end>, but found '(?:<block \w+ start>|-|\?)'"),
        "this line is not aligned with the others",
        "give all keys of a mapping and all items of a list the same indentation",
    ),
    (
        re.compile(r"expected <block end>, but found '([}\]])'"),
        "{0} closes nothing here",
        "every bracket that is closed must be opened",
    ),
    (
        re.compile("expected <block end>, but found"),
        "this does not continue what is before it",
        "put text with special characters in quotes",
    ),
    (
        re.compile("could not find expected ':'"),
        "a ':' is missing after the key in the line before",
        "write 'key: value'",
    ),
    (
        re.compile(r"found character '(.)' that cannot start any token"),
        "text cannot begin with {0} here",
        "put it in quotes",
    ),
    (
        re.compile(r"expected ',' or '(.)', but got ':'"),
        "',' or '{0}' is missing before this ':'",
        "put a ',' between two entries",
    ),
    (
        re.compile(r"expected ',' or '(.)', but got (.*)"),
        "',' or '{0}' is missing here",
        "every bracket that is opened must be closed",
    ),
    (
        re.compile("found unexpected (?:end of stream|document separator)"),
        "this quote is never closed",
        "",
    ),
    (
        re.compile("found unknown escape character '(.)'"),
        "\\{0} means nothing in double quotes",
        "use single quotes, or write \\\\",
    ),
    (
        re.compile("expected '<document start>', but found '(.*)'"),
        "the document is over, and '{0}' follows it",
        "",
    ),
)


# What is told a line too late, and what the line before looks like then.
_LATE = ("mapping values are not allowed here", "could not find expected ':'")
_NO_SPACE_AFTER_DASH = re.compile(r"\s*-[^\s-]")
_NO_SPACE_AFTER_COLON = re.compile(r"\s*(- )?[\w.-]+:[^\s:]+\Z")
_WRITE = {"-": "write '- item'", ":": "write 'key: value'"}
_NO_WORD = re.compile("expected alphabetic or numeric character, but found")
_MARKS = {"*": "an alias", "&": "an anchor"}


def explain(problem: str, before: str, above: str = "") -> tuple[str, str]:
    """PyYAML's words for a syntax error in words for the writer of the file, and a hint.

    `before` is the line up to the place of the error, `above` the line before it.
    """
    for pattern, mark in ((_NO_SPACE_AFTER_DASH, "-"), (_NO_SPACE_AFTER_COLON, ":")):
        if problem in _LATE and pattern.match(above):
            return f"a space is missing after '{mark}' in the line before", _WRITE[mark]
    if problem == "mapping values are not allowed here":
        return _SECOND_COLON if ":" in before else _CROOKED
    if _NO_WORD.match(problem):
        mark = before[-1:]
        if mark in _MARKS:
            return (
                f"{mark} begins {_MARKS[mark]} here",
                f"put text that begins with {mark} in quotes",
            )
        if before.startswith("%"):
            return "a line cannot begin with %", "put it in quotes"
    for pattern, message, hint in _EXPLANATIONS:
        found = pattern.match(problem)
        if found:
            return message.format(*found.groups()), hint
    return problem, ""
