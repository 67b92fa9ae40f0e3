"""Panels: what the page tells in words of every drawn thing and every step."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup

from casemate.core.provenance import Summary
from casemate.lineage.drawing.bars import bars, told
from casemate.lineage.drawing.collapse import MOST, NOUNS
from casemate.lineage.drawing.scene import Box, Scene
from casemate.lineage.drawing.steps import Step
from casemate.lineage.graph import Edge, Graph

KINDS = {
    "direct": "values come from values",
    "indirect": "values decided which rows there are",
    "opaque": "nobody knows what went where",
    "reads": "was read by",
    "writes": "wrote",
    "deploys": "was deployed as",
    "serves": "serves",
    "concerns": "is for",
}


DIGITS = 16
"""Of a policy's digest; the run's own panel has all of them."""


@dataclass(frozen=True)
class Plenty:
    """How much a page tells.

    Args:
        pictures: whether columns are shown before and after.
        pairs: how many pairs of columns, and names in a list, are told at most.
        coarse: whether the steps of a run are put together.
        most: how many nodes are drawn at most.
    """

    pictures: bool = True
    pairs: int = 40
    coarse: bool = False
    most: int = MOST


@dataclass(frozen=True)
class Pair:
    """One edge of a step: the names of its ends, and what is known of the columns before and after."""

    source: str
    target: str
    before: str
    after: str
    pictures: tuple[Markup, Markup]


@dataclass(frozen=True)
class StepPanel:
    """What is told of a step."""

    step: Step
    meaning: str
    sources: str
    targets: str
    pairs: tuple[Pair, ...]
    more: int
    facts: str


@dataclass(frozen=True)
class ThingPanel:
    """What is told of a box: its facts, its columns with their roles, its steps, and what it is joined to."""

    box: Box
    kind: str
    columns: tuple[tuple[str, str], ...]
    steps: tuple[StepPanel, ...]


def panels(graph: Graph, scene: Scene, plenty: Plenty) -> tuple[list[ThingPanel], list[StepPanel]]:
    """Return the panels of the boxes in their order, and those of the steps that belong to no run."""
    by_run: dict[str, list[Step]] = defaultdict(list)
    for step in scene.steps:
        by_run[step.run].append(step)
    things = []
    for box in scene.boxes:
        columns = [(node.name, node.facts.get("role", "")) for node in graph.columns.get(box.node.id, ())]
        steps = [row.step for row in box.rows if row.step] if box.node.kind == "run" else []
        told = tuple(_panel(graph, step, plenty) for step in steps)
        things.append(ThingPanel(box, NOUNS[box.node.kind][0], tuple(columns[: 3 * plenty.pairs]), told))
    return things, [_panel(graph, step, plenty) for step in by_run[""]]


def _panel(graph: Graph, step: Step, plenty: Plenty) -> StepPanel:
    pairs = [_pair(graph, edge, plenty) for edge in _telling(step, plenty.pairs)]
    return StepPanel(
        step,
        KINDS[step.kind],
        _names(graph, (edge.source for edge in step.edges), plenty.pairs),
        _names(graph, (edge.target for edge in step.edges if edge.target != edge.run), plenty.pairs),
        tuple(pair for pair in pairs if pair.before or pair.after),
        max(len(step.edges) - plenty.pairs, 0),
        _facts(step),
    )


def _telling(step: Step, most: int) -> list[Edge]:
    """The edges whose columns something is known of, those of the same columns once."""
    found = {(edge.source, edge.target): edge for edge in step.edges if edge.before or edge.after}
    return list(found.values())[:most]


def _facts(step: Step) -> str:
    """Who, when and under which policy; several where runs were put together."""
    policies = {edge.policy_digest[:DIGITS] for edge in step.edges}
    told = (
        _listed({edge.actor for edge in step.edges}, 4),
        _listed({edge.at for edge in step.edges}, 2),
        f"policy {listed}" if (listed := _listed(policies, 2)) else "",
    )
    return " · ".join(filter(None, told))


def _listed(values: set[str], most: int) -> str:
    some = sorted(values - {""})
    return ", ".join(some[:most]) + (f" and {len(some) - most:,} more" if len(some) > most else "")


def _names(graph: Graph, ids: Iterable[str], most: int) -> str:
    names = list(dict.fromkeys(_name(graph, id) for id in ids))
    return ", ".join(names[:most]) + (f" and {len(names) - most:,} more" if len(names) > most else "")


def _name(graph: Graph, id: str) -> str:
    node = graph.by_id[id]
    return f"{graph.by_id[node.parent].name}:{node.name}" if node.parent else node.name


def _pair(graph: Graph, edge: Edge, plenty: Plenty) -> Pair:
    before, after = edge.before, edge.after
    largest = max((max(s.shares.values(), default=0.0) for s in (before, after) if s), default=0.0)
    pictures = (bars(before, largest), bars(after, largest)) if plenty.pictures else (Markup(""), Markup(""))
    target = "" if edge.target == edge.run else _name(graph, edge.target)
    return Pair(_name(graph, edge.source), target, _words(before), _words(after), pictures)


def _words(summary: Summary | None) -> str:
    return told(summary) if summary else ""
