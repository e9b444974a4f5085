"""`airssys-wasm plan` and `apply`: what a file would change in a running system, and the change."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TypeVar

from airssys_wasm.application.control_protocol import Request
from airssys_wasm.application.views import AppliedView, ChangeView, FieldView, PlanView
from airssys_wasm.cli.asking import FAILED, OK, Ended, Format, asked, show_problems
from airssys_wasm.cli.branches import Cell, branches, visible
from airssys_wasm.cli.printing import print_json, print_lines, print_rows

T = TypeVar("T")

CHANGES = 10  # exit code of `plan --exit-code` where something would change

_MOST_KEPT = 4  # in a row that are shown one by one
_SIGNS = {
    "added": ("+", "green"),
    "removed": ("-", "red"),
    "restarted": ("!", "yellow"),
    "changed": ("~", "cyan"),
    "kept": (" ", "dim"),
}
_WORDS = {"changed": "changed in place", "kept": ""}


def plan(
    file: Path,
    *,
    sets: tuple[str, ...],
    name: str | None,
    control: Path | None,
    exit_code: bool,
    form: Format,
) -> int:
    """Print what `apply` would do; the exit code."""
    try:
        view = asked(
            Request("plan", sets=sets), PlanView, name=name, control=control, file=file, form=form
        )
    except Ended as ended:
        return ended.code
    if form == "json":
        print_json(view)
    else:
        show_problems(view.problems, file)
        show_plan(view)
    if view.refused:
        return FAILED
    return CHANGES if exit_code and not view.is_empty else OK


def apply(
    file: Path,
    *,
    sets: tuple[str, ...],
    name: str | None,
    control: Path | None,
    expect: str,
    form: Format,
) -> int:
    """Print the plan and have the running system do just that; the exit code.

    With `expect`, the digest of a plan, nothing is done if the plan has become another.
    """

    def tell(text: str) -> None:
        if form == "text":
            print_lines([[Cell("  done  ", "green"), Cell(visible(text))]])

    def ask(request: Request, kind: type[T]) -> T:
        return asked(
            request, kind, name=name, control=control, file=file, form=form, on_progress=tell
        )

    try:
        if form == "text":
            planned = ask(Request("plan", sets=sets), PlanView)
            show_problems(planned.problems, file)
            show_plan(planned)
            if planned.refused:
                return FAILED
            if planned.is_empty and not expect:
                return OK
            expect = expect or planned.digest
        view = ask(Request("apply", sets=sets, expect=expect), AppliedView)
    except Ended as ended:
        return ended.code
    if form == "json":
        print_json(view)
    else:
        _show_applied(view)
    return FAILED if view.failed else OK


def show_plan(view: PlanView) -> None:
    """Print a plan for people."""
    if view.is_empty:
        counts = sum(view.counts.values())
        print_lines([[Cell(visible(view.name), "bold"), Cell(f": no change, {counts:,} kept")]])
        return
    print_lines([[Cell(visible(view.name), "bold"), Cell(f": {summary(view)}")], []])
    print_rows(rows(view))
    if view.refused:
        print_lines([[], [Cell("this cannot be applied:", "red")]])
        print_lines([Cell(f"  {visible(reason)}")] for reason in view.refused)
        return
    print_lines([[], [Cell("in this order:", "dim")]])
    width = len(str(len(view.steps)))
    print_lines(
        [Cell(f"  {number:>{width}}. {visible(step)}")]
        for number, step in enumerate(view.steps, start=1)
    )
    print_lines([[], [Cell(f"plan {view.digest}", "dim")]])


def summary(view: PlanView) -> str:
    """How many children go through what."""
    told = [f"{n:,} {_WORDS.get(action) or action}" for action, n in view.counts.items() if n]
    if view.fields:
        told.insert(0, "the root changed in place")
    return ", ".join(told)


def rows(view: PlanView) -> Iterator[tuple[Cell, ...]]:
    """The tree of changes, each with its reasons below it."""
    root = ChangeView(
        id="root",
        path=(),
        kind="supervisor",
        action="changed" if view.fields else "kept",
        why=tuple(map(_field_text, view.fields)),
        fields=view.fields,
        children=view.children,
    )
    yield from _change("", "│ " if view.children else "  ", root)
    top: ChangeView | _Kept = root
    for branch, inner, change in branches(top, _shown):
        below = inner + ("│ " if change.children else "  ")
        if isinstance(change, _Kept):
            yield Cell(" "), Cell(f"… {change.number:,} kept", "dim", branch)
        else:
            yield from _change(branch, below, change)


@dataclass(frozen=True, slots=True)
class _Kept:
    """Children in a row that nothing happens to, nor to any below them."""

    number: int
    children: tuple[ChangeView, ...] = ()


def _shown(change: ChangeView | _Kept) -> Sequence[ChangeView | _Kept]:
    """The children, long runs of those that are kept as one."""
    shown: list[ChangeView | _Kept] = []
    for quiet, group in groupby(change.children, key=_is_quiet):
        run = list(group)
        whole = not quiet or len(run) <= _MOST_KEPT
        shown += run if whole else [_Kept(len(run))]
    return shown


def _is_quiet(change: ChangeView) -> bool:
    return change.action == "kept" and all(map(_is_quiet, change.children))


def _change(branch: str, below: str, change: ChangeView) -> Iterator[tuple[Cell, ...]]:
    sign, style = _SIGNS[change.action]
    word = _WORDS.get(change.action, change.action)
    yield (
        Cell(sign, style),
        Cell(visible(change.id), style if change.action == "kept" else f"bold {style}", branch),
        Cell(change.kind, "dim"),
        Cell(word, style),
    )
    for reason in change.why:
        yield Cell("", ""), Cell(f"  {visible(reason)}", style, below)


def _field_text(field: FieldView) -> str:
    return f"{field.path}: {field.old} → {field.new}"


def _show_applied(view: AppliedView) -> None:
    if not view.failed:
        print_lines([[Cell(f"done: {summary(view.plan)}", "green")]])
        return
    print_lines(
        [
            [Cell("  failed  ", "bold red"), Cell(visible(view.failed))],
            [Cell(f"          {visible(view.reason)}", "red")],
            *([Cell("  not done  ", "yellow"), Cell(visible(step))] for step in view.not_done),
        ]
    )
    sys.stdout.flush()
    print(
        f"airssys-wasm: {len(view.done)} of {len(view.plan.steps)} steps were done; "
        "mend the file and apply it again",
        file=sys.stderr,
    )
