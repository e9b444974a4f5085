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


class EngineDown(AirssysError, ConnectionError):
    """The engine can't reach the others now, so nothing is known of what was asked."""


class NoResponders(AirssysError):
    """Nobody listens where a request was sent; it fails at once."""

    def __init__(self, subject: str) -> None:
        super().__init__(f"nobody answers requests to {subject!r}")
        self.subject = subject


class EngineTimeout(AirssysError, TimeoutError):
    """No answer came to a request between engines."""

    def __init__(self, subject: str, timeout: float) -> None:
        super().__init__(f"no answer from {subject!r} within {timeout:g} s")
        self.subject = subject
        self.timeout = timeout


class KeyChanged(AirssysError):
    """A key is not as it was expected to be: taken for `create`, at another revision else."""

    def __init__(self, key: str) -> None:
        super().__init__(f"the key {key!r} was taken or changed by another")
        self.key = key


class TooLarge(AirssysError, ValueError):
    """A message is larger than the engine carries in one piece."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"{size} bytes are more than the {limit} that the engine carries at once")
        self.size = size
        self.limit = limit


class NodeNameTaken(AirssysError, ValueError):
    """Another node of the cluster has this name, and is alive."""

    def __init__(self, name: str) -> None:
        super().__init__(f"another node is called {name!r}, and is alive; each needs its own name")
        self.name = name


class RemoteError(AirssysError):
    """An actor on another node answered a request with an error: its `type` and its `text`."""

    def __init__(self, type: str, text: str) -> None:
        super().__init__(f"{type}: {text}" if text else type)
        self.type = type
        self.text = text


class NotEncodable(AirssysError, TypeError):
    """A message for another node holds a value that no codec may send.

    `type` is the name of its class. Register a dataclass, msgspec struct or enum as one of the
    `messages` of NodeSettings.
    """

    def __init__(self, type: str, why: str) -> None:
        super().__init__(f"{type} can't be sent to another node: {why}")
        self.type = type


class NotDecodable(AirssysError, ValueError):
    """What came from another node is nothing that this one understands."""
