"""The errors of supervision: one class for each thing that a caller could do about it."""

from __future__ import annotations

from airssys_wasm.kernel.errors import AirssysError


class InvalidSpec(AirssysError, ValueError):
    """A child spec, or a supervisor, that could never be right: `field` has a wrong `value`."""

    def __init__(self, field: str, value: object, problem: str) -> None:
        super().__init__(f"{field}: {value!r} {problem}")
        self.field = field
        self.value = value
        self.problem = problem


class ChildNotFound(AirssysError, LookupError):
    """The supervisor has no child with this id."""

    def __init__(self, child: str) -> None:
        super().__init__(f"there is no child {child!r}")
        self.child = child


class ChildPresent(AirssysError):
    """The id is taken by a child that isn't running: restart or delete that one."""

    def __init__(self, child: str) -> None:
        super().__init__(f"child {child!r} is present already, and not running")
        self.child = child


class ChildRunning(AirssysError):
    """What was asked for needs a child that has ended: terminate it first. `ref` is the child."""

    def __init__(self, child: str, ref: object) -> None:
        super().__init__(f"child {child!r} is running as {ref}")
        self.child = child
        self.ref = ref


class ChildRestarting(AirssysError):
    """The supervisor is restarting the child: wait, or terminate it to end that."""

    def __init__(self, child: str) -> None:
        super().__init__(f"child {child!r} is being restarted")
        self.child = child


class MaxChildren(AirssysError):
    """The dynamic supervisor has as many children as it may have: wait, or end one."""

    def __init__(self, max_children: int) -> None:
        super().__init__(f"there are {max_children} children already, as many as there may be")
        self.max_children = max_children


class NotAChild(AirssysError, LookupError):
    """The ref belongs to a living actor that is no child of this supervisor."""

    def __init__(self) -> None:
        super().__init__("the ref is not one of a child")
