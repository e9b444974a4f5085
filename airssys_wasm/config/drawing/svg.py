"""A tree as SVG: one file without scripts, fonts or references, in light and dark.

Pure. Everything that comes from the tree file is escaped; what does not fit into a box is cut, and
is whole in its tooltip.

Source: W3C, "Scalable Vector Graphics (SVG) 2"; XML 1.0, section 2.2, for the characters allowed.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from xml.sax.saxutils import escape

from airssys_wasm.config.drawing.layout import (
    ABOUT_SIZE,
    MARGIN,
    NUMBER_WIDTH,
    PILL_GAP,
    TEXT_LEFT,
    TEXT_RIGHT,
    TITLE_SIZE,
    Box,
    Branches,
    Page,
    lay_out,
    pill_width,
    text_width,
)
from airssys_wasm.config.drawing.picture import (
    KIND_WORDS,
    KINDS,
    MARK_WORDS,
    STRATEGY_WORDS,
    Node,
)

_RADIUS = 8.0  # of the corners of branches
_TRUNK = 30.0  # from a supervisor to the line that its children hang on
_LEGEND_ROW = 24.0
_LEGEND_WIDTH = 300.0
_HEAD = 46.0  # the title of the page

_STYLE = """text { font-family: system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif }
.head { font-size: 18px; font-weight: 600 }
.title { font-size: 13px; font-weight: 600 }
.about, .legend { font-size: 11px }
.number { font-size: 9px; text-anchor: end }
.mark { font-size: 9.5px; font-weight: 600; text-anchor: middle }
.pill { fill: none; stroke-width: .8 }
.branch { fill: none; stroke-width: 1.5 }
.arrow { fill: none; stroke-width: 2; stroke-linecap: round; stroke-linejoin: round }
.all { fill: none; stroke-width: 5 }
.inner { fill: none; stroke-width: 2 }
.panel { stroke-width: .8 }
.box { stroke-width: 1.3 }
.dynamic { stroke-dasharray: 5 3 }
.icon { fill: none; stroke-width: 1.8 }
"""

# page, ink, soft ink, lines, panels, significant; then each kind's line and fill
_LIGHT = (
    ("#ffffff", "#1d2733", "#5d6b7a", "#9aa6b2", "#f6f8fa", "#c0392b"),
    {
        "supervisor": ("#2f6db3", "#e8f0fa"),
        "actor": ("#2e8b57", "#edf7f0"),
        "component": ("#7b4fc0", "#f3edfb"),
        "pool": ("#b3771a", "#fdf5e6"),
        "dynamic": ("#56697c", "#f1f4f7"),
    },
)
_DARK = (
    ("#14191f", "#e8edf2", "#9fadba", "#5f6d7a", "#1b222a", "#d9534f"),
    {
        "supervisor": ("#6aa5e8", "#1c2b3d"),
        "actor": ("#63c08c", "#18291f"),
        "component": ("#b08cf0", "#251d36"),
        "pool": ("#e0a94a", "#2e2513"),
        "dynamic": ("#9db0c2", "#20272f"),
    },
)


def _colours(
    theme: tuple[tuple[str, str, str, str, str, str], dict[str, tuple[str, str]]],
) -> str:
    """The colours as rules; not as variables, which many programs that show SVG do not know."""
    (page, ink, soft, line, panel, significant), kinds = theme
    strong = kinds["supervisor"][0]
    rules = [
        f".page {{ fill: {page} }}",
        f"text {{ fill: {ink} }}",
        f".about, .legend, .number {{ fill: {soft} }}",
        f".pill {{ stroke: {soft} }}",
        f".branch {{ stroke: {line} }}",
        f".panel {{ fill: {panel}; stroke: {line} }}",
        f".arrow, .all {{ stroke: {strong} }}",
        f".inner {{ stroke: {page} }}",
        f".significant {{ stroke: {significant} }}",
        f".of-significant {{ fill: {significant} }}",
    ]
    for kind, (stroke, fill) in kinds.items():
        rules.append(f".{kind} {{ fill: {fill}; stroke: {stroke} }}")
        rules.append(f".{kind}-icon {{ stroke: {stroke} }}")
    return "\n".join(rules)


def svg(root: Node) -> str:
    """The picture as a whole file."""
    page = lay_out(root)
    legend = list(_legend(root))
    columns = max(1, int((page.width - 2 * MARGIN) // _LEGEND_WIDTH))
    rows = -(-len(legend) // columns)
    width = max(page.width, 2 * MARGIN + _LEGEND_WIDTH, _head_width(root))
    below = _HEAD + page.height
    height = below + rows * _LEGEND_ROW + MARGIN
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" role="img">',
        f"<title>The supervision tree of {clean(root.title)}</title>",
        f"<style>{_STYLE}{_colours(_LIGHT)}",
        f"@media (prefers-color-scheme: dark) {{\n{_colours(_DARK)}\n}}</style>",
        '<rect class="page" width="100%" height="100%"/>',
        f'<text class="head" x="{MARGIN}" y="38">{clean(root.title)}</text>',
        f'<text class="about" x="{MARGIN}" y="56">{clean(_summary(root))}</text>',
        f'<g transform="translate(0 {_HEAD:.0f})">',
        *_drawn(page),
        "</g>",
    ]
    for number, entry in enumerate(legend):
        row, column = divmod(number, columns)
        x, y = MARGIN + column * _LEGEND_WIDTH, below + row * _LEGEND_ROW
        lines.append(f'<g transform="translate({x:.0f} {y:.0f})">{entry}</g>')
    return "\n".join([*lines, "</svg>"]) + "\n"


def clean(text: str) -> str:
    """The text for XML: escaped, and without characters that XML or a reader can't show.

    >>> clean('<a> & "b"\\x00')
    '&lt;a&gt; &amp; &quot;b&quot;�'
    """
    shown = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return escape(shown, {'"': "&quot;", "'": "&apos;"})


def _summary(root: Node) -> str:
    kinds = [node.kind for node in root.walk()][1:]
    told = [(kind, kinds.count(kind)) for kind in KINDS if kind in kinds]
    words = {"dynamic": "dynamic supervisor"}
    counts = (f"{n:,} {words.get(kind, kind)}{'s' * (n != 1)}" for kind, n in told)
    return ", ".join(counts) or "no children"


def _head_width(root: Node) -> float:
    return 2 * MARGIN + max(text_width(root.title, 18), text_width(_summary(root), ABOUT_SIZE))


# -- the tree -----------------------------------------------------------------------------


def _drawn(page: Page) -> Iterator[str]:
    for panel in page.panels:
        yield (
            f'<rect class="panel" x="{panel.x:.1f}" y="{panel.y:.1f}" width="{panel.width:.1f}" '
            f'height="{panel.height:.1f}" rx="10"/>'
        )
    for branches in page.branches:
        yield from _branches(branches)
    for box in page.boxes:
        yield from _box(box)


def _branches(branches: Branches) -> Iterator[str]:
    trunk = branches.x + _TRUNK
    yield f'<path class="branch" d="M{branches.x:.1f} {branches.y:.1f}H{trunk:.1f}"/>'
    ends = branches.ends
    for x, y in ends:
        yield f'<path class="branch" d="{_branch(trunk, branches.y, x, y)}"/>'
    first, last = ends[0][1], ends[-1][1]
    if branches.strategy == "one_for_all" and len(ends) > 1:
        line = f"M{trunk:.1f} {first + _RADIUS:.1f}V{last - _RADIUS:.1f}"
        yield f'<path class="all" d="{line}"/><path class="inner" d="{line}"/>'
    if branches.strategy == "rest_for_one":
        for (_, above), (_, below) in pairwise(ends):
            yield f'<path class="arrow" d="{_arrow(trunk, (above + below) / 2)}"/>'


def _branch(trunk: float, from_y: float, x: float, y: float) -> str:
    bend = y - from_y
    radius = min(_RADIUS, abs(bend))
    if radius < 1:
        return f"M{trunk:.1f} {y:.1f}H{x:.1f}"
    turn = y - radius if bend > 0 else y + radius
    return (
        f"M{trunk:.1f} {from_y:.1f}V{turn:.1f}"
        f"Q{trunk:.1f} {y:.1f} {trunk + radius:.1f} {y:.1f}H{x:.1f}"
    )


def _arrow(x: float, y: float) -> str:
    return f"M{x - 4:.1f} {y - 2.5:.1f}l4 5l4 -5"


def _box(box: Box) -> Iterator[str]:
    node, x, y = box.node, box.x, box.y
    told = "\n".join((node.title, f"{node.kind}: {node.about}", *node.marks, *node.notes))
    yield f"<g><title>{clean_lines(told)}</title>"
    if node.kind == "pool":
        for shift in (6, 3):
            yield _rectangle("pool", x + shift, y + shift, box.width, box.height)
    yield _rectangle(node.kind, x, y, box.width, box.height)
    yield _icon(node.kind, x + 19, box.middle)
    left, right = x + TEXT_LEFT, x + box.width - TEXT_RIGHT
    end = right
    if box.number:
        yield f'<text class="number" x="{right + 4:.1f}" y="{y + 12:.1f}">{box.number}</text>'
        end -= NUMBER_WIDTH
    for mark in reversed(node.marks):
        end -= pill_width(mark)
        yield _pill(mark, end, y + 9)
        end -= PILL_GAP
    title = clean(_cut(node.title, TITLE_SIZE, end - left, bold=True))
    about = clean(_cut(node.about, ABOUT_SIZE, right - left))
    yield f'<text class="title" x="{left:.1f}" y="{y + 21:.1f}">{title}</text>'
    yield f'<text class="about" x="{left:.1f}" y="{y + 37:.1f}">{about}</text></g>'


def clean_lines(text: str) -> str:
    """Lines for XML, each cleaned."""
    return "\n".join(map(clean, text.split("\n")))


def _cut(text: str, size: float, width: float, *, bold: bool = False) -> str:
    if text_width(text, size, bold=bold) <= width:
        return text
    while text and text_width(text + "…", size, bold=bold) > width:
        text = text[:-1]
    return text + "…"


def _pill(mark: str, x: float, y: float) -> str:
    middle = x + pill_width(mark) / 2
    return (
        f'<rect class="pill {mark}" x="{x:.1f}" y="{y:.1f}" width="{pill_width(mark):.1f}" '
        f'height="15" rx="7.5"/>'
        f'<text class="mark of-{mark}" x="{middle:.1f}" y="{y + 11:.1f}">{clean(mark)}</text>'
    )


def _rectangle(kind: str, x: float, y: float, width: float, height: float) -> str:
    radius = 6 if kind != "supervisor" else 12
    return (
        f'<rect class="box {kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" '
        f'height="{height:.1f}" rx="{radius}"/>'
    )


def _icon(kind: str, x: float, y: float) -> str:
    """A sign of its own for each kind, so that colour is not needed to tell them apart."""
    match kind:
        case "supervisor":
            shape = "M-3.5 -8h7v5h-7zM0 -3v4M-6 5v-4h12v4M-8.5 5h5v4h-5zM3.5 5h5v4h-5z"
        case "actor":
            shape = "M-6 0a6 6 0 1 0 12 0a6 6 0 1 0 -12 0"
        case "component":
            shape = "M0 -7l6.2 3.5v7l-6.2 3.5l-6.2 -3.5v-7z"
        case "pool":
            shape = "M-7 -5h10v10h-10zM-3 -5v-3h10v10h-4"
        case _:
            shape = "M-6 0h12M0 -6v12"
    return f'<path class="icon {kind}-icon" transform="translate({x:.1f} {y:.1f})" d="{shape}"/>'


# -- the legend ---------------------------------------------------------------------------


def _legend(root: Node) -> Iterator[str]:
    """What the signs mean, of those that are there."""
    nodes = list(root.walk())
    kinds = {node.kind for node in nodes}
    for kind in KINDS:
        if kind in kinds:
            yield _icon(kind, 12, 8) + _words(KIND_WORDS[kind])
    strategies = {node.strategy for node in nodes if len(node.children) > 1}
    for strategy, words in STRATEGY_WORDS.items():
        if strategy in strategies:
            yield _trunk(strategy) + _words(words)
    marks = {mark for node in nodes for mark in node.marks}
    for mark, words in MARK_WORDS.items():
        if mark in marks:
            yield _pill(mark, 2, 0) + _words(words, pill_width(mark) + 12)


def _words(text: str, x: float = 32) -> str:
    return f'<text class="legend" x="{x:.1f}" y="12">{clean(text)}</text>'


def _trunk(strategy: str) -> str:
    line = "M12 -2V18"
    plain = f'<path class="branch" d="{line}"/>'
    if strategy == "one_for_all":
        return f'<path class="all" d="{line}"/><path class="inner" d="{line}"/>'
    if strategy == "rest_for_one":
        return f'{plain}<path class="arrow" d="{_arrow(12, 8)}"/>'
    return plain
