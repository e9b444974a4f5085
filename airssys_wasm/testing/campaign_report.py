"""What came out of many runs, as text, JSON, JUnit and one page of HTML.

Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from html import escape
from typing import Any
from xml.sax.saxutils import quoteattr

from airssys_wasm.config.drawing.picture import Node
from airssys_wasm.config.drawing.svg import svg
from airssys_wasm.testing.again import Again
from airssys_wasm.testing.campaign import Campaign, Failure
from airssys_wasm.testing.trace import FAILED, Entry

DEVIATIONS = 30  # that are listed
NEWLINE, INDENTED = "\n", "\n  "
SHOWN = 12  # seeds and pairs that are named
ROWS = 400  # entries of a timeline
ROW, COLUMN, LEFT = 18, 190, 110  # pixels
WIDTH = 30  # characters in a column of a timeline


def as_text(campaign: Campaign, again: Again) -> str:
    """For people."""
    return "\n".join(_lines(campaign, again)) + "\n"


def _lines(campaign: Campaign, again: Again) -> Iterator[str]:
    failed = sum(len(failure.seeds) for failure in campaign.failures)
    yield f"{campaign.options.file}: {_runs(campaign)}, {failed} failed"
    yield from (f"  came in no run: {fault}: {why}" for fault, why in campaign.unmet)
    for failure in campaign.failures:
        yield f"\n{failure.kind}: {failure.problem.replace(NEWLINE, INDENTED)}"
        yield f"  seeds {_seeds(failure)}; what it takes:"
        yield from (f"    {deviation}" for deviation in failure.deviations[:DEVIATIONS])
        if len(failure.deviations) > DEVIATIONS:
            yield f"    and {len(failure.deviations) - DEVIATIONS} more"
        if not failure.deviations:
            yield "    nothing: it fails in production's own order"
        yield f"  again: {again.smallest(failure)}"
        if failure.deviations:
            yield f"  the whole run of seed {failure.seeds[0]}: {again.seed(failure.seeds[0])}"
    yield f"\n{_singles(campaign)}"
    for fault in campaign.singles[:SHOWN]:
        yield f"    {fault}\n      again: {again.faults([fault])}"
    yield from _pairs(campaign, again)
    if campaign.outages:
        yield f"\n{'away (virtual time)':30} {'times':>6} {'longest':>10} {'in all':>10}"
        for outage in campaign.outages:
            yield (
                f"{outage.child:30} {outage.count:6} {outage.longest:8.3f} s {outage.total:8.3f} s"
            )
    if campaign.budgets:
        yield f"\n{'restarts left, at least':30}"
        yield from (f"{supervisor:30} {left:6}" for supervisor, left in campaign.budgets)


def _pairs(campaign: Campaign, again: Again) -> Iterator[str]:
    if not campaign.singles_tried:
        return
    more = f" ({campaign.pairs_of} in all)" if campaign.pairs_of > campaign.pairs_tried else ""
    yield f"pairs that do: {len(campaign.pairs)} of {campaign.pairs_tried}{more}"
    yield from (f"    {one}; {other}" for one, other in campaign.pairs[:SHOWN])
    if campaign.pairs:
        yield f"      the first again: {again.faults(campaign.pairs[0])}"


def _seeds(failure: Failure) -> str:
    more = f" and {len(failure.seeds) - SHOWN} more" if len(failure.seeds) > SHOWN else ""
    return ", ".join(map(str, failure.seeds[:SHOWN])) + more


def _singles(campaign: Campaign) -> str:
    if campaign.singles_tried:
        of = f"{len(campaign.singles)} of {campaign.singles_tried}"
        return f"single faults that stop the whole system: {of}"
    if campaign.stopped:
        return "single faults were not tried: it was stopped before"
    if any(not failure.deviations for failure in campaign.failures):
        return "single faults were not tried: the tree fails without any"
    if campaign.failures:
        return (
            "single faults were not tried: while faults may come, each request goes through the "
            "mailbox, and then the tree fails without any"
        )
    return "single faults were not tried"


def _runs(campaign: Campaign) -> str:
    if campaign.runs == campaign.asked:
        return f"{campaign.runs} runs"
    return f"stopped after {campaign.runs} of {campaign.asked} runs"


def as_json(campaign: Campaign, again: Again) -> str:
    """For programs. `again` of a failure is the command that replays its smallest run."""

    def plain(failure: Failure) -> dict[str, Any]:
        return {
            "kind": failure.kind,
            "problem": failure.problem,
            "seeds": failure.seeds,
            "again": again.smallest(failure),
            "deviations": [asdict(deviation) for deviation in failure.deviations],
            "trace": [entry._asdict() for entry in failure.trace],
        }

    document = asdict(campaign) | {"failures": [plain(f) for f in campaign.failures]}
    return json.dumps(document, indent=1)


def as_junit(campaign: Campaign, again: Again) -> str:
    """For what shows results of tests: a case for each kind of failure, and one for the rest."""
    count = len(campaign.failures)
    lines = [
        '<?xml version="1.0" encoding="utf-8"?>',
        f'<testsuite name="simulate" tests="{count + 1}" failures="{count}" errors="0">',
        f'<properties><property name="runs" value="{campaign.runs}"/></properties>',
    ]
    name = quoteattr(campaign.options.file)
    for failure in campaign.failures:
        story = "\n".join(map(str, failure.deviations))
        lines.append(
            f"<testcase classname={name} name={quoteattr(failure.kind)}>"
            f"<failure message={quoteattr(failure.problem)}>"
            f"{escape(story)}\n{escape(again.smallest(failure))}</failure></testcase>"
        )
    lines.append(f'<testcase classname={name} name="all other seeds"/>')
    lines.append("</testsuite>")
    return "\n".join(lines) + "\n"


REF = re.compile(r"<ActorRef [^/>]*/([^>]*)>")


def _short(entry: Entry) -> str:
    """What happened, in as many characters as a column has."""
    what = REF.sub(r"\1", entry.what)
    if entry.kind == "event":
        what = what.removeprefix("actor.")
    elif entry.kind != "run":
        what = f"{entry.kind} {what}"
    return what if len(what) <= WIDTH else f"{what[: WIDTH - 1]}…"


STYLE = """
body { font: 14px/1.5 system-ui, sans-serif; margin: 2em; color: #222 }
h1 { font-size: 1.5em } h2 { font-size: 1.15em; margin-top: 2em }
table { border-collapse: collapse } td, th { padding: .2em 1em .2em 0; text-align: left }
td.n { text-align: right; font-variant-numeric: tabular-nums } code, pre { background: #f4f4f4 }
.bad { color: #a00 } .good { color: #060 } svg { font-size: 11px } .timeline { overflow-x: auto }
"""


FATAL = "fatal"  # one fault in it stops the whole system


def as_html(campaign: Campaign, again: Again, tree: Node) -> str:
    """One page without any other file. `tree` is the picture of what ran."""
    failed = sum(len(failure.seeds) for failure in campaign.failures)
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        f"<title>{escape(campaign.options.file)}</title><style>{STYLE}</style>",
        f"<h1>{escape(campaign.options.file)}</h1>",
        f"<p class={'bad' if failed else 'good'}>{_runs(campaign)}, {failed} failed</p>",
        *(f"<p class=bad>Came in no run: {escape(f'{f}: {why}')}</p>" for f, why in campaign.unmet),
        f"<div id=tree class=timeline>{svg(marked(tree, campaign))}</div>",
    ]
    for number, failure in enumerate(campaign.failures, 1):
        parts += [
            f"<h2 id=failure-{number} class=bad>{escape(failure.kind)}</h2>",
            f"<pre>{escape(failure.problem)}</pre><p>Seeds {_seeds(failure)}.</p>",
            "<p>What differs from production's own order:</p>" if failure.deviations else "",
            "<ol>",
            *(f"<li>{escape(str(d))}</li>" for d in failure.deviations[:DEVIATIONS]),
            "</ol>" if failure.deviations else "</ol><p>It fails in production's own order.</p>",
            f"<pre>{escape(again.smallest(failure))}\n{escape(again.seed(failure.seeds[0]))}</pre>",
            f"<div class=timeline>{timeline(failure.trace)}</div>",
        ]
    faults = [str(fault) for fault in campaign.singles]
    faults += [f"{one}; {other}" for one, other in campaign.pairs]
    parts.append(
        f"<h2>Faults that stop the whole system</h2><p>{_singles(campaign)}; pairs that do: "
        f"{len(campaign.pairs)} of {campaign.pairs_tried}</p>"
        f"<ul>{''.join(f'<li>{escape(fault)}</li>' for fault in faults)}</ul>"
    )
    parts.append("<h2>Away</h2>")
    parts.append(
        _table(
            ("child", "times", "longest", "in all"),
            [
                (o.child, o.count, f"{o.longest:.3f} s", f"{o.total:.3f} s")
                for o in campaign.outages
            ],
        )
    )
    parts.append("<h2>Restarts left, at least</h2>")
    parts.append(_table(("supervisor", "left"), list(campaign.budgets)))
    return "\n".join(parts) + "</html>\n"


def marked(tree: Node, campaign: Campaign) -> Node:
    """The tree, each child with how long it was away, and whether one fault in it stops all."""
    away = {outage.child: outage for outage in campaign.outages}
    deadly = {fault.actor for fault in campaign.singles}

    def seen(node: Node) -> Node:
        about = node.about
        if outage := away.get(node.title):
            about += f"; away {outage.count}\N{MULTIPLICATION SIGN}, {outage.longest:g} s at most"
        marks = (*node.marks, FATAL) if node.title in deadly else node.marks
        return replace(node, about=about, marks=marks, children=tuple(map(seen, node.children)))

    return seen(tree)


def _table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    body = "".join(
        "<tr>"
        + "".join(
            f"<td{' class=n' if place else ''}>{escape(str(cell))}</td>"
            for place, cell in enumerate(row)
        )
        + "</tr>"
        for row in rows
    )
    return f"<table><tr>{head}</tr>{body}</table>"


def timeline(trace: Sequence[Entry]) -> str:
    """A column for each actor, a row for each thing that happened, as SVG."""
    end = next((n for n, entry in enumerate(trace) if entry.kind == FAILED), len(trace) - 1)
    shown = trace[max(0, end + 1 - ROWS) : end + 1]
    actors = {entry.actor: None for entry in shown if entry.actor}
    columns = {actor: LEFT + place * COLUMN for place, actor in enumerate(actors)}
    width = LEFT + max(1, len(columns)) * COLUMN
    height = (len(shown) + 2) * ROW
    parts = [
        f'<svg role=img aria-label="timeline" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}">'
    ]
    for actor, x in columns.items():
        parts.append(f'<text x="{x}" y="{ROW - 5}" font-weight="bold">{escape(actor)}</text>')
        parts.append(f'<line x1="{x}" y1="{ROW}" x2="{x}" y2="{height}" stroke="#ddd"/>')
    before = None
    for row, entry in enumerate(shown, 2):
        y = row * ROW
        if entry.time != before:
            parts.append(f'<text x="0" y="{y}">{entry.time:.6f}</text>')
            before = entry.time
        x = columns.get(entry.actor, LEFT)
        colour = "#a00" if entry.kind in (FAILED, "fault") else "#357"
        title = f"<title>{escape(f'{entry.kind} {entry.what}')}</title>"
        parts.append(f'<circle cx="{x}" cy="{y - 4}" r="4" fill="{colour}">{title}</circle>')
        parts.append(f'<text x="{x + 8}" y="{y}" fill="{colour}">{escape(_short(entry))}</text>')
    return "".join(parts) + "</svg>"
