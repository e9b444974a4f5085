"""From YAML text to a tree of nodes, with every mistake that YAML itself knows.

Pure. PyYAML's parser gives events, one at a time; the tree is built here, without
recursion and with limits, so that no text can exhaust memory, time or the stack.

What always holds:
  - no exception leaves `parse`, whatever the text;
  - a tree has at most `MOST_VALUES` values, and as many again when its aliases are written
    out, and is at most `DEEPEST` deep;
  - no mapping has a key twice, no node contains itself.

When the text is no YAML the first place where it fails is the only problem that can be
known, and there is no tree. Tabs are the exception: they are reported, read as spaces, and
the rest is read on.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import yaml

from airssys_wasm.schema.node import Mapping, Node, Scalar, Sequence, Unreadable
from airssys_wasm.schema.problem import Place, Problem, Source, quoted
from airssys_wasm.schema.suggest import did_you_mean
from airssys_wasm.schema.syntax import explain

MOST_VALUES = 100_000  # a tree of 7,000 children has about that many
DEEPEST = 64  # a tree file of three nested supervisors needs 12
_MOST_PROBLEMS = 1_000
_MOST_TABS = 20
_MOST_READ_AGAIN = 1024 * 1024  # characters; each tab that is read as spaces reads the text again
_LARGE = 20_000  # characters; a smaller text is read in a tenth of a second anyway
_QUICK_LOADER = getattr(yaml, "CSafeLoader", None)  # where PyYAML is built with libyaml
_TAB_WIDTHS = (4, 2, 8)
_INDENTING = "a tab indents this line"

_TEXT_TAGS = frozenset({"tag:yaml.org,2002:str", "!"})
_MAP_TAG, _SEQ_TAG = "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Parsed:
    """The root of the document, if it could be read, and what is wrong with it."""

    root: Node | None
    problems: tuple[Problem, ...]


def parse(source: Source, text: str) -> Parsed:
    """Read one YAML document. Never raises."""
    composer = _quick(source, text)
    if composer is None:
        composer = _Composer(source)
        composer.read(text)
    if composer.tab is None:
        return Parsed(composer.root, tuple(composer.problems))
    tabs: list[Problem] = []
    for width in _TAB_WIDTHS:
        tabs, composer = _read_tabs_as_spaces(source, text, width)
        if composer.root is not None:
            return Parsed(composer.root, (*tabs, *composer.problems))
    guessed = any(tab.message == _INDENTING for tab in tabs)  # what follows may be our doing
    return Parsed(None, tuple(tabs) if guessed else (*tabs, *composer.problems))


def _quick(source: Source, text: str) -> _Composer | None:
    """A large text as libyaml reads it, thirty times as fast; None when that is no YAML to it.

    Then PyYAML's own parser reads it again, whose places and words are the same everywhere. A tab
    between two words is no mistake to libyaml.
    """
    if len(text) < _LARGE or _QUICK_LOADER is None or "\t" in text:
        return None
    composer = _Composer(source, loader=_QUICK_LOADER)
    composer.read(text)
    return None if any(p.rule == "yaml-syntax" for p in composer.problems) else composer


def _read_tabs_as_spaces(source: Source, text: str, width: int) -> tuple[list[Problem], _Composer]:
    tabs: list[Problem] = []
    lines = text.split("\n")
    growth: dict[int, int] = {}
    while True:
        composer = _Composer(source, growth)
        composer.read("\n".join(lines))
        too_long = len(tabs) * len(text) > _MOST_READ_AGAIN
        if composer.tab is None or len(tabs) == _MOST_TABS or too_long:
            return tabs, composer
        row, column, place = composer.tab
        line = lines[row]
        rest = line.lstrip(" \t")
        indentation = line[: len(line) - len(rest)]
        if column < len(indentation):
            tabs.append(Problem.at(place, _INDENTING, rule="yaml-tab", hint="indent with spaces"))
            spaces = indentation.replace("\t", " " * width)
            growth[row] = len(spaces) - len(indentation)
            lines[row] = spaces + rest
        else:
            hint = "use a space, or put the text in quotes"
            message = "a tab separates two words"
            tabs.append(Problem.at(place, message, rule="yaml-tab", hint=hint))
            lines[row] = f"{line[:column]} {line[column + 1 :]}"


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not been read."""

    place: Place
    anchor: str | None
    items: list[Node] | None  # of a list; None for a mapping
    entries: list[tuple[Scalar, Node]] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict)  # key: the line that it is in
    key: Scalar | Unreadable | None = None


