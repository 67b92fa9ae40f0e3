"""casemate lineage show: the way of data from sources to consumers."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from casemate.cli.lineage import Store
from casemate.cli.lineage.opened import opened
from casemate.cli.lineage.written import Outputs, parse, write
from casemate.cli.table import show_table

if TYPE_CHECKING:
    from casemate.lineage.graph import Graph, Node

HIDDEN = ("column", "run", "purpose")


def command(name: str | None = None, /, *, output: Outputs = None, store: Store = None) -> int:
    """Show the way of data from sources to consumers, in text or as a page.

    Args:
        name: Show only what this came from and what it touched: a data set, column, model, deployment or consumer.
        output: Write it too: html=PATH a page, json=PATH nodes and edges; may be repeated.
        store: The lineage store. Default: that of CASEMATE_LINEAGE, else .casemate/lineage.db.
    """
    wanted = parse(output)
    with opened(store) as lineage:
        if name is None:
            graph, title, focus = lineage.graph(), "Lineage", None
        else:
            roots = lineage.find(name)
            numbers = [thing.number for thing in roots]
            graph = lineage.graph(lineage.provenance(*numbers), lineage.blast_radius(*numbers))
            title, focus = f"Lineage of {name}", f"{roots[-1].kind}:{roots[-1].number}"
        show_table(["layer", "kind", "name", "made by", "from"], layered(graph))
        write(wanted, graph, title, focus)
    return 0


def layered(graph: Graph) -> list[list[str]]:
    """Return a row for every data set, model, deployment and consumer: each after what it came from."""
    made, sources = _origins(graph)
    layers = _layers([node.id for node in graph.nodes if node.kind not in HIDDEN], sources)
    rows = []
    for layer, id in sorted((layer, id) for id, layer in layers.items()):
        node = graph.by_id[id]
        origin = ", ".join(dict.fromkeys(_called(graph.by_id[source]) for source in sources.get(id, ())))
        rows.append([str(layer), node.kind, _called(node), ", ".join(dict.fromkeys(made.get(id, ()))), origin])
    return rows


def _origins(graph: Graph) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """The jobs that made each node, and what it came from, by its id."""
    made: dict[str, list[str]] = defaultdict(list)
    sources: dict[str, list[str]] = defaultdict(list)
    read: dict[str, list[str]] = defaultdict(list)
    for edge in graph.edges:
        if edge.kind == "reads":
            read[edge.target].append(edge.source)
    for edge in graph.edges:
        if edge.kind == "writes":
            made[edge.target].append(graph.by_id[edge.source].name)
            sources[edge.target] += [source for source in read[edge.source] if source != edge.target]
        elif edge.kind in ("deploys", "serves"):
            made[edge.target].append(edge.transformation)
            sources[edge.target].append(edge.source)
    return made, sources


def _layers(ids: list[str], sources: dict[str, list[str]]) -> dict[str, int]:
    """The layer of each node: one more than the last of its sources; circles are cut where they close."""
    layers: dict[str, int] = {}
    for start in ids:
        stack = [(start, iter(sources.get(start, ())))]
        open_ = {start}
        while stack:
            id, waiting = stack[-1]
            source = next(waiting, None)
            if source is None:
                done = [layers[one] for one in sources.get(id, ()) if one in layers]
                layers[id] = max(done, default=-1) + 1
                open_.discard(id)
                stack.pop()
            elif source not in layers and source not in open_:
                open_.add(source)
                stack.append((source, iter(sources.get(source, ()))))
    return {id: layers[id] for id in ids}


def _called(node: Node) -> str:
    version = node.facts.get("version", "")
    return f"{node.name}@{version[:12]}" if version else node.name
