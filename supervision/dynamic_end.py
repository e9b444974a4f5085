"""How a dynamic supervisor ends: all children are stopped at once, some hundreds a turn.

Pure. One timer bounds the stop of all of them; when it is up, those that are left are killed.

Source: Erlang/OTP, supervisor.erl, terminate_dynamic_children/1.
"""

from __future__ import annotations

from collections import deque

from airssys_wasm.supervision import dynamic_steps, steps
from airssys_wasm.supervision.dynamic_state import DynamicState, Instance
from airssys_wasm.supervision.shutdown import stop_signal

STOPPED_A_TURN = 500  # children told to stop in one turn, some milliseconds, before others get one


class End:
    """The end of one dynamic supervisor, once it has begun."""

    __slots__ = ("_end", "_kills", "_left", "_state", "_timer")

    def __init__(self, state: DynamicState) -> None:
        self._state = state
        self._end = steps.End("shutdown")
        self._timer: int | None = None
        self._kills = False
        self._left: deque[Instance] = deque()  # those to be told; the newest first

    def begin(self, end: steps.End) -> None:
        """Stop all children; the first reason to end wins."""
        state = self._state
        if state.phase == "stopping":
            return
        state.phase = "stopping"
        self._end = end
        how = stop_signal(state.template.shutdown)
        self._kills = how.signal == "kill"
        self._left = deque(reversed(state.children.values()))
        if how.limit is not None and self._left:
            self._timer = next(state.numbers)
            state.actions.append(steps.SetTimer(self._timer, how.limit))
        self.signal_some()

    def signal_some(self) -> None:
        """Tell the next children to end, some hundreds of them."""
        for _ in range(min(STOPPED_A_TURN, len(self._left))):
            child = self._left.popleft()
            if child.number in self._state.children:  # it has not ended meanwhile
                self._signal(child)
        if self._left:
            self._state.actions.append(dynamic_steps.TakeTurns())

    def _signal(self, child: Instance) -> None:
        state = self._state
        state.end_checks(child)
        if child.state == "restarting":
            state.drop(child)
        elif self._kills:
            state.become(child, "stopping")
            state.actions.append(steps.Kill(child.incarnation))
        elif child.state != "stopping":
            state.become(child, "stopping")
            state.actions.append(steps.SendExit(child.incarnation))

    def time_up(self, timer: int) -> bool:
        """Whether the timer that went off is the one of the end: who is left is killed then."""
        if timer != self._timer:
            return False
        self._timer = None
        self._kills = True
        self._left = deque(reversed(self._state.children.values()))
        self.signal_some()
        return True

    def complete(self) -> None:
        """End, if it has begun and nothing is left of the children."""
        state = self._state
        if state.phase != "stopping" or state.children:
            return
        state.phase = "ended"
        if self._timer is not None:
            state.actions.append(steps.CancelTimer(self._timer))
        state.actions.append(self._end)
