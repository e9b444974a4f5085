"""What was found, as text for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields

from benchmarks.machine import Machine
from benchmarks.measure import Result
from benchmarks.peers.aims import aim


def header(machine: Machine) -> str:
    """One line that says what the figures were taken on."""
    values = {field.name: getattr(machine, field.name) for field in fields(machine)}
    values["floor"] = f"{machine.floor:g} ns"
    return ", ".join(f"{name} {value}" for name, value in values.items())


def table(results: Sequence[Result]) -> str:
    """A line for each result.

    Cost with quartiles, the ratio to F, that to asyncio's task and Queue, and what is asked.
    """
    head = ("benchmark", "operation", "cost", "quartiles", "x F", "x asyncio", "asked", "met")
    rows = [
        (
            result.name,
            f"{result.operations:,} {result.operation}",
            f"{number(result.cost)} {result.unit}",
            f"{number(result.low)}..{number(result.high)}",
            number(result.floors),
            number(result.tasks),
            asked(result),
            {None: "", True: "yes", False: "NO"}[result.met],
        )
        for result in results
    ]
    return aligned(head, rows, left=2)


def asked(result: Result) -> str:
    """The limit and what it limits; for a comparison, the ratio that was found.

    A comparison without a limit is told, too.
    """
    limit = "" if result.asked is None else f"{result.asked:g}"
    match result.asked_in:
        case "F":
            said = f"{limit} F" if limit else ""
        case "asyncio":
            said = f"{limit} x asyncio"
        case "unit":
            said = f"{limit} {result.unit}"
        case "other":
            said = ""
    if result.other is not None and result.others is not None:
        ratio = f"x {result.other} (is {number(result.others)})"
        if result.asked_in == "other":
            said = f"{limit or '-'} {ratio}"
        else:
            said = f"{said}; {ratio}" if limit else f"- {ratio}"
    return said


def details(results: Iterable[Result]) -> str:
    """The other numbers that some workloads give."""
    lines = [
        f"{result.name}: " + ", ".join(f"{name} {number(v)}" for name, v in result.details.items())
        for result in results
        if result.details
    ]
    return "\n".join(lines)


def comparison(results: Sequence[Result], versions: Mapping[str, str]) -> str:
    """Our cost as a part of each peer's: 0.5 is half of it. `!` marks what misses its aim."""
    peers = dict.fromkeys(peer for result in results for peer in result.peers)
    rows = []
    for result in results:
        if result.peers:
            cells = []
            for peer in peers:
                ratio, limit = result.peers.get(peer), aim(peer, result.name)
                missed = ratio is not None and limit is not None and ratio > limit
                cells.append(number(ratio) + ("!" if missed else " "))
            rows.append((result.name, *cells))
    told = "\n".join(f"{peer}: {versions.get(peer, '')}" for peer in peers)
    return aligned(("ours / theirs", *(f"{peer} " for peer in peers)), rows, left=1) + "\n" + told


def verdict(results: Sequence[Result]) -> str:
    """How many of the asked limits were kept, and which were not."""
    judged = [result for result in results if result.met is not None]
    missed = [result.name for result in judged if not result.met]
    unclear = [r.name for r in results if r.asked is not None and r.met is None]
    text = f"{len(judged) - len(missed)} of {len(judged)} limits kept"
    if missed:
        text += "; not by " + ", ".join(missed)
    if unclear:
        text += "; nothing can be said of " + ", ".join(unclear)
    return text


def number(value: float | None) -> str:
    """Three digits that mean something.

    >>> number(0.01234), number(1.734), number(12345.6), number(None)
    ('0.0123', '1.73', '12,346', '')
    """
    if value is None:
        return ""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}"
    return f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.3g}"


def aligned(head: Sequence[str], rows: Sequence[Sequence[str]], *, left: int) -> str:
    """Columns under their heads, the first `left` of them to the left.

    >>> print(aligned(("a", "b"), [("x", "10"), ("yy", "2")], left=1))
    a    b
    x   10
    yy   2
    """
    lines = [head, *rows]
    widths = [max(len(line[at]) for line in lines) for at in range(len(head))]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if at < left else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )
