"""Keys with revisions, as the engines in one process keep them.

Pure. Invariant: a revision is higher than any before it, of any key.
"""

from __future__ import annotations

from collections.abc import Iterator

from airssys_wasm.broker.engine import Entry
from airssys_wasm.broker.errors import KeyChanged
from airssys_wasm.broker.topic import ANY, REST


class KeyStore:
    """Keys, changed by compare-and-set.

    >>> store = KeyStore()
    >>> store.create("name.stock", b"1").revision
    1
    >>> store.update("name.stock", b"2", revision=1).revision
    2
    """

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._revision = 0

    def get(self, key: str) -> Entry | None:
        """The key as it is; None when there is none."""
        return self._entries.get(key)

    def create(self, key: str, value: bytes) -> Entry:
        """Take a free key. Raises KeyChanged."""
        if key in self._entries:
            raise KeyChanged(key)
        return self._set(key, value)

    def update(self, key: str, value: bytes, revision: int) -> Entry:
        """Change a key that is at `revision`. Raises KeyChanged."""
        self._expect(key, revision)
        return self._set(key, value)

    def delete(self, key: str, revision: int) -> Entry:
        """Free a key that is at `revision`. Raises KeyChanged."""
        self._expect(key, revision)
        del self._entries[key]
        self._revision += 1
        return Entry(key, None, self._revision)

    def _expect(self, key: str, revision: int) -> None:
        entry = self._entries.get(key)
        if entry is None or entry.revision != revision:
            raise KeyChanged(key)

    def _set(self, key: str, value: bytes) -> Entry:
        self._revision += 1
        entry = self._entries[key] = Entry(key, value, self._revision)
        return entry

    def matching(self, pattern: str) -> Iterator[Entry]:
        """The keys of a pattern, in the order of their revisions."""
        found = [entry for key, entry in self._entries.items() if matches(pattern, key)]
        yield from sorted(found, key=lambda entry: entry.revision)


def matches(pattern: str, subject: str) -> bool:
    """Whether `subject` is one that `pattern` stands for.

    >>> matches("node.*.>", "node.a.lease"), matches("node.*", "node.a.lease")
    (True, False)
    """
    wanted, tokens = pattern.split("."), subject.split(".")
    for place, token in enumerate(wanted):
        if token == REST:
            return len(tokens) > place
        if place >= len(tokens) or token not in (ANY, tokens[place]):
            return False
    return len(wanted) == len(tokens)