class _Stop(Exception):
    """The rest of the document is not worth reading, or can't be."""

    def __init__(self, *, keep: bool = False) -> None:
        self.keep = keep  # the tree that was read so far


class _Composer:
    def __init__(
        self, source: Source, growth: dict[int, int] | None = None, loader: Any = yaml.SafeLoader
    ) -> None:
        self.problems: list[Problem] = []
        self.root: Node | None = None
        self.tab: tuple[int, int, Place] | None = None  # where reading stopped: row, column from 0
        self._source = source
        self._top = Place(source, 1, 1)
        self._loader = loader
        self._growth = growth or {}  # row: by how much its indentation grew
        self._stack: list[_Open] = []
        self._anchors: dict[str, Node] = {}
        self._values = 0
        self._aliased = 0
        self._bombed = False

    def read(self, text: str) -> None:
        try:
            for event in self._events(text):
                self._take(event)
        except _Stop as stop:
            self.root = self.root if stop.keep else None
        else:
            if self.root is None and not self.problems and self.tab is None:
                self._report(self._top, "yaml-empty", "the file is empty")

    # -- events -------------------------------------------------------------------------

    def _events(self, text: str) -> Iterator[yaml.Event]:
        try:
            loader = self._loader(text)
        except yaml.reader.ReaderError as error:
            self._report(self._top, "yaml-syntax", f"not YAML: {error.reason}")
            raise _Stop from error
        try:
            while loader.check_event():
                yield cast(yaml.Event, loader.get_event())
        except yaml.MarkedYAMLError as error:
            self._syntax(text, error)
            raise _Stop from error
        except Exception as error:  # PyYAML lets ValueError and others out for odd escapes
            has_mark = hasattr(loader, "get_mark")  # libyaml has none
            place = self._place(loader.get_mark(), None) if has_mark else self._top
            hint = f"{type(error).__name__}: {error}"
            self._report(place, "yaml-syntax", "this cannot be read as YAML", hint=hint)
            raise _Stop from error

    def _syntax(self, text: str, error: yaml.MarkedYAMLError) -> None:
        mark = error.problem_mark or error.context_mark
        place = self._place(mark, None) if mark else Place(self._source, 1, 1)
        if mark and text[mark.index : mark.index + 1] == "\t":
            row_start = text.rfind("\n", 0, mark.index) + 1
            self.tab = text.count("\n", 0, mark.index), mark.index - row_start, place
            return
        before = place.source_line[: place.column - 1]
        lines = self._source.lines
        above = lines[place.line - 2] if 1 < place.line <= len(lines) else ""
        message, hint = explain(error.problem or "cannot be read", before, above)
        start = error.context_mark
        if start and mark and start.line < mark.line:
            if "quoted scalar" in str(error.context):
                place = self._place(start, None)
            elif "flow" in str(error.context):
                message = f"the bracket opened in line {start.line + 1} is not closed before this"
                hint = "every bracket that is opened must be closed"
            else:
                message += f", in the block that begins in line {start.line + 1}"
        self._report(place, "yaml-syntax", f"not YAML: {message}", hint=hint)

    def _take(self, event: yaml.Event) -> None:
        match event:
            case yaml.DocumentStartEvent() if self.root is not None:
                place = self._place(event.start_mark, event.end_mark)
                hint = "a tree file is one document"
                self._report(place, "yaml-document", "a second document begins here", hint=hint)
                raise _Stop(keep=True)
            case yaml.AliasEvent():
                self._alias(event)
            case yaml.ScalarEvent():
                self._count(event)
                self._attach(self._scalar(event), event.anchor)
            case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                self._count(event)
                self._open(event)
            case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                self._close()
            case _:
                pass

    # -- nodes --------------------------------------------------------------------------

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar | Unreadable:
        place = self._place(event.start_mark, event.end_mark)
        quoted_form = bool(event.style) or event.tag in _TEXT_TAGS
        if event.tag is not None and event.tag not in _TEXT_TAGS:
            return self._refuse_tag(place, event.tag)
        if _SURROGATE.search(event.value):
            message, hint = "half of a surrogate pair is no character", "write \\U0001F600"
            self._report(place, "yaml-encoding", message, hint=hint)
            return Unreadable(place)
        return Scalar(place, event.value, quoted_form)

    def _refuse_tag(self, place: Place, tag: str) -> Unreadable:
        prefix = "tag:yaml.org,2002:"
        shown = f"!!{tag.removeprefix(prefix)}" if tag.startswith(prefix) else tag
        message = f"the tag {quoted(shown)} is not supported"
        self._report(place, "yaml-tag", message, hint="remove it")
        return Unreadable(place)

    def _open(self, event: yaml.SequenceStartEvent | yaml.MappingStartEvent) -> None:
        place = self._place(event.start_mark, None)
        if len(self._stack) >= DEEPEST:
            message = f"this is nested more than {DEEPEST} levels deep"
            self._report(place, "yaml-too-large", message)
            raise _Stop
        is_list = isinstance(event, yaml.SequenceStartEvent)
        if event.tag not in (None, "!", _SEQ_TAG if is_list else _MAP_TAG):
            self._refuse_tag(place, event.tag)
        self._stack.append(_Open(place, event.anchor, [] if is_list else None))

    def _close(self) -> None:
        done = self._stack.pop()
        if done.items is not None:
            self._attach(Sequence.of(done.place, tuple(done.items)), done.anchor)
        else:
            self._attach(Mapping.of(done.place, tuple(done.entries)), done.anchor)

    def _alias(self, event: yaml.AliasEvent) -> None:
        place = self._place(event.start_mark, event.end_mark)
        name = str(event.anchor)
        if any(outer.anchor == name for outer in self._stack):
            self._report(place, "yaml-alias", f"the alias *{name} is inside of what it stands for")
            return self._attach(Unreadable(place), None)
        node = self._anchors.get(name)
        if node is None:
            hint = did_you_mean(name, self._anchors)
            message = f"there is no anchor &{name} before this alias"
            self._report(place, "yaml-alias", message, hint=hint)
            return self._attach(Unreadable(place), None)
        if self._aliased + node.size > MOST_VALUES:
            if not self._bombed:  # the others are not counted, so that the rest can be read
                message = f"with this alias the document grows beyond {MOST_VALUES:,} values"
                self._report(place, "yaml-too-large", message)
            self._bombed = True
            return self._attach(Unreadable(place), None)
        if len(self._stack) + node.height > DEEPEST:
            message = f"with this alias the document is over {DEEPEST} levels deep"
            self._report(place, "yaml-too-large", message)
            return self._attach(Unreadable(place), None)
        self._aliased += node.size
        return self._attach(node, None)

    def _attach(self, node: Node, anchor: str | None) -> None:
        if anchor is not None:
            self._anchors[anchor] = node
        if not self._stack:
            self.root = node
            return
        outer = self._stack[-1]
        if outer.items is not None:
            outer.items.append(node)
        elif outer.key is None:
            outer.key = self._key(node, outer)
        else:
            if isinstance(outer.key, Scalar):
                outer.entries.append((outer.key, node))
            outer.key = None

    def _key(self, node: Node, outer: _Open) -> Scalar | Unreadable:
        """The key, or what keeps its value out when it can't be one."""
        if isinstance(node, Unreadable):
            return node
        if not isinstance(node, Scalar):
            self._report(node.place, "yaml-key", "a key must be a word, not a list or a mapping")
        elif node.text == "<<" and not node.quoted:
            message, hint = (
                "merge keys (<<) are not supported",
                "write the keys out, or use defaults:",
            )
            self._report(node.place, "yaml-merge-key", message, hint=hint)
        elif node.text in outer.lines:
            line = outer.lines[node.text]
            where = "earlier in this line" if line == node.place.line else f"in line {line}"
            message = f"the key {quoted(node.text)} was given already, {where}"
            self._report(node.place, "yaml-duplicate-key", message)
        else:
            outer.lines[node.text] = node.place.line
            return node
        return Unreadable(node.place)

    # -- places and limits ----------------------------------------------------------------

    def _count(self, event: yaml.Event) -> None:
        self._values += 1
        if self._values > MOST_VALUES:
            place = self._place(event.start_mark, None)
            message = f"the document has more than {MOST_VALUES:,} values"
            self._report(place, "yaml-too-large", message)
            raise _Stop

    def _place(self, start: Any, end: Any) -> Place:
        column = max(0, start.column - self._growth.get(start.line, 0))
        width = end.column - start.column if end is not None and end.line == start.line else 1
        return Place(self._source, start.line + 1, column + 1, max(1, width))

    def _report(self, place: Place, rule: str, message: str, *, hint: str = "") -> None:
        self.problems.append(Problem.at(place, message, rule=rule, hint=hint))
        if len(self.problems) >= _MOST_PROBLEMS:
            raise _Stop
