"""What the state machine of a supervisor is told, and what it asks for: events in, actions out.

An incarnation is a number that the machine gives to each start. It is never used twice, so that an
event of an incarnation that was replaced meanwhile can't be taken for one of its successor.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from airssys_wasm.supervision.child_spec import ChildSpec
from airssys_wasm.supervision.events import SupervisionEvent
from airssys_wasm.supervision.health import Health

if TYPE_CHECKING:
    from airssys_wasm.supervision.flags import Flags
    from airssys_wasm.supervision.reconfiguration import Reconfigured

# --- events


@dataclass(frozen=True, slots=True)
class Begin:
    """The supervisor itself was started."""


@dataclass(frozen=True, slots=True)
class Up:
    """The init of an incarnation succeeded."""

    incarnation: int


@dataclass(frozen=True, slots=True)
class Declined:
    """The init of an incarnation answered IGNORE, and it is gone."""

    incarnation: int


@dataclass(frozen=True, slots=True)
class NotSpawned:
    """An incarnation could not even be made: its constructor raised, or its name was taken."""

    incarnation: int
    reason: object


@dataclass(frozen=True, slots=True)
class Gone:
    """An incarnation is dead: its init failed, or it ended. `cause` lies behind the reason."""

    incarnation: int
    reason: object
    cause: object | None = None


@dataclass(frozen=True, slots=True)
class TimeUp:
    """The timer `timer` went off."""

    timer: int


@dataclass(frozen=True, slots=True)
class Checked:
    """An incarnation answered the question `number` for its health."""

    incarnation: int
    number: int
    health: Health


@dataclass(frozen=True, slots=True)
class Retry:
    """What `Again` asked for: it is time for one more attempt to start `child`."""

    child: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Stop:
    """The supervisor has to end with `reason`: its parent ended, or somebody asked for it."""

    reason: object


@dataclass(frozen=True, slots=True)
class AddChild:
    """Administration: start a child with a new spec. `token` comes back with the answer."""

    spec: ChildSpec
    token: object


@dataclass(frozen=True, slots=True)
class TerminateChild:
    """Administration: stop a child, and keep its spec unless it is temporary."""

    child: str
    token: object


@dataclass(frozen=True, slots=True)
class RestartChild:
    """Administration: start a child that isn't running."""

    child: str
    token: object


@dataclass(frozen=True, slots=True)
class DeleteChild:
    """Administration: forget the spec of a child that isn't running."""

    child: str
    token: object


@dataclass(frozen=True, slots=True)
class Reconfigure:
    """Administration: go on with other flags and other specs."""

    flags: Flags
    children: tuple[ChildSpec, ...]
    token: object


Change = AddChild | TerminateChild | RestartChild | DeleteChild
Event = (
    Begin
    | Up
    | Declined
    | NotSpawned
    | Gone
    | TimeUp
    | Checked
    | Retry
    | Stop
    | Change
    | Reconfigure
)

# --- actions


@dataclass(frozen=True, slots=True)
class Spawn:
    """Make `incarnation` of a child; it takes over the mailbox that `adopt` has kept, if any."""

    incarnation: int
    spec: ChildSpec
    adopt: int | None
    restarts: int


@dataclass(frozen=True, slots=True)
class SendExit:
    """Send an exit signal to an incarnation."""

    incarnation: int
    reason: object = "shutdown"


@dataclass(frozen=True, slots=True)
class Kill:
    """Kill an incarnation."""

    incarnation: int


@dataclass(frozen=True, slots=True)
class Release:
    """Give up the mailbox that a dead incarnation kept."""

    incarnation: int


@dataclass(frozen=True, slots=True)
class AskHealth:
    """Ask an incarnation for its health; the answer is `Checked` with the same number."""

    incarnation: int
    number: int


@dataclass(frozen=True, slots=True)
class SetTimer:
    """Tell `TimeUp(timer)` in `after` seconds."""

    timer: int
    after: float


@dataclass(frozen=True, slots=True)
class CancelTimer:
    """The timer is no longer needed; an event of it would be ignored."""

    timer: int


@dataclass(frozen=True, slots=True)
class Again:
    """Tell `Retry(child, attempt)` after everything that already waits for the supervisor."""

    child: str
    attempt: int


@dataclass(frozen=True, slots=True)
class Adjust:
    """An incarnation that is alive goes on with another spec."""

    incarnation: int
    spec: ChildSpec


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a change: the incarnation that was started, or None."""

    token: object
    incarnation: int | None = None


@dataclass(frozen=True, slots=True)
class AnswerReconfigured:
    """The answer to `Reconfigure`."""

    token: object
    difference: Reconfigured


@dataclass(frozen=True, slots=True)
class Refuse:
    """The answer to a change that can't be made."""

    token: object
    problem: Problem


@dataclass(frozen=True, slots=True)
class Report:
    """Tell those who watch."""

    event: SupervisionEvent


@dataclass(frozen=True, slots=True)
class Ready:
    """The supervisor's own start is complete."""


@dataclass(frozen=True, slots=True)
class End:
    """Nothing is left of the children: end with `reason`, behind which lies `cause`."""

    reason: object
    cause: object | None = None


Action = (
    Spawn
    | SendExit
    | Kill
    | Release
    | AskHealth
    | SetTimer
    | CancelTimer
    | Again
    | Adjust
    | Answer
    | AnswerReconfigured
    | Refuse
    | Report
    | Ready
    | End
)

# --- why a change is refused


@dataclass(frozen=True, slots=True)
class NotFound:
    """There is no child with this id."""

    child: str


@dataclass(frozen=True, slots=True)
class Present:
    """The id belongs to a child that isn't running."""

    child: str


@dataclass(frozen=True, slots=True)
class AlreadyUp:
    """The id belongs to a child that is running as `incarnation`."""

    child: str
    incarnation: int


@dataclass(frozen=True, slots=True)
class Running:
    """The child is running as `incarnation`, and would have to be stopped first."""

    child: str
    incarnation: int


@dataclass(frozen=True, slots=True)
class Restarting:
    """The child is being restarted."""

    child: str


@dataclass(frozen=True, slots=True)
class Unfit:
    """The spec does not go with this supervisor: it is significant, and `auto_shutdown` never."""

    child: str


@dataclass(frozen=True, slots=True)
class DidNotStart:
    """The child was started and failed."""

    child: str
    reason: object


@dataclass(frozen=True, slots=True)
class Invalid:
    """The new description of the supervisor could never be right: `field` has a wrong `value`."""

    field: str
    value: object
    problem: str


Problem = NotFound | Present | AlreadyUp | Running | Restarting | Unfit | DidNotStart | Invalid
