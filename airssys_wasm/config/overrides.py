"""`--set PATH=VALUE`: values of the command line put into a tree file before it is checked.

Pure. `reader.args.path=orders.jsonl` goes to the key `args.path` of the child with the id
`reader`, wherever in the tree that child is; `workers.reader.restart=temporary` tells two
readers apart; `intensity=5` goes to the root. The value is YAML, and is checked like one in
the file. What a component's `config` may hold nobody knows, so that only a key that is there can
be given another value, and likewise inside of an argument.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from airssys_wasm.config.tree import TreeConfig
from airssys_wasm.schema import Place, Problem, Source, parse
from airssys_wasm.schema.node import Mapping, Node, Scalar, Sequence
from airssys_wasm.schema.problem import KeyPath, path_text, quoted
from airssys_wasm.schema.shape import fields_of
from airssys_wasm.schema.suggest import did_you_mean

SOURCE = "--set"
_KNOWN_ABOVE = {"config": 0, "args": 1}  # levels below the key at which its reader knows the keys


class _Refused(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


@dataclass(frozen=True, slots=True)
class _Option:
    """One `--set`: its text, the path in it and the value."""

    source: Source
    path: str
    value: Node
    offset: int = 0  # of the path in the text

    def place_of(self, word: str) -> Place:
        column = self.offset + max(0, self.path.find(word)) + 1
        return Place(self.source, 1, column, max(1, len(word)))

    def below(self, path: str) -> _Option:
        """The same value for a path that begins later in the text."""
        offset = self.offset + len(self.path) - len(path)
        return _Option(self.source, path, self.value, offset)

    def refuse(self, word: str, message: str, hint: str = "") -> _Refused:
        return _Refused(Problem.at(self.place_of(word), message, rule="set", hint=hint))


def apply(root: Node, texts: tuple[str, ...]) -> tuple[Node, list[Problem]]:
    """The tree with the values put in, and what is wrong with the options themselves."""
    problems: list[Problem] = []
    for text in texts:
        try:
            option = _option(text)
            root = _into_tree(root, option)
        except _Refused as refused:
            problems.append(refused.problem)
    return root, problems


def _option(text: str) -> _Option:
    source = Source.of(SOURCE, text)
    path, equals, written = text.partition("=")
    if not equals or not path:
        message = "this must be PATH=VALUE"
        raise _Refused(Problem.at(Place(source, 1, 1), message, rule="set", hint=_EXAMPLE))
    start = len(path) + 1
    place = Place(source, 1, start + 1, max(1, len(written)))
    if not written or " #" in written:  # as YAML, the rest would be a comment
        return _Option(source, path, Scalar(place, written, quoted=True))
    parsed = parse(Source.of(SOURCE, " " * start + written), " " * start + written)
    if parsed.root is None or parsed.problems:
        # A file name such as `a: b` or `[x` is no YAML, and is meant as it stands.
        return _Option(source, path, Scalar(place, written, quoted=True))
    return _Option(source, path, _moved(parsed.root, source))


_EXAMPLE = "as in --set reader.args.path=orders.jsonl"


def _moved(node: Node, source: Source) -> Node:
    """The node with its places in the text of the whole option."""
    place = Place(source, node.place.line, node.place.column, node.place.width)
    match node:
        case Sequence(items=items):
            return Sequence.of(place, tuple(_moved(item, source) for item in items))
        case Mapping(entries=entries):
            moved = ((_moved(key, source), _moved(value, source)) for key, value in entries)
            return Mapping.of(place, tuple((k, v) for k, v in moved if isinstance(k, Scalar)))
        case Scalar(text=text, quoted=is_quoted):
            return Scalar(place, text, is_quoted)
        case _:
            return node


def _into_tree(root: Node, option: _Option) -> Node:
    children = list(_children(root, ()))
    matches = [(path, node, rest) for path, node in children if (rest := _after(node, option.path))]
    if len({path for path, _, _ in matches}) > 1:
        longest = max(len(_id(node)) for _, node, _ in matches)
        matches = [match for match in matches if len(_id(match[1])) == longest]
    if len(matches) > 1:
        owner = _id(matches[0][1])
        places = ", ".join(path_text(path) for path, _, _ in matches)
        hint = "write the id of its supervisor before it"
        raise option.refuse(owner, f"{len(matches)} children have the id {owner!r}: {places}", hint)
    if matches:
        path, child, rest = matches[0]
        inner = child.find("supervisor") if isinstance(child, Mapping) else None
        if inner is not None and any(_after(n, rest) for _, n in _children(inner, ())):
            changed = _into_tree(inner, option.below(rest))
        else:
            return _replace(root, path, _put(child, rest.split("."), option, None))
        return _replace(root, (*path, "supervisor"), changed)
    first = option.path.partition(".")[0]
    known = fields_of(TreeConfig)
    if first in known and first != "children":
        return _put(root, option.path.split("."), option, None)
    ids = [_id(node) for _, node in children]
    hint = did_you_mean(first, (*ids, *known))
    if first in ids:
        raise option.refuse(first, f"{first!r} is a child; which of its keys?", _EXAMPLE)
    raise option.refuse(first, f"no child has the id {quoted(first)}", hint)


def _children(node: Node, path: KeyPath) -> Iterator[tuple[KeyPath, Node]]:
    listed = node.find("children") if isinstance(node, Mapping) else None
    if not isinstance(listed, Sequence):
        return
    for number, child in enumerate(listed.items):
        here = (*path, "children", number)
        if isinstance(child, Mapping):
            yield here, child
            inner = child.find("supervisor")
            if inner is not None:
                yield from _children(inner, (*here, "supervisor"))


def _id(node: Node) -> str:
    found = node.find("id") if isinstance(node, Mapping) else None
    return found.text if isinstance(found, Scalar) else ""


def _after(node: Node, path: str) -> str:
    """What follows the id of the child in the path, or an empty text."""
    own = _id(node)
    return path[len(own) + 1 :] if own and path.startswith(f"{own}.") else ""


def _put(node: Node, keys: list[str], option: _Option, known: int | None) -> Node:
    """The node in which the value is at the path of keys.

    `known` is at how many levels from here a key may be new, None for all of them.
    """
    key, *rest = keys
    if isinstance(node, Sequence) and key.isdecimal() and len(key) < 10:
        if int(key) >= len(node.items):
            raise option.refuse(key, f"the list has {len(node.items)} items, counted from 0")
        items = list(node.items)
        items[int(key)] = _put(items[int(key)], rest, option, known) if rest else option.value
        return Sequence.of(node.place, tuple(items))
    if not isinstance(node, Mapping):
        raise option.refuse(key, f"there is no key {quoted(key)}: what is above it has no keys")
    old = node.find(key)
    if old is None and known == 0:
        hint = did_you_mean(key, node.keys) or f"there are {', '.join(node.keys) or 'none'}"
        raise option.refuse(key, f"there is no key {quoted(key)}", hint)
    name = Scalar(option.place_of(key), key)
    if not rest:
        return node.with_entry(name, option.value)
    below = _KNOWN_ABOVE.get(key) if known is None else max(0, known - 1)
    if old is None:
        old = Mapping.of(name.place, ())
    return node.with_entry(name, _put(old, rest, option, below))


def _replace(node: Node, path: KeyPath, new: Node) -> Node:
    """The tree in which `new` stands at `path`."""
    if not path:
        return new
    step, *rest = path
    if isinstance(node, Sequence) and isinstance(step, int):
        items = list(node.items)
        items[step] = _replace(items[step], tuple(rest), new)
        return Sequence.of(node.place, tuple(items))
    assert isinstance(node, Mapping)
    entries = (
        (key, _replace(value, tuple(rest), new) if key.text == step else value)
        for key, value in node.entries
    )
    return Mapping.of(node.place, tuple(entries))
