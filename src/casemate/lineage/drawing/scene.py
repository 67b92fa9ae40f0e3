"""Scene: the boxes of the drawing with their rows, and the lines that join rows, before anything has its place."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from casemate.lineage.drawing.collapse import Collapsed, drawn_edges
from casemate.lineage.drawing.lettering import printable, width
from casemate.lineage.drawing.steps import ORDER, Step, column_steps, flow_steps
from casemate.lineage.graph import Graph, Node, NodeKind

ROW, HEAD, FOOT, TAG = 21, 42, 7, 18
NARROWEST, WIDEST = 132, 236
MARGIN = 24
"""Pixels: heights of a row, of a head, below the last row, of a purpose; widths of boxes, and beside their text."""
NAME, BOLD, SMALL = 14.2, 12.9, 10.5
"""Sizes of a name and of a row, as wide as 13 and 12 pixels in bold are, and of what stands at the right of a row."""
KINDS = {"dataset": "data set", "run": "run", "model": "model", "deployment": "deployment", "consumer": "consumer"}
ROLES = {
    "identifier": "identifier",
    "quasi-identifier": "quasi",
    "sensitive": "sensitive",
    "target": "target",
}


@dataclass(frozen=True)
class Row:
    """One line of a box: a column of a data set with its role, or a step of a run that tells how much it hides."""

    text: str
    node: str = ""
    step: Step | None = None
    role: str = ""

    @property
    def aside(self) -> str:
        """What stands at its right."""
        if self.step is None:
            return ROLES.get(self.role, "")
        words = {"indirect": "decides rows", "opaque": "opaque"}
        return words.get(self.step.kind, "masks" if self.step.masking else "")


@dataclass(frozen=True)
class Box:
    """One drawn thing.

    Args:
        anchor: the id of its panel on the page.
        node: what it shows.
        rows: its lines.
        purposes: names of what it is for.
        width, height: pixels.
    """

    anchor: str
    node: Node
    rows: tuple[Row, ...] = ()
    purposes: tuple[str, ...] = ()

    @property
    def aside(self) -> str:
        """What stands at the right of its head: how a run failed, how many columns are not drawn, how many rows."""
        facts = self.node.facts
        if facts.get("status", "complete") != "complete":
            return printable(facts["status"], 24)
        if "columns" in facts:
            return printable(f"{facts['columns']} columns", 24)
        return printable(f"{facts['rows']} rows", 24) if "rows" in facts else ""

    @property
    def tip(self) -> float:
        """Pixels that its outline takes off its right end."""
        return {"consumer": 9, "model": 6, "deployment": 4}.get(self.node.kind, 0)

    @property
    def width(self) -> float:
        """Pixels that its text takes, within limits."""
        rows = [width(row.text, BOLD) + (width(row.aside, SMALL) + 12 if row.aside else 0) for row in self.rows]
        head = width(KINDS[self.node.kind].upper(), SMALL) + 14 + width(self.aside, SMALL)
        texts = [width(printable(self.node.name, 80), NAME) + self.tip, head, *rows]
        return min(max(max(texts) + MARGIN, NARROWEST), WIDEST)

    @property
    def height(self) -> float:
        """Pixels."""
        rows = len(self.rows) * ROW + (FOOT if self.rows else 0)
        return HEAD + rows + (TAG if self.purposes else 0)

    def port(self, row: int) -> float:
        """Return where lines meet a row, or the head for -1, in pixels below the box's top."""
        return HEAD / 2 if row < 0 else HEAD + (row + 0.5) * ROW


@dataclass(frozen=True)
class Line:
    """One line of the drawing, from the right of a row to the left of another.

    Args:
        source, target: positions of boxes.
        source_row, target_row: positions of rows in them; -1 for the box itself.
        step: what it is part of.
        ends: the ids of the nodes that it joins.
    """

    source: int
    source_row: int
    target: int
    target_row: int
    step: Step
    ends: tuple[str, str]


