"""What has to hold of what the nodes have written down, whatever happened to them.

Pure. A stream is what one sender sent to one receiver from when it found it to when it was told of
its end: messages numbered from 1. An entry is a mapping with `do`, one of

    open      stream: a sender has a receiver, and monitors and is linked to it
    told      stream, how (down or exit), reason, sent: how many it had sent by then
    closed    stream, sent: it sends no more, and its receiver is alive
    handled   stream, number: by the receiver
    asked     stream, number, outcome, seconds: how a request ended
    act       token, at: who holds the one name did something, by its fencing token

The clock of all entries is the machine's.

Laws:
  - no message is handled twice, and none before one that was sent earlier;
  - a stream of which nothing was told lost nothing. In one that was told there may be a gap: what
    is sent between the loss and its telling may go over the next connection;
  - a watcher is told of an end once, and so is who is linked;
  - a request has its reply, or ends with the exit of who was asked; it never just waits;
  - what is done under a token of a name does not come after what was done under a later one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

Entry = Mapping[str, Any]


@dataclass
class Findings:
    """What was found: `broken` are sentences, the rest counts."""

    broken: list[str] = field(default_factory=list)
    sent: int = 0
    handled: int = 0
    told: int = 0  # messages of whose loss the sender was told
    streams: int = 0
    requests: int = 0
    ended: int = 0  # requests that ended with an exit
    longest: float = 0.0  # seconds that a request took that ended with an exit
    acts: int = 0

    def __str__(self) -> str:
        return (
            f"{self.sent:,} sent in {self.streams} streams = {self.handled:,} handled + "
            f"{self.told:,} told of; {self.requests:,} requests, {self.ended} ended by an exit, "
            f"after {self.longest:.1f} s at most; {self.acts:,} acts of the holder"
        )


def judge(entries: Iterable[Entry]) -> Findings:
    """Hold entries, each file's in its order, against the laws.

    >>> opened = {"do": "open", "stream": "s"}
    >>> judge([opened, {"do": "closed", "stream": "s", "sent": 1}]).broken
    ['s: 1 sent, 0 handled, and nobody was told']
    """
    findings = Findings()
    opened: dict[str, None] = {}
    closed: dict[str, int] = {}
    ends: dict[str, list[Entry]] = defaultdict(list)
    numbers: dict[str, list[int]] = defaultdict(list)
    acts: list[Entry] = []
    for entry in entries:
        match entry["do"]:
            case "open":
                opened[entry["stream"]] = None
            case "told":
                ends[entry["stream"]].append(entry)
            case "closed":
                closed[entry["stream"]] = entry["sent"]
            case "handled":
                numbers[entry["stream"]].append(entry["number"])
            case "asked":
                _request(entry, findings)
            case "act":
                acts.append(entry)
    for stream in opened:
        findings.streams += 1
        _stream(stream, numbers.pop(stream, []), ends[stream], closed.get(stream), findings)
    for stream in numbers:
        findings.broken.append(f"{stream}: handled, and nobody sent in it")
    _acts(acts, findings)
    return findings


def _stream(
    stream: str, handled: list[int], ends: list[Entry], closed: int | None, findings: Findings
) -> None:
    findings.handled += len(handled)
    disorder = _disorder(handled, gaps=bool(ends) or closed is None)
    if disorder is not None:
        findings.broken.append(f"{stream}: {disorder}")
        return
    for how, count in Counter(end["how"] for end in ends).items():
        if count > 1:
            findings.broken.append(f"{stream}: told {count} times by {how}")
    if ends:
        sent = max(end["sent"] for end in ends)
        if len(ends) == 1 and closed is None:
            pass  # its sender ended between the two
        elif len({end["how"] for end in ends}) == 1:
            findings.broken.append(f"{stream}: told by {ends[0]['how']} alone")
    elif closed is None:  # its sender was killed, and knows nothing
        findings.sent += len(handled)
        return
    else:
        sent = closed
    findings.sent += sent
    lost = sent - len(handled)
    if lost < 0:
        findings.broken.append(f"{stream}: {sent} sent, and {len(handled)} handled")
    elif lost and not ends:
        findings.broken.append(
            f"{stream}: {sent} sent, {len(handled)} handled, and nobody was told"
        )
    else:
        findings.told += lost


def _disorder(handled: list[int], *, gaps: bool) -> str | None:
    for earlier, number in pairwise(handled):
        if number <= earlier:
            twice = handled.count(number) > 1
            return f"{number} was handled {'twice' if twice else f'after {earlier}'}"
    for expected, number in enumerate(handled, 1):
        if number != expected and not gaps:
            return f"{number} was handled after {expected - 1}, and nobody was told"
    return None


def _request(entry: Entry, findings: Findings) -> None:
    findings.requests += 1
    outcome = entry["outcome"]
    if outcome == "exited":
        findings.ended += 1
        findings.longest = max(findings.longest, entry["seconds"])
    elif outcome != "reply":
        findings.broken.append(f"{entry['stream']}: request {entry['number']}: {outcome}")


def _acts(acts: list[Entry], findings: Findings) -> None:
    findings.acts = len(acts)
    latest = -1
    for act in sorted(acts, key=lambda act: float(act["at"])):
        if act["token"] < latest:
            findings.broken.append(f"an act under token {act['token']} came after one of {latest}")
        latest = max(latest, act["token"])
