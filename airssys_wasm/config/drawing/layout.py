"""Where the boxes of a tree go on a page: from left to right, in start order from top to bottom.

Pure. Lengths are pixels.

    ┌──────┐    ┌───────┐
    │ root ├─┬──┤ store │      a supervisor stands in the middle of its children
    └──────┘ │  └───────┘
             │  ┌──────────────────┐
             └──┤ a  b  c  d  e  f │      a long run of leaves is a grid in a panel
                │ g  h  i          │
                └──────────────────┘

Invariants:
  - no two boxes overlap, and no box leaves the page;
  - children of one supervisor are below one another in start order, in a panel row by row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from airssys_wasm.config.drawing.picture import Node

MARGIN = 28.0
BOX_HEIGHT = 48.0
GAP = 14.0  # between boxes below one another
GROUP_GAP = 22.0  # after a supervisor with children
COLUMN_GAP = 72.0  # between a supervisor and its children, where the branches are
PANEL_PADDING = 14.0
PANEL_GAP = 10.0  # between the boxes of a panel
NARROWEST, WIDEST = 132.0, 340.0
LONGEST_RUN = 8  # leaves in one column; more are a panel
PANEL_SHAPE = 1.9  # width to height that a panel should have
TEXT_LEFT, TEXT_RIGHT = 37.0, 10.0  # of a box: what is left and right of its text
NUMBER_WIDTH = 14.0  # what the number of a child takes from its first line
PILL_PADDING, PILL_GAP = 12.0, 5.0
_SNAP = 14.0  # a supervisor nearer to the line of a child than this is put on it

TITLE_SIZE, ABOUT_SIZE, MARK_SIZE = 13.0, 11.0, 9.5


@dataclass(frozen=True, slots=True)
class Box:
    """A node and its place; `number` counts the children of a supervisor in start order."""

    node: Node
    x: float
    y: float
    width: float
    height: float
    number: int

    @property
    def middle(self) -> float:
        """Its height on the page, where branches meet it."""
        return self.y + self.height / 2


@dataclass(frozen=True, slots=True)
class Panel:
    """What a grid of leaves stands on."""

    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        """Its height on the page, where a branch meets it."""
        return self.y + self.height / 2


@dataclass(frozen=True, slots=True)
class Branches:
    """The lines from a supervisor to its children: where they leave, and the ends."""

    x: float
    y: float
    strategy: str
    ends: tuple[tuple[float, float], ...]


@dataclass(slots=True)
class Page:
    """All that is to be drawn, and how large it is."""

    boxes: list[Box] = field(default_factory=list)
    panels: list[Panel] = field(default_factory=list)
    branches: list[Branches] = field(default_factory=list)
    width: float = 0.0
    height: float = 0.0


def lay_out(root: Node) -> Page:
    """The page for a tree."""
    layout = _Layout(root)
    layout.place(root, 0, MARGIN, 0)
    page = layout.page
    corners: list[Box | Panel] = [*page.boxes, *page.panels]
    page.width = max(corner.x + corner.width for corner in corners) + MARGIN
    page.height = max(corner.y + corner.height for corner in corners) + MARGIN
    return page


def text_width(text: str, size: float, *, bold: bool = False) -> float:
    """About how wide the text is in a sans-serif font; rather too wide than too narrow."""
    width = sum(_character_width(character) for character in text) * size
    return width * 1.14 if bold else width


def pill_width(mark: str) -> float:
    """How wide the pill with a mark is."""
    return text_width(mark, MARK_SIZE, bold=True) + PILL_PADDING


def _character_width(character: str) -> float:
    if character in "iljI.,:;'|!()[]/ ":
        return 0.33
    if character in "mwMW@%×":
        return 0.9
    if ord(character) > 0x2E7F:
        return 1.05
    return 0.66 if character.isupper() else 0.56


def runs(children: Sequence[Node]) -> Iterator[Sequence[Node]]:
    """The children, runs of many leaves together and all others alone.

    >>> leaf = Node("a", "actor", "")
    >>> [len(run) for run in runs([leaf] * 9)], [len(run) for run in runs([leaf] * 2)]
    ([9], [1, 1])
    """
    start = 0
    while start < len(children):
        end = start
        while end < len(children) and not children[end].children:
            end += 1
        if end - start > LONGEST_RUN:
            yield tuple(children[start:end])
            start = end
        else:
            yield (children[start],)
            start += 1


class _Layout:
    def __init__(self, root: Node) -> None:
        self.page = Page()
        self.widths: list[float] = []  # of boxes, by depth
        self.measure((root,), 0)

    def measure(self, nodes: Sequence[Node], depth: int) -> None:
        if depth == len(self.widths):
            self.widths.append(NARROWEST)
        for node in nodes:
            self.widths[depth] = max(self.widths[depth], _width(node))
            alone = [run[0] for run in runs(node.children) if len(run) == 1]
            if alone:
                self.measure(alone, depth + 1)

    def x(self, depth: int) -> float:
        return MARGIN + sum(width + COLUMN_GAP for width in self.widths[:depth])

    def place(self, node: Node, depth: int, top: float, number: int) -> float:
        """Place the node and all below it; how far down they go."""
        ends: list[tuple[float, float]] = []
        y, count = top, 1
        for run in runs(node.children):
            if y > top:
                y += GROUP_GAP if len(run) > 1 or run[0].children else GAP
            x = self.x(depth + 1)
            if len(run) > 1:
                panel = self.panel(run, x, y, count)
                ends.append((panel.x, panel.middle))
                y = panel.y + panel.height
            else:
                y = self.place(run[0], depth + 1, y, count)
                ends.append((x, self.page.boxes[-1].middle))
            count += len(run)
        bottom = max(y, top + BOX_HEIGHT)
        own = max(top, _middle(ends, top + BOX_HEIGHT / 2) - BOX_HEIGHT / 2)
        box = Box(node, self.x(depth), own, self.widths[depth], BOX_HEIGHT, number)
        self.page.boxes.append(box)
        if ends:
            right = box.x + box.width
            self.page.branches.append(Branches(right, box.middle, node.strategy, tuple(ends)))
        return bottom

    def panel(self, run: Sequence[Node], x: float, y: float, first: int) -> Panel:
        width = max(map(_width, run))
        columns = min(
            range(1, len(run) + 1), key=lambda n: abs(_shape(len(run), n, width) - PANEL_SHAPE)
        )
        rows = -(-len(run) // columns)
        for place, node in enumerate(run):
            row, column = divmod(place, columns)
            self.page.boxes.append(
                Box(
                    node,
                    x + PANEL_PADDING + column * (width + PANEL_GAP),
                    y + PANEL_PADDING + row * (BOX_HEIGHT + PANEL_GAP),
                    width,
                    BOX_HEIGHT,
                    first + place,
                )
            )
        panel = Panel(x, y, _length(columns, width), _length(rows, BOX_HEIGHT))
        self.page.panels.append(panel)
        return panel


def _middle(ends: Sequence[tuple[float, float]], alone: float) -> float:
    """The height in the middle of the children, or that of the child next to it."""
    if not ends:
        return alone
    middle = (ends[0][1] + ends[-1][1]) / 2
    nearest = min((y for _, y in ends), key=lambda y: abs(y - middle))
    return nearest if abs(nearest - middle) < _SNAP else middle


def _length(number: int, each: float) -> float:
    return 2 * PANEL_PADDING + number * each + (number - 1) * PANEL_GAP


def _shape(boxes: int, columns: int, width: float) -> float:
    rows = -(-boxes // columns)
    return _length(columns, width) / _length(rows, BOX_HEIGHT)


def _width(node: Node) -> float:
    """What a box needs for its texts."""
    title = text_width(node.title, TITLE_SIZE, bold=True) + NUMBER_WIDTH + PILL_GAP
    title += sum(pill_width(mark) + PILL_GAP for mark in node.marks)
    wanted = max(title, text_width(node.about, ABOUT_SIZE)) + TEXT_LEFT + TEXT_RIGHT + 2
    return min(WIDEST, max(NARROWEST, wanted))
