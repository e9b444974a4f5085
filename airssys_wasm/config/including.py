"""`include: other.yaml`: the roots of other files put in the place of their paths.

Pure: files are read by a function that is handed in. A file that is included twice is read
once, and its nodes are shared. Each keeps its own places, so that its mistakes are told where
they are.

What always holds:
  - no file is inside of itself;
  - what a file has become has at most `MOST_VALUES` values and is at most `DEEPEST` deep.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from airssys_wasm.config.surroundings import Missing, Opened
from airssys_wasm.schema import Place, Problem, decode, parse
from airssys_wasm.schema.document import DEEPEST, MOST_VALUES
from airssys_wasm.schema.environment import has_reference
from airssys_wasm.schema.node import Mapping, Node, Scalar, Sequence, Unreadable
from airssys_wasm.schema.problem import KeyPath, quoted
from airssys_wasm.schema.scalars import meaning
from airssys_wasm.schema.text import LARGEST_FILE

KEY, STANDS_FOR = "include", "supervisor"
MOST_FILES = 200  # as many services as a large application has, each in a file of its own


OpenFile = Callable[[Path], Opened | Missing]


@dataclass(slots=True)
class Included:
    """The tree with all its files, the directory of each by its name, and what is wrong."""

    root: Node
    directories: dict[str, Path] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def include(root: Node, file: Path, identity: str, size: int, open_file: OpenFile) -> Included:
    """Everything that the tree in `file`, of `size` bytes, includes; `root` is what it says."""
    work = _Work(open_file, size)
    work.stack.append((identity, str(file)))
    node = work.tree(root, file.parent, (), 0)
    return Included(node, work.directories, work.problems)


class _Work:
    def __init__(self, open_file: OpenFile, size: int) -> None:
        self.directories: dict[str, Path] = {}
        self.problems: list[Problem] = []
        self.stack: list[tuple[str, str]] = []  # identity and name of the files that are open
        self._open_file = open_file
        self._bytes = size
        self._done: dict[str, Node] = {}
        self._values: list[int] = []  # of the files that are open

    def tree(self, root: Node, directory: Path, path: KeyPath, depth: int) -> Node:
        self._values.append(root.size)
        try:
            return self._supervisor(root, directory, path, depth)
        finally:
            self._values.pop()

    def _supervisor(self, node: Node, directory: Path, path: KeyPath, depth: int) -> Node:
        children = node.find("children") if isinstance(node, Mapping) else None
        if not isinstance(children, Sequence) or not isinstance(node, Mapping):
            return node
        items = tuple(
            self._child(item, directory, (*path, "children", number), depth + 2)
            for number, item in enumerate(children.items)
        )
        if all(new is old for new, old in zip(items, children.items, strict=True)):
            return node
        return node.replaced("children", Sequence.of(children.place, items))

    def _child(self, node: Node, directory: Path, path: KeyPath, depth: int) -> Node:
        if not isinstance(node, Mapping):
            return node
        inner = node.find(STANDS_FOR)
        if inner is not None:
            found = self._supervisor(inner, directory, (*path, STANDS_FOR), depth + 1)
            return node if found is inner else node.replaced(STANDS_FOR, found)
        named = node.find(KEY)
        if named is None or {"actor", "component", "pool", "dynamic"} & set(node.keys):
            return node
        other = self._other(named, directory, (*path, KEY), depth + 1)
        entries = (
            (Scalar(key.place, STANDS_FOR), other) if key.text == KEY else (key, value)
            for key, value in node.entries
        )
        return Mapping.of(node.place, tuple(entries))

    def _other(self, named: Node, directory: Path, path: KeyPath, depth: int) -> Node:
        """What the named file says."""
        if isinstance(named, Unreadable):
            return named
        if not isinstance(named, Scalar) or not _is_path(named):
            return self._fail(named, path, "type", "this must be the path of a tree file")
        if has_reference(named.text):
            message = f"{quoted(named.text)}: nothing is taken from the environment here"
            return self._fail(named, path, "environment", message, "write the path itself")
        file = directory / named.text
        opened = self._open_file(file)
        if isinstance(opened, Missing):
            return self._fail(named, path, "include-missing", opened.message, opened.hint)
        names = [identity for identity, _ in self.stack]
        if opened.identity in names:
            circle = [name for _, name in self.stack[names.index(opened.identity) :]]
            message = f"the file includes itself: {' → '.join([*circle, circle[0]])}"
            return self._fail(named, path, "include-cycle", message)
        if opened.identity not in self._done:
            wrong = self._read(opened, file, depth)
            if wrong:
                return self._fail(named, path, "yaml-too-large", wrong)
        node = self._done[opened.identity]
        self._values[-1] += node.size
        if self._values[-1] > MOST_VALUES:
            message = f"with this file the tree grows beyond {MOST_VALUES:,} values"
            return self._fail(named, path, "yaml-too-large", message)
        if depth + node.height > DEEPEST:
            message = f"with this file the tree is over {DEEPEST} levels deep"
            return self._fail(named, path, "yaml-too-large", message)
        return node

    def _read(self, opened: Opened, file: Path, depth: int) -> str:
        """Read the file, or say what is too much."""
        self._bytes += len(opened.data)
        if len(opened.data) <= LARGEST_FILE < self._bytes:
            return f"the files of a tree have at most {LARGEST_FILE // 1024:,} KiB together"
        if len(self._done) >= MOST_FILES:
            return f"a tree has at most {MOST_FILES} files"
        if depth >= DEEPEST:
            return f"with this file the tree is over {DEEPEST} levels deep"
        source, text, problems = decode(str(file), opened.data)
        self.directories[source.name] = file.parent
        self.problems += problems
        parsed = None if problems and not text else parse(source, text)
        if parsed is not None:
            self.problems += parsed.problems
        if parsed is None or parsed.root is None:
            self._done[opened.identity] = Unreadable(Place(source, 1, 1))
            return ""
        self.stack.append((opened.identity, str(file)))
        self._done[opened.identity] = self.tree(parsed.root, file.parent, (), depth)
        self.stack.pop()
        return ""

    def _fail(self, node: Node, path: KeyPath, rule: str, message: str, hint: str = "") -> Node:
        problem = Problem.at(node.place, message, rule=rule, path=path, hint=hint)
        self.problems.append(problem)
        return Unreadable(node.place)


def _is_path(named: Scalar) -> bool:
    said = named.text if named.quoted else meaning(named.text)
    return isinstance(said, str) and said != "" and "\0" not in said
