"""Acts: draws the curves as PNG files, with matplotlib from the extra `bench`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks import machine
from benchmarks.curves import PICTURES, Picture, Point, point

ROUNDS_OF_MANY = 3  # above a hundred thousand, where one round takes seconds
MANY = 100_000
COLOURS = ("#0b5fa5", "#2ca089", "#d1603d")
GREY = "#666666"


def draw(folder: Path, rounds: int, shrink: int, on_run: Callable[[str], None]) -> Iterator[Path]:
    """Measure and draw each picture; gives the files as they are written.

    Sizes along the axes end at their last one divided by `shrink`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    saw = machine.seen()
    note = f"{saw.python}, {saw.machine}; F = {saw.floor:g} ns: a send, a popleft, a receive"
    for picture in PICTURES:
        last = max(picture.sizes) // shrink
        sizes = [size for size in picture.sizes if size <= last]
        curves = {}
        for line in picture.lines:
            points = []
            for size in sizes:
                if size <= line.most:
                    on_run(f"{picture.file}: {line.label}, {size:,}")
                    points.append(point(line, size, min(rounds, _rounds(size, rounds))))
            curves[line.label] = points
        yield _picture(picture, curves, note, folder)


def _rounds(size: int, rounds: int) -> int:
    return min(rounds, ROUNDS_OF_MANY) if size >= MANY else rounds


def _picture(picture: Picture, curves: dict[str, list[Point]], note: str, folder: Path) -> Path:
    import matplotlib as mpl  # pyright: ignore[reportMissingImports]

    mpl.use("Agg")
    from matplotlib import pyplot, ticker  # pyright: ignore[reportMissingImports]

    figure, axes = pyplot.subplots(figsize=(8.5, 4.8), dpi=150, layout="constrained")
    for colour, (label, points) in zip(COLOURS, curves.items(), strict=False):
        _line(axes, label, points, colour)
        for one, side in ((points[0], "left"), (points[-1], "right")):
            beside = [other for line in curves.values() for other in line if other.size == one.size]
            below = len(beside) > 1 and one.median == min(other.median for other in beside)
            _label(axes, one, colour, side=side, below=below)
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_ylim(*_limits([one for points in curves.values() for one in points]))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:,.10g}"))
    axes.yaxis.set_major_locator(ticker.LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_minor_locator(ticker.NullLocator())
    axes.xaxis.set_minor_locator(ticker.NullLocator())
    axes.set_xlabel(picture.axis)
    axes.set_ylabel(f"cost of a {picture.operation}, in F")
    axes.set_title(picture.title, loc="left", fontsize=11)
    axes.grid(axis="y", color="#dddddd", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="upper center", ncols=len(curves), fontsize=9)
    figure.supxlabel(note, fontsize=7, color=GREY, x=0.01, ha="left")
    file = folder / picture.file
    figure.savefig(file)
    pyplot.close(figure)
    return file


def _line(axes: Any, label: str, points: list[Point], colour: str) -> None:
    """The medians with the band of their quartiles."""
    sizes = [one.size for one in points]
    axes.plot(sizes, [one.median for one in points], "o-", color=colour, label=label, markersize=4)
    low, high = [one.low for one in points], [one.high for one in points]
    axes.fill_between(sizes, low, high, color=colour, alpha=0.15, linewidth=0)


def _label(axes: Any, one: Point, colour: str, *, side: str, below: bool) -> None:
    """The cost at an end of a line, above it unless there is another one just there."""
    axes.annotate(
        f"{one.cost:,.0f} ns",
        (one.size, one.median),
        textcoords="offset points",
        xytext=(0, -15 if below else 7),
        ha=side,
        fontsize=8,
        color=colour,
    )


def _limits(points: list[Point]) -> tuple[float, float]:
    """The range of the axis: at least a decade, with room for the legend above."""
    low = min(1.0, min(one.low for one in points) * 0.8)
    return low, max(10 * low, max(one.high for one in points) * 2.5)
