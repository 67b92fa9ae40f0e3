"""Graph of runs: the nodes and edges that `casemate.core.provenance.Run` records amount to, without any store."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from casemate.core.errors import UnknownName, did_you_mean
from casemate.core.provenance import ColumnEdge, DatasetVersion, Run
from casemate.lineage.graph import Edge, FlowKind, Graph, Node


def graph_of(runs: Iterable[Run]) -> Graph:
    """Return the graph of runs; see `Graph.of`."""
    growing = _Growing()
    for position, run in enumerate(runs):
        growing.add(run, f"run:{position}")
    return Graph(tuple(growing.nodes.values()), tuple(growing.edges))


@dataclass
class _Growing:
    nodes: dict[str, Node] = field(default_factory=dict)
    edges: list[Edge] = field(default_factory=list)

    def add(self, run: Run, id: str) -> None:
        self.nodes[id] = Node(id, "run", run.job, facts=_facts(run))
        for version in run.inputs:
            self.edges.append(_edge(run, self.version(version), id, "reads"))
        for version in run.outputs:
            self.edges.append(_edge(run, id, self.version(version), "writes"))
        for edge in run.edges:
            self.column_edge(run, id, edge)
        if run.purpose:
            purpose = f"purpose:{run.purpose}"
            self.nodes.setdefault(purpose, Node(purpose, "purpose", run.purpose))
            self.edges.append(_edge(run, id, purpose, "concerns"))

    def version(self, version: DatasetVersion) -> str:
        id = f"dataset:{version.name}@{version.digest}"
        known = {
            "version": version.digest,
            "rows": f"{version.rows:,}" if version.rows >= 0 else "",
            "location": version.location,
        }
        facts = {name: value for name, value in known.items() if value}
        old = self.nodes.get(id)
        self.nodes[id] = Node(id, "dataset", version.name, facts={**facts, **(old.facts if old else {})})
        for column in version.columns:
            self.column(id, column, version.roles.get(column, ""))
        return id

    def column(self, dataset: str, name: str, role: str = "") -> str:
        id = f"column:{name}@{dataset}"
        if id not in self.nodes or (role and not self.nodes[id].facts):
            self.nodes[id] = Node(id, "column", name, dataset, {"role": role} if role else {})
        return id

    def column_edge(self, run: Run, id: str, edge: ColumnEdge) -> None:
        sources = _meant(edge.source_dataset, edge.source, run.inputs)
        targets = _meant(edge.target_dataset, edge.target, run.outputs) if edge.target else [None]
        for source in sources:
            start = self.column(self.version(source), edge.source)
            for target in targets:
                end = id if target is None else self.column(self.version(target), edge.target)
                self.edges.append(_column_edge(_edge(run, start, end, edge.kind), edge, id))


def _column_edge(flow: Edge, edge: ColumnEdge, run: str) -> Edge:
    return replace(
        flow,
        transformation=edge.transformation,
        why=edge.why,
        masking=edge.masking,
        before=edge.before,
        after=edge.after,
        run=run,
    )


def _edge(run: Run, source: str, target: str, kind: FlowKind) -> Edge:
    at = run.finished.isoformat()
    return Edge(source, target, kind, actor=run.actor, at=at, policy_digest=run.policy_digest)


def _meant(dataset: str, column: str, versions: tuple[DatasetVersion, ...]) -> list[DatasetVersion]:
    """The versions that an edge's end lies in: the named one, else every one with such a column, else all."""
    if dataset:
        found = [version for version in versions if version.name == dataset]
        if not found:
            near = did_you_mean(dataset, (version.name for version in versions))
            raise UnknownName(
                f"an edge of column {column!r} names {dataset!r}, which its run neither read nor wrote.{near}"
            )
        return found
    return [version for version in versions if column in version.columns] or list(versions)


def _facts(run: Run) -> dict[str, str]:
    known = {
        "status": run.status,
        "actor": run.actor,
        "started": run.started.isoformat(),
        "finished": run.finished.isoformat(),
        "purpose": run.purpose,
        "policy": run.policy_digest,
        "key epoch": run.key_epoch,
        **run.facts,
    }
    return {name: value for name, value in known.items() if value}
