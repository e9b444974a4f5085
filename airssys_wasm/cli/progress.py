"""One line on a terminal that tells how far a run is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airssys_wasm.cli.reports import value_text

if TYPE_CHECKING:
    from rich.console import Console

Tell = Callable[[Mapping[str, object]], None]


def line_of(values: Mapping[str, object]) -> str:
    """The values as one line.

    >>> line_of({"read": 1200, "priced": 1100})
    'read 1,200 · priced 1,100'
    """
    return " · ".join(f"{label} {value_text(value)}" for label, value in values.items())


@contextmanager
def live_line(name: str, console: Console | None) -> Iterator[Tell | None]:
    """A callable that updates the line, or None where there is no terminal."""
    if console is None:
        yield None
        return
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.text import Text

    columns = (
        SpinnerColumn(),
        TextColumn("[bold]{task.description}"),
        TextColumn("{task.fields[line]}", markup=False),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, refresh_per_second=5) as progress:
        task = progress.add_task(Text(name).plain, total=None, line="")

        def tell(values: Mapping[str, object]) -> None:
            progress.update(task, line=line_of(values))

        yield tell
