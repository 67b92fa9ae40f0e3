"""Way of a node: what it came from and what it touched, column by column where that is known, else as a whole."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from casemate.lineage.graph import COLUMN_FLOWS, Graph, Node

Stop = tuple[str, str]
"""A node as the search sees it: its id, and "" for itself; of a run, "all" or "gap" for the outputs it leads to."""


@dataclass(frozen=True)
class Way:
    """What lies on the way to and from a node, itself included.

    Args:
        node: the node.
        up: ids of what it came from, with the data sets of columns and the runs between.
        down: ids of what it touched.
    """

    node: Node
    up: frozenset[str]
    down: frozenset[str]

    @property
    def all(self) -> frozenset[str]:
        """Ids of everything on the way."""
        return self.up | self.down

    def holds(self, source: str, target: str) -> bool:
        """Return whether an edge between two ids lies on the way."""
        return {source, target} <= self.up or {source, target} <= self.down


def way(graph: Graph, id: str) -> Way:
    """Return the way of a node.

    Where a run says which columns went where, only those are followed. An input or an output about whose columns it
    says nothing is followed as a whole, to every output or from every input, so that nothing is missed in silence.
    """
    node = graph.by_id[id]
    forward = _forward(graph)
    backward: dict[Stop, list[Stop]] = defaultdict(list)
    for source, targets in forward.items():
        for target in targets:
            backward[target].append(source)
    whole = [(id, ""), (id, "all"), *((column.id, "") for column in graph.columns.get(id, ()))]
    before = [*whole, *_behind(graph, node)]
    return Way(node, _named(graph, _reached(backward, before), id), _named(graph, _reached(forward, whole), id))


def _behind(graph: Graph, node: Node) -> list[Stop]:
    """Where else the search for what a node came from starts: all that a run read, all that was done for a purpose."""
    runs = [node.id] if node.kind == "run" else []
    found: list[Stop] = []
    if node.kind == "purpose":
        runs = [edge.source for edge in graph.incoming.get(node.id, ())]
        found = [(id, lead) for id in runs for lead in ("", "all")]
    reads = [edge.source for id in runs for edge in graph.incoming.get(id, ())]
    return found + [(part, "") for source in reads for part in _parts(graph, source)]


def _parts(graph: Graph, id: str) -> list[str]:
    return [id, *(column.id for column in graph.columns.get(id, ()))]


def _forward(graph: Graph) -> Mapping[Stop, list[Stop]]:
    known = _told_columns(graph)
    found: dict[Stop, list[Stop]] = defaultdict(list)
    for dataset, columns in graph.columns.items():
        found[dataset, ""] += [(column.id, "") for column in columns]
    for edge in graph.edges:
        if edge.kind == "reads":
            lead = "gap" if (edge.source, edge.target) in known else "all"
            for part in _parts(graph, edge.source):
                found[part, ""].append((edge.target, lead))
        elif edge.kind == "writes":
            found[edge.source, "all"].append((edge.target, ""))
            if (edge.source, edge.target) not in known:
                found[edge.source, "gap"].append((edge.target, ""))
        elif edge.kind != "concerns":  # between columns, whole data sets, and things that have no columns
            for part in _parts(graph, edge.source):
                found[part, ""].append((edge.target, ""))
    return found


def _told_columns(graph: Graph) -> set[tuple[str, str]]:
    """The (input, run) and (run, output) pairs between whose columns a run told what went where."""
    found: set[tuple[str, str]] = set()
    for edge in graph.edges:
        if edge.kind in COLUMN_FLOWS and edge.run:
            source, target = graph.by_id[edge.source], graph.by_id[edge.target]
            found.add((source.parent or source.id, edge.run))
            if target.id != edge.run:
                found.add((edge.run, target.parent or target.id))
    return found


def _reached(steps: Mapping[Stop, list[Stop]], start: Iterable[Stop]) -> set[str]:
    seen = set(start)
    waiting = deque(seen)
    while waiting:
        for next in steps.get(waiting.popleft(), ()):
            if next not in seen:
                seen.add(next)
                waiting.append(next)
    return {id for id, _ in seen}


def _named(graph: Graph, reached: set[str], start: str) -> frozenset[str]:
    """What was reached, with the data sets of columns, the runs of the edges between them, and their purposes."""
    parents = {graph.by_id[id].parent for id in reached} - {""}
    runs = {
        edge.run
        for edge in graph.edges
        if edge.run and edge.source in reached and edge.target in reached and edge.kind in COLUMN_FLOWS
    }
    found = reached | parents | runs | {start}
    purposes = {edge.target for edge in graph.edges if edge.kind == "concerns" and edge.source in found}
    return frozenset(found | purposes)
