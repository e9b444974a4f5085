"""`airssys-wasm status`: the numbers of a running system."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from airssys_wasm.application.control_protocol import Request
from airssys_wasm.application.views import ComponentView, StatusView, SupervisorView
from airssys_wasm.cli.asking import OK, Ended, Format, asked
from airssys_wasm.cli.branches import Cell, visible
from airssys_wasm.cli.printing import print_json, print_rows
from airssys_wasm.config.field_changes import duration_text


def status(*, name: str | None, control: Path | None, form: Format) -> int:
    """Print how a running system is; the exit code."""
    try:
        view = asked(Request("status"), StatusView, name=name, control=control, form=form)
    except Ended as ended:
        return ended.code
    if form == "json":
        print_json(view)
        return OK
    print_rows(_summary(view))
    print()
    print_rows([_HEAD, *map(_supervisor, view.supervisors)])
    if view.components:
        print()
        print_rows([_COMPONENTS, *map(_component, view.components)])
    if view.mailboxes:
        print()
        print_rows(_mailboxes(view))
    return OK


def _summary(view: StatusView) -> Iterator[tuple[Cell, ...]]:
    reasons = ", ".join(
        f"{n:,} {visible(reason)}" for reason, n in view.dead_letters_by_reason.items()
    )
    letters = f"{view.dead_letters:,} dead letters" + (f" ({reasons})" if reasons else "")
    running = f"{view.phase} for {duration_text(round(view.uptime))}"
    actors = (
        f"{view.actors:,} alive, {view.spawned:,} spawned, {view.restarted:,} restarted, "
        f"{view.crashed:,} crashed"
    )
    yield Cell(visible(view.name), "bold"), Cell(f"{running}, pid {view.pid}")
    yield Cell("file", "dim"), Cell(visible(view.file))
    yield Cell("actors", "dim"), Cell(actors)
    yield Cell("messages", "dim"), Cell(f"{view.handled:,} handled, {view.waiting:,} waiting")
    yield Cell("", "dim"), Cell(letters, "yellow" if view.dead_letters else "")
    if view.slow:
        yield Cell("slow", "dim"), Cell(f"the loop was held {view.slow:,} times", "yellow")
    if view.applying:
        yield Cell("change", "dim"), Cell(visible(view.applying), "cyan")


_HEAD = tuple(
    Cell(text, "dim") for text in ("supervisor", "strategy", "running", "restarts", "budget left")
)


_COMPONENTS = tuple(
    Cell(text, "dim")
    for text in ("component", "messages", "errors", "denied", "ran", "memory", "at most", "traps")
)


def _component(view: ComponentView) -> tuple[Cell, ...]:
    def count(number: int, colour: str) -> Cell:
        return Cell(f"{number:,}", colour if number else "", right=True)

    return (
        Cell(visible(view.actor), "bold"),
        Cell(f"{view.messages:,}", right=True),
        count(view.errors, "yellow"),
        count(view.denials, "yellow"),
        Cell(f"{view.seconds:,.3f} s", right=True),
        Cell(_bytes(view.memory), right=True),
        Cell(f"{_bytes(view.memory_peak)} of {_bytes(view.memory_limit)}", right=True),
        count(view.traps, "red"),
    )


def _bytes(size: int | None) -> str:
    if size is None:
        return "unknown"
    return f"{size / 2**20:,.1f} MiB" if size >= 2**20 else f"{size / 2**10:,.0f} KiB"


def _supervisor(view: SupervisorView) -> tuple[Cell, ...]:
    name = view.path[-1] if view.path else "root"
    left = view.restarts_left
    if left is None:
        budget = Cell("does not answer", "red")
    else:
        of = f" of {view.intensity:,}" if view.intensity is not None else ""
        within = f" in {duration_text(view.period)}" if view.period is not None else ""
        budget = Cell(f"{left:,}{of}{within}", "" if left else "red")
    return (
        Cell("  " * len(view.path) + visible(name), "bold"),
        Cell(view.strategy),
        Cell(f"{view.active:,} of {view.children:,}"),
        Cell(f"{view.restarts:,}", "yellow" if view.restarts else "", right=True),
        budget,
    )


def _mailboxes(view: StatusView) -> Iterator[tuple[Cell, ...]]:
    yield Cell("fullest mailboxes", "dim"), Cell("")
    for mailbox in view.mailboxes:
        of = f" of {mailbox.capacity:,}" if mailbox.capacity is not None else ""
        yield Cell(f"  {visible(mailbox.actor)}"), Cell(f"{mailbox.length:,}{of}")
