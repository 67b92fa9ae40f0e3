"""Graph: the way of data from sources to consumers, as nodes and edges that a page can draw and a query can follow."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from casemate.core.errors import UnknownName, did_you_mean

if TYPE_CHECKING:
    from casemate.core.provenance import Run, Summary

NodeKind = Literal["dataset", "column", "run", "model", "deployment", "consumer", "purpose"]
"""dataset: one version of a data set. column: one column of it, its parent being that version."""

FlowKind = Literal["direct", "indirect", "opaque", "reads", "writes", "deploys", "serves", "concerns"]
"""direct, indirect, opaque: between columns (see `casemate.core.provenance.EdgeKind`), or from a column into the run
that dropped it. reads: data set or model to run. writes: run to data set or model. deploys: model to deployment.
serves: deployment, model or data set to consumer. concerns: run, model or deployment to purpose."""

COLUMN_FLOWS = frozenset({"direct", "indirect", "opaque"})


@dataclass(frozen=True)
class Node:
    """One thing that data went through.

    Args:
        id: unique within its graph; nothing may be read from its form.
        kind: see `NodeKind`.
        name: what people call it.
        parent: for a column, the id of its data set.
        facts: what else to tell of it, by name, in the order to tell it: no secrets and nobody's values.
    """

    id: str
    kind: NodeKind
    name: str
    parent: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Edge:
    """Data that went from one node to another.

    Args:
        source, target: ids of nodes. An edge of a column that a run dropped leads to the run.
        kind: see `FlowKind`.
        transformation: what was done, as `casemate.core.provenance.ColumnEdge` words it.
        why: the reason.
        actor: who ran it.
        at: when it was finished, ISO 8601.
        policy_digest: content digest of the policy that it followed.
        masking: whether the target tells less than the source.
        before, after: summaries of both columns.
        run: for an edge between columns, the id of the run that made it.
    """

    source: str
    target: str
    kind: FlowKind = "direct"
    transformation: str = ""
    why: str = ""
    actor: str = ""
    at: str = ""
    policy_digest: str = ""
    masking: bool = False
    before: Summary | None = None
    after: Summary | None = None
    run: str = ""


@dataclass(frozen=True)
class Graph:
    """Nodes and the edges between them.

    Raises:
        UnknownName: an edge or a parent names a node that is not there.
    """

    nodes: tuple[Node, ...] = ()
    edges: tuple[Edge, ...] = ()

    def __post_init__(self) -> None:
        for node in self.nodes:
            if node.parent and node.parent not in self.by_id:
                raise UnknownName(f"column {node.name!r} belongs to {node.parent!r}, which is not in the graph")
        for edge in self.edges:
            for id in (edge.source, edge.target, *([edge.run] if edge.run else [])):
                if id not in self.by_id:
                    raise UnknownName(f"an edge names {id!r}, which is not in the graph")

    def __len__(self) -> int:
        return len(self.nodes)

    @cached_property
    def by_id(self) -> Mapping[str, Node]:
        """The nodes, by id."""
        return {node.id: node for node in self.nodes}

    @cached_property
    def columns(self) -> Mapping[str, tuple[Node, ...]]:
        """The columns of each data set, by its id, in their order."""
        found: dict[str, list[Node]] = defaultdict(list)
        for node in self.nodes:
            if node.kind == "column":
                found[node.parent].append(node)
        return {id: tuple(columns) for id, columns in found.items()}

    @cached_property
    def outgoing(self) -> Mapping[str, tuple[Edge, ...]]:
        """The edges that leave each node, by its id; nodes without any are left out."""
        return _gathered(self.edges, lambda edge: edge.source)

    @cached_property
    def incoming(self) -> Mapping[str, tuple[Edge, ...]]:
        """The edges that enter each node, by its id; nodes without any are left out."""
        return _gathered(self.edges, lambda edge: edge.target)

    def find(self, name: str) -> Node:
        """Return the last node of an id or name; that of a column is also ``dataset:column`` or ``dataset.column``.

        Raises:
            UnknownName: there is none.
        """
        if name in self.by_id:
            return self.by_id[name]
        found = {spoken: node for node in self.nodes for spoken in self._names(node)}
        if name not in found:
            raise UnknownName(f"nothing in this lineage is called {name!r}.{did_you_mean(name, found)}")
        return found[name]

    def _names(self, node: Node) -> Iterator[str]:
        yield node.name
        if node.parent:
            yield f"{self.by_id[node.parent].name}.{node.name}"
            yield f"{self.by_id[node.parent].name}:{node.name}"

    @classmethod
    def of(cls, runs: Iterable[Run]) -> Graph:
        """Return the graph of runs, in their order, without any store.

        Versions are the same where their name and their digest are; what runs say of them is put together.
        """
        from casemate.lineage.from_runs import graph_of

        return graph_of(runs)


def _gathered(edges: Iterable[Edge], key: Callable[[Edge], str]) -> Mapping[str, tuple[Edge, ...]]:
    found: dict[str, list[Edge]] = defaultdict(list)
    for edge in edges:
        found[key(edge)].append(edge)
    return {id: tuple(some) for id, some in found.items()}
