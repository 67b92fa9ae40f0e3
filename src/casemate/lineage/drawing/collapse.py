"""Collapse: so few drawn things that a person can read them, and a word on what was put together."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from casemate.lineage.graph import COLUMN_FLOWS, Edge, Graph, Node, NodeKind

MOST = 500
SAME = "Versions of a data set, and runs of a job between the same data sets, are drawn as one."
NOUNS: dict[NodeKind, tuple[str, str]] = {
    "dataset": ("data set", "data sets"),
    "column": ("column", "columns"),
    "run": ("run", "runs"),
    "model": ("model", "models"),
    "deployment": ("deployment", "deployments"),
    "consumer": ("consumer", "consumers"),
    "purpose": ("purpose", "purposes"),
}


@dataclass(frozen=True)
class Collapsed:
    """What is drawn of a graph.

    Args:
        nodes: what is drawn, in order.
        stands: for every node of the graph, the id of the drawn one that stands for it.
        notes: what was put together, one sentence each; none where everything is drawn.
    """

    nodes: tuple[Node, ...]
    stands: Mapping[str, str]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.nodes)


def collapse(graph: Graph, most: int = MOST, keep: frozenset[str] = frozenset()) -> Collapsed:
    """Return at most so many nodes to draw.

    First columns go into their data sets, then versions of a data set and runs of a job between the same data sets into
    one, then what shares a folder or the beginning of its name, at last what lies equally far from the sources.

    Args:
        graph: the graph.
        most: how many nodes are drawn at most; at least 6, the kinds that have boxes.
        keep: ids of columns that are drawn nevertheless, as long as they are few.
    """
    everything = Collapsed(graph.nodes, {node.id: node.id for node in graph.nodes})
    if len(graph) <= most:
        return everything
    found = _without_columns(graph, keep if len(keep) <= most // 3 else frozenset())
    if len(found) <= most:
        return found
    found = _grouped(
        graph,
        lambda node: node.name,
        "Versions of a data set, and runs of a job between the same data sets, are drawn as one.",
    )
    levels = _levels(graph) if len(found) > most else {}
    words = max((len(_words(node.name)) for node in graph.nodes), default=1)
    while len(found) > most and words > 1:
        words -= 1
        found = _by_beginning(graph, words, levels)
    return found if len(found) <= most else _by_level(graph, most // (len(NOUNS) - 1), levels)


def _without_columns(graph: Graph, keep: frozenset[str]) -> Collapsed:
    hidden = [node for node in graph.nodes if node.kind == "column" and node.id not in keep]
    per_dataset = Counter(node.parent for node in hidden)
    stands = {node.id: node.id for node in graph.nodes} | {node.id: node.parent for node in hidden}
    nodes = tuple(
        replace(node, facts={**node.facts, "columns": f"{per_dataset[node.id]:,}"}) if node.id in per_dataset else node
        for node in graph.nodes
        if stands[node.id] == node.id
    )
    note = f"{len(hidden):,} columns are drawn as the {len(per_dataset):,} data sets that hold them."
    return Collapsed(nodes, stands, (note,))


def _by_beginning(graph: Graph, words: int, levels: Mapping[str, int]) -> Collapsed:
    """Put together what begins alike and lies equally far from the sources, so that no circles come about."""
    alike = f"{words:,} words" if words > 1 else "word"
    note = f"What shares the first {alike} of its name, and lies equally far from the sources, is drawn as one."
    return _grouped(graph, lambda node: _beginning(node.name, words), note, levels)


def _grouped(
    graph: Graph, name: Callable[[Node], str], note: str, levels: Mapping[str, int] | None = None
) -> Collapsed:
    """Put together nodes of a kind, a name and a level; runs, those between the same data sets."""
    level = levels or {}
    ends = [node for node in graph.nodes if node.kind not in ("column", "run")]
    stands = {node.id: f"{node.kind}={name(node)}={level.get(node.id, '')}" for node in ends}
    sources: dict[str, set[str]] = defaultdict(set)
    targets: dict[str, set[str]] = defaultdict(set)
    for edge in graph.edges:
        if edge.kind == "reads":
            sources[edge.target].add(stands[edge.source])
        elif edge.kind == "writes":
            targets[edge.source].add(stands[edge.target])
    for node in graph.nodes:
        if node.kind == "run":
            stands[node.id] = repr((name(node), sorted(sources[node.id]), sorted(targets[node.id])))
        elif node.kind == "column":
            stands[node.id] = stands[node.parent]
    return _together(graph, stands, name, note)


def _by_level(graph: Graph, most: int, levels: Mapping[str, int]) -> Collapsed:
    """Put together nodes of a kind that lie equally far from the sources, in at most so many steps."""
    deepest = max(levels.values(), default=0) + 1
    steps = {id: level * min(most, deepest) // deepest for id, level in levels.items()}
    stands = {n.id: f"{n.kind} {steps[n.id]}" for n in graph.nodes if n.kind != "column"}
    stands |= {n.id: stands[n.parent] for n in graph.nodes if n.kind == "column"}
    note = "What is of one kind and equally far from the sources is drawn as one."
    return _together(graph, stands, lambda node: node.name, note)


def _levels(graph: Graph) -> dict[str, int]:
    from casemate.lineage.drawing.layers import layers

    ids = [node.id for node in graph.nodes]
    place = {id: position for position, id in enumerate(ids)}
    edges = {(place[e.source], place[e.target]) for e in graph.edges if e.kind not in COLUMN_FLOWS}
    return dict(zip(ids, layers(len(ids), sorted(edges)), strict=True))


def _together(graph: Graph, stands: Mapping[str, str], name: Callable[[Node], str], note: str) -> Collapsed:
    members: dict[str, list[Node]] = defaultdict(list)
    for node in graph.nodes:
        if node.kind != "column":
            members[stands[node.id]].append(node)
    columns = Counter(stands[node.id] for node in graph.nodes if node.kind == "column")
    nodes = tuple(_one(id, some, name(some[0]), columns[id]) for id, some in members.items())
    drawn = sum(len(some) for some in members.values())
    notes = (
        f"{drawn:,} data sets, runs and others, and {columns.total():,} columns, are drawn as {len(nodes):,}.",
        note,
    )
    return Collapsed(nodes, stands, notes)


def _one(id: str, members: list[Node], name: str, columns: int) -> Node:
    first = members[0]
    facts = {"columns": f"{columns:,}"} if columns else {}
    if len(members) == 1:
        return replace(first, id=id, facts={**first.facts, **facts})
    many = NOUNS[first.kind][1]
    names = sorted({member.name for member in members})
    shown = ", ".join(names[:8]) + (f" and {len(names) - 8:,} more" if len(names) > 8 else "")
    title = name if len({name, *names}) == 1 else f"{name} … ({len(members):,} {many})"
    what = f"{len(members):,} {many}: {shown}" if len(names) > 1 else f"{len(members):,} {many}"
    return Node(id, first.kind, title, facts={"put together": what, **facts})


def _words(name: str) -> list[str]:
    return [word for word in re.split(r"[/\\.:_\-\s]+", name) if word] or [name]


def _beginning(name: str, words: int) -> str:
    """The first words of a name, as they are written in it; the whole name where it has no more."""
    ends = [found.start() for found in re.finditer(r"[/\\.:_\-\s]+", name) if found.start() > 0]
    return name[: ends[words - 1]] if len(ends) >= words else name


def drawn_edges(graph: Graph, collapsed: Collapsed) -> list[tuple[str, str, Edge]]:
    """Return the edges with the ids of the drawn nodes that they join; those within one are left out."""
    pairs = ((collapsed.stands[edge.source], collapsed.stands[edge.target], edge) for edge in graph.edges)
    return [(source, target, edge) for source, target, edge in pairs if source != target]