@dataclass(frozen=True)
class Scene:
    """All boxes, all lines, and all steps but flows whose boxes are joined by their columns."""

    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    steps: tuple[Step, ...]


def scene(graph: Graph, collapsed: Collapsed, *, coarse: bool = False) -> Scene:
    """Return the scene of a graph, as far as it is drawn; coarse: with all steps of a kind in a run put together."""
    ends = drawn_edges(graph, collapsed)
    steps, flows = column_steps(ends, collapsed.stands, coarse=coarse), flow_steps(ends)
    boxes = _boxes(collapsed, steps, flows)
    drawing = _Lines(boxes)
    for step in (step for some in steps.values() for step in some):
        drawing.columns(step)
    shown = [step for step in flows if drawing.flow(step)]
    return Scene(boxes, tuple(drawing.lines), (*(step for some in steps.values() for step in some), *shown))


def _boxes(collapsed: Collapsed, steps: dict[str, list[Step]], flows: list[Step]) -> tuple[Box, ...]:
    columns: dict[str, list[Node]] = defaultdict(list)
    names = {node.id: node.name for node in collapsed.nodes}
    purposes: dict[str, dict[str, None]] = defaultdict(dict)
    for node in collapsed.nodes:
        if node.kind == "column":
            columns[node.parent].append(node)
    for step in flows:
        if step.kind == "concerns":
            purposes[step.sources[0]][names[step.targets[0]]] = None
    place = {node.id: position for position, node in enumerate(collapsed.nodes)}
    made: list[Box] = []
    for node in collapsed.nodes:
        if node.kind in ("column", "purpose"):
            continue
        rows = tuple(
            Row(printable(column.name, 80), column.id, role=column.facts.get("role", "")) for column in columns[node.id]
        )
        if node.kind == "run":
            rows = tuple(Row(_said(step), step=step) for step in _in_order(steps.get(node.id, []), place))
        made.append(Box(f"n{len(made)}", node, rows, tuple(purposes[node.id])))
    return tuple(made)


def _said(step: Step) -> str:
    return printable(step.name, 80)


def _in_order(steps: list[Step], place: dict[str, int]) -> list[Step]:
    """Steps as their sources stand, first those that carry values and last those that only decide."""
    return sorted(steps, key=lambda step: (ORDER[step.kind], min(place[id] for id in step.sources)))


class _Lines:
    def __init__(self, boxes: tuple[Box, ...]) -> None:
        self.lines: list[Line] = []
        self.joined: set[tuple[int, int]] = set()
        self.ports: dict[str, tuple[int, int]] = {}
        self.kinds: dict[str, NodeKind] = {box.node.id: box.node.kind for box in boxes}
        for position, box in enumerate(boxes):
            self.ports[box.node.id] = position, -1
            for row, line in enumerate(box.rows):
                self.ports[line.node or line.step.anchor] = position, row  # type: ignore[union-attr]

    def columns(self, step: Step) -> None:
        """From every source to the step's row in its run, and from there to every target."""
        if not step.run:
            for source in step.sources:
                for target in step.targets:
                    self.add(source, target, step)
            return
        for source in step.sources:
            self.add(source, step.anchor, step)
        for target in step.targets:
            self.add(step.anchor, target, step)

    def flow(self, step: Step) -> bool:
        """Between two boxes, unless their columns are joined already; return whether. A purpose is no box."""
        source, target = step.sources[0], step.targets[0]
        if not {source, target} <= self.ports.keys():
            return step.kind == "concerns"
        if (self.ports[source][0], self.ports[target][0]) in self.joined:
            return False
        self.add(source, target, step)
        return True

    def add(self, source: str, target: str, step: Step) -> None:
        start, end = self.ports[source], self.ports[target]
        if start[0] != end[0]:
            self.joined.add((start[0], end[0]))
            self.lines.append(Line(*start, *end, step, (source, target)))
