"""From a single word of a document to the value that its place asks for.

Pure. Every way that leads nowhere ends in a `Wrong` that says what would be right.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import replace as amended
from pathlib import Path
from typing import Any, Literal

from airssys_wasm.schema.environment import has_reference, replace
from airssys_wasm.schema.fields import (
    AtLeast,
    AtMost,
    Checked,
    KindByKey,
    Named,
    Quantity,
    Verbatim,
)
from airssys_wasm.schema.node import Scalar
from airssys_wasm.schema.problem import quoted
from airssys_wasm.schema.quantities import LONGEST, duration, intended_duration, intended_size, size
from airssys_wasm.schema.scalars import LARGEST_INT, Ambiguous, Meaning, OutOfRange, meaning
from airssys_wasm.schema.shape import Shape, describe, keys_hint
from airssys_wasm.schema.suggest import did_you_mean, nearest, one_of

_None = type(None)


LEAVE_OUT = "or leave the key out"


@dataclass(frozen=True, slots=True)
class Wrong:
    """Why there is no value, and what would be right."""

    rule: str
    message: str
    hint: str = ""


def convert(
    node: Scalar, options: tuple[Shape, ...], environment: Mapping[str, str], directory: Path
) -> Any:
    """The value of the node as one of the options, or a `Wrong`."""
    said: Meaning = node.text if node.quoted else meaning(node.text)
    singles = tuple(shape for shape in options if shape.is_scalar)
    if said is None:
        if any(shape.base in (_None, object) for shape in singles):
            return None
        expected = describe(options)
        return Wrong("type", f"this is empty; it must be {expected}", LEAVE_OUT)
    if all(shape.base is _None for shape in singles):
        brackets = any(shape.base is tuple for shape in options) and len(node.text) < 40
        hint = f"write [{node.text}]" if brackets else keys_hint(options)
        return Wrong("type", f"this must be {describe(options)}, not a single value", hint)
    if isinstance(said, OutOfRange):
        return Wrong("range", f"the number {quoted(said.text)} is too large")
    if isinstance(said, str):
        if has_reference(said) and any(shape.mark(Verbatim) for shape in singles):
            message = f"{quoted(said)}: nothing is taken from the environment here"
            return Wrong("environment", message, "write the value itself")
        replaced = replace(said, environment)
        if replaced.problem:
            return Wrong("environment", replaced.problem, replaced.hint)
        said = replaced.text
    return _choose(node, said, options, singles, directory)


def _choose(
    node: Scalar,
    said: Meaning,
    options: tuple[Shape, ...],
    singles: tuple[Shape, ...],
    directory: Path,
) -> Any:
    words = [word for shape in singles if shape.base is Literal for word in shape.args]
    for word in words:
        if type(word) is type(said) and word == said:
            return word
    others = [shape for shape in singles if shape.base not in (Literal, _None)]
    if not others:
        wrong = _no_such_word(node, said, singles, [str(word) for word in words])
        return wrong if wrong.hint else amended(wrong, hint=_keys_of_kinds(options))
    shape = next((shape for shape in others if _fits(shape, said)), others[0])
    if shape.base is object:
        return _anything(node, said)
    if shape.mark(Quantity) is not None:
        return _quantity(node, said, shape, singles, [str(word) for word in words])
    return _plain(node, said, shape, options, directory)


def _keys_of_kinds(options: tuple[Shape, ...]) -> str:
    """What a mapping at this place would have, where it may be one."""
    kinds = next((mark for shape in options if (mark := shape.mark(KindByKey))), None)
    mapping = kinds is not None and any(shape.is_record for shape in options)
    return f"or write {{{kinds.keys[0]}: …}}" if mapping and kinds is not None else ""


def _no_such_word(
    node: Scalar, said: Meaning, singles: tuple[Shape, ...], words: list[str]
) -> Wrong:
    named = next((mark for shape in singles if (mark := shape.mark(Named))), None)
    text = said if isinstance(said, str) else node.text
    shown = quoted(text) if isinstance(said, str) else text
    elsewhere = dict(named.elsewhere) if named is not None else {}
    foreign = elsewhere.get(nearest(text, elsewhere) or "")
    hint = f"did you mean '{foreign}'?" if foreign else did_you_mean(text, words)
    if isinstance(said, Ambiguous) and not foreign:
        hint = f"{said.why}; put it in quotes" if said.text in words else hint
    elif isinstance(said, str) and text in words:
        hint = "remove the quotes"
    if named is None:
        return Wrong("unknown-word", f"{shown} is not {one_of(words)}", hint)
    return Wrong("unknown-word", f"{shown} is not {named.with_article} ({', '.join(words)})", hint)


def _anything(node: Scalar, said: Meaning) -> Any:
    if isinstance(said, Ambiguous):
        hint = f"write {str(said.value).lower()}, or '{said.text}' in quotes"
        message = f"{said.text} can be read in two ways: {said.why}, YAML 1.2 does not"
        return Wrong("ambiguous-word", message, hint)
    if isinstance(said, float) and not math.isfinite(said):
        return Wrong("range", f"{node.text} is no number that JSON can say")
    return said


def _quantity(
    node: Scalar, said: Meaning, shape: Shape, singles: tuple[Shape, ...], words: list[str]
) -> Any:
    quantity = shape.mark(Quantity)
    assert quantity is not None
    is_time = quantity.of == "duration"
    expected = describe(tuple(single for single in singles if single.base is not _None))
    if isinstance(said, str):
        found: float | int | None = duration(said) if is_time else size(said)
        if found is None:
            meant = (intended_duration if is_time else intended_size)(said)
            hint = f"write {meant}" if meant else did_you_mean(said, words)
            if node.quoted and isinstance(meaning(node.text), int | float):
                hint = "remove the quotes"
            return Wrong("quantity", f"{quoted(said)} is not {expected}", hint)
        return _in_range(node, found, shape)
    if not is_time and isinstance(said, float):
        return Wrong("quantity", f"{node.text} is not a whole number of bytes")
    if isinstance(said, bool) or not isinstance(said, int | float):
        return Wrong("quantity", f"{node.text} is not {expected}")
    if not 0 <= said <= (LONGEST if is_time else LARGEST_INT):
        return Wrong("quantity", f"{node.text} is not {expected}")
    return _in_range(node, float(said) if is_time else said, shape)


def _plain(
    node: Scalar, said: Meaning, shape: Shape, options: tuple[Shape, ...], directory: Path
) -> Any:
    base = shape.base
    if base is str or base is Path:
        if isinstance(said, str):
            return _text(said, shape, directory)
        return _not_text(node, said)
    if base is bool and isinstance(said, bool):
        return said
    if isinstance(said, Ambiguous):
        if base is bool and isinstance(said.value, bool):
            return said.value
        message = f"{said.text} can be read in two ways: {said.why}"
        hint = f"write {said.value}" if ":" in said.text else "write it without zeros"
        return Wrong("ambiguous-word", message, hint)
    if base in (int, float) and isinstance(said, int) and not isinstance(said, bool):
        return _in_range(node, said if base is int else float(said), shape)
    if base is float and isinstance(said, float):
        return _in_range(node, said, shape)
    return _misfit(node, said, options)


def _misfit(node: Scalar, said: Meaning, options: tuple[Shape, ...]) -> Wrong:
    shown = quoted(said) if isinstance(said, str) else node.text
    hint = ""
    if node.quoted and any(_fits(shape, meaning(node.text)) for shape in options):
        hint = "remove the quotes"
    if "${" in node.text:
        hint = "what comes from the environment is always text"
    return Wrong("type", f"{shown} is not {describe(options)}", hint)


def _not_text(node: Scalar, said: Meaning) -> Wrong:
    if isinstance(said, Ambiguous):
        message = f"{said.text} is meant as text here, but {said.why}"
        return Wrong("ambiguous-word", message, f"write '{node.text}' in quotes")
    noun = "a truth value" if isinstance(said, bool) else "a number"
    message = f"{node.text} is {noun}, and this must be text"
    return Wrong("type", message, f"write '{node.text}' in quotes")


def _text(text: str, shape: Shape, directory: Path) -> Any:
    if shape.base is Path:
        if "\0" in text or not text:
            return Wrong("value", f"{quoted(text)} is not a path")
        return directory / text
    for mark in shape.marks:
        wrong = mark.rule(text) if isinstance(mark, Checked) else None
        if wrong is not None:
            message, _, hint = wrong.partition("; ")
            return Wrong("value", f"{quoted(text)} {message}", hint)
    return text


def _in_range(node: Scalar, number: float | int, shape: Shape) -> Any:
    low, high = shape.mark(AtLeast), shape.mark(AtMost)
    if not math.isfinite(number):
        return Wrong("range", f"{node.text} is not a finite number")
    if low is not None and number < low.low:
        return Wrong("range", f"{node.text} is too small", f"at least {_bound(low.low, shape)}")
    if high is not None and number > high.high:
        return Wrong("range", f"{node.text} is too large", f"at most {_bound(high.high, shape)}")
    return number


def _bound(number: float | int, shape: Shape) -> str:
    quantity = shape.mark(Quantity)
    if quantity is None or quantity.of == "size":
        return f"{number}"
    return f"{number * 1000:g}ms" if number < 1 else f"{number:g}s"


def _fits(shape: Shape, said: Meaning) -> bool:
    """Whether the value could be of this type at all."""
    match said:
        case bool():
            return shape.base is bool or shape.base is object
        case Ambiguous():
            return shape.base is object or (shape.base is bool and isinstance(said.value, bool))
        case int() | float():
            return shape.base in (int, float, object)
        case str():
            return shape.base in (str, Path, object) or shape.mark(Quantity) is not None
        case _:
            return shape.base is object
