"""OpenLineage graph: a graph of the store as runs, the models that they made, and what was put to use."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from casemate.core.provenance import ColumnEdge, DatasetVersion, Run
from casemate.lineage.graph import COLUMN_FLOWS, Edge, Graph, Node

RUN_FACTS = ("status", "actor", "started", "finished", "purpose", "policy", "key epoch")
THING_FACTS = ("version", "location")
"""Facts of a node that a run, or a version, has a place of its own for."""


@dataclass(frozen=True)
class Told:
    """One run with its models, in the words of data sets.

    Args:
        run: what it read and wrote.
        asked: versions of models that it asked.
        made: versions of models that it made.
        facts: what else is told of models, by their name.
    """

    run: Run
    asked: tuple[DatasetVersion, ...] = ()
    made: tuple[DatasetVersion, ...] = ()
    facts: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Link:
    """A deployment or a consumer, and one thing that it uses.

    Args:
        kind: which of both.
        name: what it is called.
        of: what it uses: ``model``, ``dataset``, or ``deployment NAME``.
        version: of the model or data set; None for a deployment.
        why, actor, at, about: as recorded; ``at`` in ISO 8601.
    """

    kind: Literal["deployment", "consumer"]
    name: str
    of: str
    version: DatasetVersion | None
    why: str
    actor: str
    at: str
    about: str


def told_of(graph: Graph) -> tuple[list[Told], list[Link]]:
    """Return the runs of a graph, in its order, and its deployments and consumers."""
    by_run: dict[str, list[Edge]] = {}
    for edge in graph.edges:
        by_run.setdefault(edge.run or (edge.target if edge.kind == "reads" else edge.source), []).append(edge)
    runs = [_told(graph, node, by_run.get(node.id, [])) for node in graph.nodes if node.kind == "run"]
    links = [edge for edge in graph.edges if graph.by_id[edge.target].kind in ("deployment", "consumer")]
    distinct = {(graph.by_id[edge.source].parent or edge.source, edge.target, edge.why): edge for edge in links}
    return runs, [_link(graph, edge) for edge in distinct.values()]


def _told(graph: Graph, node: Node, edges: list[Edge]) -> Told:
    inputs = _owners(graph, (e.source for e in edges if e.target == node.id or e.kind in COLUMN_FLOWS))
    outputs = _owners(graph, (e.target for e in edges if e.source == node.id or e.kind in COLUMN_FLOWS))
    facts = node.facts
    ended = _time(facts.get("finished") or next((edge.at for edge in edges), ""))
    run = Run(
        node.name,
        facts.get("actor", ""),
        _time(facts["started"]) if facts.get("started") else ended,
        ended,
        tuple(version_of(graph, owner) for owner in inputs if owner.kind == "dataset"),
        tuple(version_of(graph, owner) for owner in outputs if owner.kind == "dataset"),
        tuple(_column_edge(graph, edge) for edge in edges if _of_a_column(graph, edge)),
        facts.get("purpose", ""),
        facts.get("policy", ""),
        facts.get("key epoch", ""),
        cast("Any", facts.get("status", "complete")),
        {name: value for name, value in facts.items() if name not in RUN_FACTS},
    )
    models = [owner for owner in (*inputs, *outputs) if owner.kind == "model"]
    return Told(
        run,
        tuple(version_of(graph, owner) for owner in inputs if owner.kind == "model"),
        tuple(version_of(graph, owner) for owner in outputs if owner.kind == "model"),
        {owner.name: {k: v for k, v in owner.facts.items() if k not in THING_FACTS} for owner in models},
    )


def _owners(graph: Graph, ids: Iterable[str]) -> list[Node]:
    """The data sets and models that ids belong to, each once."""
    found = {graph.by_id[id].parent or id: None for id in ids}
    return [graph.by_id[id] for id in found if graph.by_id[id].kind in ("dataset", "model")]


def version_of(graph: Graph, node: Node) -> DatasetVersion:
    """Return a node of a data set or model as a version."""
    columns = graph.columns.get(node.id, ())
    roles = {column.name: column.facts["role"] for column in columns if column.facts.get("role")}
    rows = node.facts.get("rows", "").replace(",", "")
    return DatasetVersion(
        node.name,
        node.facts.get("version", ""),
        node.facts.get("location", ""),
        int(rows) if rows.isdigit() else -1,
        tuple(column.name for column in columns),
        cast("Any", roles),
    )


def _of_a_column(graph: Graph, edge: Edge) -> bool:
    """Whether an edge tells of a column; whole data sets are among the inputs and outputs already."""
    return edge.kind in COLUMN_FLOWS and graph.by_id[edge.source].kind == "column"


def _column_edge(graph: Graph, edge: Edge) -> ColumnEdge:
    source, target = graph.by_id[edge.source], graph.by_id[edge.target]
    into = graph.by_id[target.parent] if target.parent else target
    return ColumnEdge(
        source.name,
        target.name if target.kind == "column" else "",
        edge.transformation,
        edge.why,
        cast("Any", edge.kind),
        edge.masking,
        graph.by_id[source.parent].name,
        into.name if into.kind in ("dataset", "model") else "",
        edge.before,
        edge.after,
    )


def _link(graph: Graph, edge: Edge) -> Link:
    source, target = graph.by_id[edge.source], graph.by_id[edge.target]
    owner = graph.by_id[source.parent] if source.parent else source
    known = version_of(graph, owner) if owner.kind in ("dataset", "model") else None
    of = owner.kind if known else f"deployment {owner.name}"
    about = target.facts.get("about", target.facts.get("location", ""))
    return Link(cast("Any", target.kind), target.name, of, known, edge.why, edge.actor, edge.at, about)


def _time(text: str) -> datetime.datetime:
    found = datetime.datetime.fromisoformat(text) if text else datetime.datetime.fromtimestamp(0, datetime.UTC)
    return found if found.tzinfo else found.replace(tzinfo=datetime.UTC)
