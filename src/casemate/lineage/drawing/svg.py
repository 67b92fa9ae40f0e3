"""SVG: boxes, rows and lines as they are drawn; colours are the style sheet's, and nothing is told by colour alone."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from markupsafe import Markup

from casemate.lineage.drawing.highlight import Highlight
from casemate.lineage.drawing.layout import Layout, Point
from casemate.lineage.drawing.lettering import fitted, printable, width
from casemate.lineage.drawing.scene import BOLD, HEAD, KINDS, NAME, ROW, SMALL, TAG, Box, Line, Row, Scene

PAD = 14
HIT_LIMIT = 900
"""Pixels around the drawing, and how many lines get a wide border that makes them easy to hit."""


def drawing(scene: Scene, layout: Layout, lit: Highlight, label: str) -> Markup:
    """Return the drawing.

    Args:
        scene: what is drawn.
        layout: where.
        lit: what is highlighted.
        label: what it shows, for whoever hears it.
    """
    w, h = layout.width + 2 * PAD, layout.height + 2 * PAD
    head = Markup(
        '<svg class="lineage{4}" viewBox="{0} {0} {1:.0f} {2:.0f}" width="{1:.0f}" height="{2:.0f}" role="group" '
        'aria-label="{3}">'
    ).format(-PAD, w, h, printable(label), " focused" if lit else "")
    hit = len(scene.lines) <= HIT_LIMIT
    order = sorted(range(len(scene.lines)), key=lambda i: i in lit.lines)  # what is highlighted lies on top
    lines = [_line(scene.lines[i], layout.ways[i], i in lit.lines, turned=layout.turned[i], hit=hit) for i in order]
    boxes = [_box(i, box, layout.places[i], layout.widths[i], lit) for i, box in enumerate(scene.boxes)]
    return head + Markup("\n").join([*lines, *boxes]) + Markup("</svg>")


def _line(line: Line, points: Sequence[Point], on: bool, *, turned: bool, hit: bool) -> Markup:
    kind = line.step.kind if line.step.kind in ("direct", "indirect", "opaque") else "flow"
    path = _path(points)
    classes = f"l {kind}{' on' if on else ''}{' back' if turned else ''}"
    told = Markup(' tabindex="-1" aria-hidden="true"')  # the row that it leads to tells the same
    if not line.step.run:
        told = Markup(' aria-label="{}"').format(printable(line.step.name, 200))
    wide = Markup('<path class="hit" d="{}"/>').format(path) if hit else Markup("")
    x, y = points[0] if turned else points[-1]
    tip = Markup('<path class="tip" d="M{:.0f} {:.0f}l{} -3v6z"/>').format(x, y, 6 if turned else -6)
    ends = f"{line.source}.{line.source_row} {line.target}.{line.target_row}"
    return Markup('<a href="#{}" class="{}" data-l="{}"{}>{}<path d="{}"/>{}</a>').format(
        line.step.anchor, classes, ends, told, wide, path, tip
    )


def _path(points: Sequence[Point]) -> str:
    """Curves between layers, level stretches through them."""
    parts = [f"M{points[0][0]:.0f} {points[0][1]:.0f}"]
    for (x0, y0), (x1, y1) in pairwise(points):
        if round(y0) == round(y1):
            parts.append(f"H{x1:.0f}")
        else:
            middle = f"{(x0 + x1) / 2:.0f}"
            parts.append(f"C{middle} {y0:.0f} {middle} {y1:.0f} {x1:.0f} {y1:.0f}")
    return "".join(parts)


def _box(position: int, box: Box, place: Point, wide: float, lit: Highlight) -> Markup:
    name, kind = printable(box.node.name), box.node.kind
    marks = _marks(box.node.id in lit.nodes, box.node.id == lit.focus)
    parts = [
        Markup('<g class="box {}{}" transform="translate({:.0f} {:.1f})">').format(kind, marks, *place),
        Markup('<a href="#{}" data-p="{}.-1"><title>{}</title>').format(box.anchor, position, name),
        _shape(kind, wide, box.height),
        Markup('<text class="kind" x="12" y="15">{}</text>').format(KINDS[kind].upper()),
        _right(box.aside, wide - (12 if kind != "consumer" else 20), 15),
        Markup('<text class="name" x="12" y="32">{}</text></a>').format(fitted(name, wide - 24 - box.tip, NAME)),
    ]
    parts += [_row(position, i, row, wide, lit) for i, row in enumerate(box.rows)]
    if box.purposes:
        told = fitted("for " + printable(", ".join(box.purposes)), wide - 24, 11)
        parts.append(Markup('<text class="purpose" x="12" y="{:.0f}">{}</text>').format(box.height - TAG / 2 + 1, told))
    return Markup("").join([*parts, Markup("</g>")])


def _marks(on: bool, focus: bool) -> str:
    return f"{' on' if on else ''}{' focus' if focus else ''}"


def _right(text: str, x: float, y: float) -> Markup:
    return Markup('<text class="aside" x="{:.0f}" y="{:.0f}">{}</text>').format(x, y, text) if text else Markup("")


def _row(position: int, number: int, row: Row, wide: float, lit: Highlight) -> Markup:
    top = HEAD + number * ROW
    room = wide - 26 - (width(row.aside, SMALL) + 8 if row.aside else 0)
    inside = (
        Markup("<title>{}</title>").format(row.text)
        + Markup('<rect x="1" y="{}" width="{:.0f}" height="{}"/>').format(top, wide - 2, ROW)
        + Markup('<text x="13" y="{}">{}</text>').format(top + 15, fitted(row.text, room, BOLD))
        + _right(row.aside, wide - 12, top + 15)
    )
    if row.step is None:
        marks = _marks(row.node in lit.nodes, row.node == lit.focus)
        return Markup('<g class="row{}" data-p="{}.{}">{}</g>').format(marks, position, number, inside)
    anchor, marks = row.step.anchor, _marks(row.step.anchor in lit.steps, focus=False)
    return Markup('<a href="#{}" class="row {}{}" data-p="{}.{}">{}{}</a>').format(
        anchor, row.step.kind, marks, position, number, inside, _end(row, wide, top)
    )


def _end(row: Row, wide: float, top: float) -> Markup:
    """A bar at the right of a step that leads nowhere: what was dropped."""
    if row.step is None or row.step.targets:
        return Markup("")
    return Markup('<path class="stop" d="M{:.0f} {}v11"/>').format(wide - 5, top + 5)


def _shape(kind: str, w: float, h: float) -> Markup:
    """The outline of a box, different for every kind of thing."""
    if kind == "model":  # a hexagon
        path = f"M10 0H{w - 10:.0f}L{w:.0f} {h / 2:.1f}L{w - 10:.0f} {h:.1f}H10L0 {h / 2:.1f}Z"
        return Markup('<path class="edge" d="{}"/>').format(path)
    if kind == "consumer":  # a tag that points to the right
        path = f"M4 0H{w - 12:.0f}L{w:.0f} {h / 2:.1f}L{w - 12:.0f} {h:.1f}H4Q0 {h:.1f} 0 {h - 4:.1f}V4Q0 0 4 0Z"
        return Markup('<path class="edge" d="{}"/>').format(path)
    rect = Markup('<rect class="edge" width="{:.0f}" height="{:.1f}" rx="{}"/>')
    if kind == "run":
        return rect.format(w, h, 13)
    if kind == "deployment":  # a rack: a second line on either side
        path = f"M5 0V{h:.1f}M{w - 5:.0f} 0V{h:.1f}"
        return rect.format(w, h, 2) + Markup('<path class="inner" d="{}"/>').format(path)
    return rect.format(w, h, 4) + Markup('<path class="inner" d="M0 {}H{:.0f}"/>').format(HEAD - 2, w)
