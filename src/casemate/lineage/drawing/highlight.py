"""Highlight: which boxes, rows and lines of a scene lie on the way of a node."""

from __future__ import annotations

from dataclasses import dataclass

from casemate.lineage.drawing.collapse import Collapsed
from casemate.lineage.drawing.scene import Scene
from casemate.lineage.drawing.way import Way


@dataclass(frozen=True)
class Highlight:
    """What is highlighted.

    Args:
        nodes: ids of drawn nodes, boxes and columns.
        steps: anchors of steps.
        lines: positions of lines.
        focus: id of the drawn node whose way it is; empty where nothing is highlighted.
    """

    nodes: frozenset[str] = frozenset()
    steps: frozenset[str] = frozenset()
    lines: frozenset[int] = frozenset()
    focus: str = ""

    def __bool__(self) -> bool:
        return bool(self.focus)


def highlight(scene: Scene, collapsed: Collapsed, way: Way | None) -> Highlight:
    """Return what of a scene lies on a way; nothing for None."""
    if way is None:
        return Highlight()
    joined: dict[str, set[str]] = {}
    for step in scene.steps:
        for edge in step.edges:
            if way.holds(edge.source, edge.target):
                ends = {collapsed.stands[edge.source], collapsed.stands[edge.target]}
                joined.setdefault(step.anchor, {step.anchor}).update(ends)
    lines = frozenset(i for i, line in enumerate(scene.lines) if {*line.ends} <= joined.get(line.step.anchor, set()))
    nodes = frozenset(collapsed.stands[id] for id in way.all)
    return Highlight(nodes, frozenset(joined), lines, collapsed.stands[way.node.id])
