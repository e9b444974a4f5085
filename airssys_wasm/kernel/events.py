"""The events of telemetry: which there are, when each is emitted, and what it carries.

Pure. `docs/events.md` is this table. Every event has `time` beside: when it was emitted, in seconds
of the platform's monotonic clock.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened. `measurements` are numbers, `metadata` says of what and why."""

    name: str
    time: float
    measurements: Mapping[str, float]
    metadata: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class EventSpec:
    """What events of one name mean; the keys of `measurements` and `metadata` with their meaning.

    Units: durations are seconds, all else counts.
    """

    name: str
    when: str
    measurements: Mapping[str, str]
    metadata: Mapping[str, str]


_REF = {"ref": "the actor", "behaviour": "its class or process function", "name": "its name"}
_STACK = "where its code was: file, line and function of each frame, the outermost first"

EVENTS: tuple[EventSpec, ...] = (
    EventSpec(
        "actor.spawned",
        "An actor was made; its init has not run.",
        {"restarts": "how often its supervisor had started this child anew, this time included"},
        _REF | {"parent": "who spawned it, None when no actor did"},
    ),
    EventSpec(
        "actor.started",
        "The init of an actor succeeded; at once after `actor.spawned` where there is none.",
        {"restarts": "as in `actor.spawned`"},
        _REF,
    ),
    EventSpec(
        "actor.ended",
        "An actor is dead, its name free.",
        {"restarts": "as in `actor.spawned`"},
        _REF | {"reason": "the exit reason", "orderly": "whether that is an end that was meant"},
    ),
    EventSpec(
        "actor.crashed",
        "An actor ends abnormally by its own doing; comes before its `actor.ended`.",
        {"restarts": "as in `actor.spawned`"},
        {"ref": "the actor", "reason": "the exit reason", "report": "the CrashReport"},
    ),
    EventSpec(
        "message.dead_lettered",
        "No handler completed a message.",
        {"total": "dead letters of this kernel so far"},
        {"letter": "the DeadLetter: message, receiver, reason"},
    ),
    EventSpec(
        "message.unhandled",
        "A handler said of a sent message that it does not know it.",
        {},
        {"ref": "the actor", "message": "what it does not know"},
    ),
    EventSpec(
        "mailbox.full",
        "A bounded mailbox was full: a message has to wait for room, or is refused.",
        {"capacity": "of the mailbox", "length": "messages in it"},
        {"ref": "the actor", "outcome": "`waits` or `refused`"},
    ),
    EventSpec(
        "mailbox.dropped",
        "A bounded mailbox was full, and its policy dropped a message.",
        {"capacity": "of the mailbox", "dropped": "messages that this mailbox dropped so far"},
        {"ref": "the actor", "overflow": "the policy: `drop_new` or `drop_old`"},
    ),
    EventSpec(
        "timers.fired",
        "Timers fired in one turn of the loop.",
        {
            "count": "how many",
            "late": "seconds by which the first of them was late",
            "pending": "timers that are still to fire",
        },
        {},
    ),
    EventSpec(
        "handler.slow",
        "An actor's code has held the loop for longer than `slow_after`; emitted when it let go.",
        {"duration": "seconds for which it held the loop, at least"},
        {
            "ref": "the actor",
            "stack": _STACK,
        },
    ),
    EventSpec(
        "leftover.reported",
        "The code of a killed actor goes on though it was cancelled again and again.",
        {"cancellations": "how often it was cancelled"},
        {"ref": "the killed actor", "stack": _STACK},
    ),
    EventSpec(
        "supervisor.restarted",
        "A supervisor started a child anew.",
        {"restarts": "of this child so far"},
        {"ref": "the supervisor", "child": "the id of the child"},
    ),
    EventSpec(
        "supervisor.gave_up",
        "A supervisor had to restart more often than its intensity allows, and ends.",
        {"intensity": "restarts allowed in a period", "period": "seconds"},
        {"ref": "the supervisor", "cause": "the GaveUp: child, reason, and what lies behind it"},
    ),
    EventSpec(
        "component.memory",
        "The linear memories of a component have grown to 90 % of its limit; once an incarnation.",
        {"used": "bytes", "limit": "bytes"},
        _REF,
    ),
    EventSpec(
        "component.quota",
        "A component has used 80 or 95 % of what it may use in a second, or of its storage.",
        {},
        {
            "ref": "the actor",
            "function": "the function of the host that it called, as `storage.set`",
            "level": "`warning` or `critical`",
            "detail": "how much of what",
        },
    ),
    EventSpec(
        "component.refused",
        "A component asked for what it was not granted, or for more than it may have.",
        {},
        {
            "ref": "the actor",
            "function": "the function of the host that it called, as `storage.set`",
            "target": "whom or what it was about",
            "outcome": "`denied`, `over quota` or `over rate`",
            "detail": "why, and the grant to add",
        },
    ),
    EventSpec(
        "group.told",
        "Another node said how often an actor of its own is in a group, or was lost with it.",
        {"places": "how often; 0: not any more"},
        {"group": "its name", "ref": "the actor", "node": "the other node"},
    ),
    EventSpec(
        "topic.sent",
        "A publication was sent to other nodes, where somebody subscribed.",
        {"nodes": "to how many", "bytes": "of the message, encoded once"},
        {"topic": "what it was published to"},
    ),
    EventSpec(
        "topic.unsent",
        "A publication could not be sent to other nodes that want it; it is a dead letter, too.",
        {"nodes": "to how many"},
        {"topic": "what it was published to", "error": "NotEncodable or TooLarge"},
    ),
    EventSpec(
        "topic.received",
        "A publication came from another node.",
        {"bytes": "of the message"},
        {"topic": "what it was published to", "node": "the other node"},
    ),
    EventSpec(
        "system.closing",
        "The kernel ends all its actors.",
        {"actors": "how many there are"},
        {"system": "its name"},
    ),
    EventSpec(
        "system.closed",
        "All actors of the kernel have ended.",
        {"killed": "how many had to be killed, since they did not end in time"},
        {"system": "its name"},
    ),
    EventSpec(
        "telemetry.detached",
        "A handler of events raised, and gets no more of them.",
        {},
        {"pattern": "what it was attached to", "handler": "the handler", "error": "what it raised"},
    ),
)

NAMES = frozenset(spec.name for spec in EVENTS)


def matching(pattern: str) -> Iterator[str]:
    """The names of the events that `pattern` means: a name, or one with `*` for any part of it.

    >>> sorted(matching("actor.s*"))
    ['actor.spawned', 'actor.started']
    """
    return (spec.name for spec in EVENTS if fnmatchcase(spec.name, pattern))
