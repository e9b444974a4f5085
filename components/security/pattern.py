"""Patterns of grants: one matcher for every family of capabilities.

Pure. Four grammars, as people write the things themselves:

- Names (`shop/prices/eu`) have parts between `/`, matched one by one. `*` stands for any characters
  of one part, also for none; `price*`, `*-eu` and `a*b` are patterns of a part. Namespaces of
  storage are names.
- Topics (`orders.eu.created`) have tokens between `.`. `*` is a token of its own and stands for
  exactly one, a last `>` for one or more (`broker/topic.py` has the grammar).
- Paths (`/data/2024/*.csv`) are absolute and normal. `*` stands for any characters of one segment,
  also for none; `**` is a segment of its own and stands for any number of segments, as the last
  one for what lies below, and not for the directory itself.
- Hosts (`*.example.com:443`) have labels between `.`, and a port, or `*` for any. `*` is a label of
  its own before all others and stands for exactly one. Addresses (`127.0.0.1:80`, `[::1]:80`) are
  matched by addresses alone: no name stands for one, and no `*` either.

A name pattern is written like a name: without `/` it is about names without namespace and
instance, else it has three parts. So `*` is every plain name, `shop/*/*` all of the namespace
`shop`, `*/*/*` everybody; an empty part matches an empty part alone.

Always: matching takes time linear in pattern times text, whatever the pattern; a `*` never
crosses a separator; what is not written as its grammar says matches nothing.

Source: gitignore(5), "PATTERN FORMAT", for `**`; RFC 1123, section 2.1, for host names; the URL
Standard, "ends in a number", for names that are read as addresses elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address

from airssys_wasm.components.identity import ComponentId

_PART_CHARACTERS = re.compile(r"[a-z0-9*._-]*\Z")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\Z", re.IGNORECASE)
_NUMBER = re.compile(r"([0-9]+|0x[0-9a-f]*)\Z", re.IGNORECASE)
_HOST_AND_PORT = re.compile(r"(\[[^\]]*\]|[^:\[\]]*):(\*|[0-9]{1,5})\Z")

_Address = IPv4Address | IPv6Address


def name_pattern_problem(pattern: str) -> str | None:
    """Why `pattern` can't be a pattern of names; None when it can.

    >>> name_pattern_problem("shop/*")
    "write 'name' or 'namespace/name/instance', with '*' where anything may stand"
    """
    parts = pattern.split("/")
    if len(parts) not in (1, 3) or (len(parts) == 3 and not parts[1]) or not pattern:
        return "write 'name' or 'namespace/name/instance', with '*' where anything may stand"
    if not all(_PART_CHARACTERS.match(part) for part in parts):
        return "use a-z, 0-9, '.', '_', '-' and '*'"
    return None


def matches_name(pattern: str, target: ComponentId) -> bool:
    """Whether the grant `pattern` is about `target`.

    >>> matches_name("price*", ComponentId("", "prices", ""))
    True
    >>> matches_name("*", ComponentId("shop", "prices", ""))
    False
    """
    wanted = pattern.split("/")
    if len(wanted) == 1:
        wanted = ["", pattern, ""]
    return all(map(_matches_part, wanted, target))


def covers_topic(pattern: str, topic: str) -> bool:
    """Whether `pattern` is about every topic that `topic`, itself a pattern, stands for.

    >>> covers_topic("orders.>", "orders.eu.created"), covers_topic("orders.*", "orders.>")
    (True, False)
    """
    wide, narrow = pattern.split("."), topic.split(".")
    for place, token in enumerate(wide):
        if token == ">":
            return len(narrow) > place
        if place >= len(narrow) or narrow[place] == ">":
            return False
        if token != "*" and token != narrow[place]:
            return False
    return len(wide) == len(narrow)


def path_problem(path: str) -> str | None:
    """Why this is no absolute and normal path; None when it is.

    >>> path_problem("/data/../etc")
    "it has '..' in it"
    """
    if not path.startswith("/"):
        return "it does not begin with '/'"
    if "\0" in path:
        return "it has a NUL character in it"
    segments = path.split("/")[1:]
    if path != "/" and "" in segments:
        return "it has '//' in it" if "" in segments[:-1] else "it ends with '/'"
    return next((f"it has {dots!r} in it" for dots in (".", "..") if dots in segments), None)


def path_pattern_problem(pattern: str) -> str | None:
    """Why `pattern` can't be a pattern of paths; None when it can.

    >>> path_pattern_problem("/data/a**"), path_pattern_problem("/data/**/*.csv")
    ("'**' is a segment of its own", None)
    """
    if any("**" in segment and segment != "**" for segment in pattern.split("/")):
        return "'**' is a segment of its own"
    return path_problem(pattern)


def matches_path(pattern: str, path: str) -> bool:
    """Whether the grant `pattern` is about `path`.

    >>> matches_path("/data/*", "/data/a"), matches_path("/data/*", "/data/a/b")
    (True, False)
    >>> matches_path("/data/**", "/data/a/b"), matches_path("/data/**", "/data")
    (True, False)
    """
    if path_problem(path) is not None:
        return False
    runs = _runs(pattern)
    segments = _segments(path)
    first, last = runs[0], runs[-1]
    if len(runs) == 1:
        return len(first) == len(segments) and _matches_run(first, segments, 0)
    end = len(segments) - (len(last) or 1)  # a last `**` stands for at least one segment
    if not _matches_run(first, segments, 0) or end < len(first):
        return False
    if last and not _matches_run(last, segments, end):
        return False
    place = len(first)
    for run in runs[1:-1]:  # each at its first place: if any arrangement fits, this one does
        fits = (at for at in range(place, end - len(run) + 1) if _matches_run(run, segments, at))
        found = next(fits, None)
        if found is None:
            return False
        place = found + len(run)
    return True


def host_pattern_problem(pattern: str) -> str | None:
    """Why `pattern` can't be a pattern of hosts; None when it can.

    >>> host_pattern_problem("example.com")
    "write 'host:port', with '*' for any port"
    """
    split = _HOST_AND_PORT.match(pattern)
    if split is None:
        return "write 'host:port', with '*' for any port"
    host, port = split.groups()
    if port != "*" and not 1 <= int(port) <= 65535:
        return "a port is 1 to 65535"
    if _address(host) is not None:
        return None
    labels = host.split(".")
    while labels and labels[0] == "*":
        labels.pop(0)
    if any("*" in label for label in labels):
        return "'*' is a label of its own, before all others"
    if labels and not _is_name(labels):
        return "a host is a name or an address: labels of a-z, 0-9, '-' and '_', IPv4, or [IPv6]"
    return None


def matches_host(pattern: str, host: str, port: int) -> bool:
    """Whether the grant `pattern` is about `port` of `host`: a name, an IPv4 address or an IPv6
    address, the latter with brackets or without.

    >>> matches_host("*.example.com:443", "api.example.com", 443)
    True
    >>> matches_host("*.example.com:443", "evilexample.com", 443)
    False
    """
    split = _HOST_AND_PORT.match(pattern)
    if split is None or split[2] not in ("*", str(port)):
        return False
    wanted, asked = _address(split[1]), _address(host)
    if wanted is not None or asked is not None:
        return wanted == asked
    labels, found = split[1].lower().split("."), host.lower().removesuffix(".").split(".")
    if len(labels) != len(found) or not _is_name(found):
        return False
    return all(label in ("*", given) for label, given in zip(labels, found, strict=True))


def _matches_run(run: Sequence[str], segments: Sequence[str], place: int) -> bool:
    if place + len(run) > len(segments):
        return False
    return all(_matches_part(part, segments[place + n]) for n, part in enumerate(run))


@lru_cache(maxsize=1024)
def _runs(pattern: str) -> tuple[tuple[str, ...], ...]:
    """The segments of a path pattern, cut where `**` stands."""
    runs: list[list[str]] = [[]]
    for segment in _segments(pattern):
        if segment == "**":
            runs.append([])
        else:
            runs[-1].append(segment)
    return tuple(map(tuple, runs))


def _segments(path: str) -> list[str]:
    return [] if path == "/" else path.split("/")[1:]


def _is_name(labels: Sequence[str]) -> bool:
    """Whether these are the labels of a name, which nobody can read as an address."""
    name = sum(map(len, labels)) + len(labels) <= 254
    return name and all(map(_LABEL.match, labels)) and not _NUMBER.match(labels[-1])


def _address(host: str) -> _Address | None:
    try:
        if host.startswith("[") and host.endswith("]"):
            return IPv6Address(host[1:-1])
        return IPv6Address(host) if ":" in host else IPv4Address(host)
    except ValueError:
        return None


def _matches_part(pattern: str, part: str) -> bool:
    if "*" not in pattern:
        return pattern == part
    pieces = _pieces(pattern)
    first, last = pieces[0], pieces[-1]
    if len(part) < len(first) + len(last) or not part.startswith(first) or not part.endswith(last):
        return False
    # Each piece at its first place: if any arrangement fits, this one does.
    place, end = len(first), len(part) - len(last)
    for piece in pieces[1:-1]:
        place = part.find(piece, place, end)
        if place < 0:
            return False
        place += len(piece)
    return True


@lru_cache(maxsize=1024)
def _pieces(pattern: str) -> tuple[str, ...]:
    return tuple(pattern.split("*"))
