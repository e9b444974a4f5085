"""One line on a terminal that tells how far a run is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


@contextmanager
def live_line(name: str, console: Console | None) -> Iterator[Callable[[str], None] | None]:
    """A callable that updates the line, or None where there is no terminal."""
    if console is None:
        yield None
        return
    from rich.markup import escape
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (
        SpinnerColumn(),
        TextColumn("[bold]{task.description}"),
        TextColumn("{task.fields[line]}", markup=False),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=True, refresh_per_second=5) as progress:
        task = progress.add_task(escape(name), total=None, line="")

        def tell(line: str) -> None:
            progress.update(task, line=line)

        yield tell
