"""Steps: the edges of a run gathered into what was done, so that one line of the drawing and one panel tell of each."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from casemate.lineage.graph import COLUMN_FLOWS, Edge, FlowKind

Ends = tuple[str, str, Edge]
"""An edge, and the ids of the drawn nodes that it joins."""

ORDER = {"direct": 0, "opaque": 1, "indirect": 2}


@dataclass(frozen=True)
class Step:
    """One thing that a run did to columns: every source went into every target.

    Args:
        anchor: the id of its panel on the page.
        run: the drawn node of the run; empty for columns joined without one, and for flows between other things.
        kind, transformation, why, masking: as of its edges.
        sources, targets: ids of drawn nodes, in the order of the edges. No target where the run dropped the sources.
        edges: the edges that it stands for.
    """

    anchor: str
    run: str
    kind: FlowKind
    transformation: str
    why: str
    masking: bool
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    edges: tuple[Edge, ...]

    @property
    def name(self) -> str:
        """What was done; what kind of edge it is where nobody said."""
        return self.transformation or self.kind


def column_steps(ends: Iterable[Ends], stands: Mapping[str, str], *, coarse: bool = False) -> dict[str, list[Step]]:
    """Return the steps of each drawn run, by its id, and under "" those between columns without a run.

    Edges that agree in all but their ends are put together where every source goes to every target, so that an opaque
    function of 20 columns is one step and not 400.

    Args:
        ends: edges; those of other kinds are passed over.
        stands: for every node the drawn one that stands for it.
        coarse: whether transformations and reasons may differ within a step.
    """
    alike: dict[tuple[str, FlowKind, str, str, bool], dict[str, dict[str, list[Edge]]]] = defaultdict(dict)
    for source, target, edge in ends:
        if edge.kind in COLUMN_FLOWS:
            run = stands[edge.run] if edge.run else ""
            same = ("", "", False) if coarse else (edge.transformation, edge.why, edge.masking)
            into = alike[(run, edge.kind, *same)]
            into.setdefault("" if target == run else target, {}).setdefault(source, []).append(edge)
    found: dict[str, list[Step]] = defaultdict(list)
    number = 0
    for (run, kind, *_), targets in alike.items():
        for together in _same_sources(targets):
            sources = tuple(targets[together[0]])
            edges = tuple(edge for target in together for some in targets[target].values() for edge in some)
            real = tuple(target for target in together if target)
            number += 1
            found[run].append(_step(f"s{number}", run, kind, sources, real, edges))
    return found


def _step(
    anchor: str, run: str, kind: FlowKind, sources: tuple[str, ...], targets: tuple[str, ...], edges: tuple[Edge, ...]
) -> Step:
    transformations = _several([edge.transformation for edge in edges])
    whys = _several([edge.why for edge in edges])
    return Step(anchor, run, kind, transformations, whys, all(e.masking for e in edges), sources, targets, edges)


def _several(texts: list[str]) -> str:
    """Texts that differ, the most frequent first, and how many there are beyond three."""
    found = [text for text, _ in Counter(filter(None, texts)).most_common()]
    return ", ".join(found[:3]) + (f" and {len(found) - 3:,} more" if len(found) > 3 else "")


def _same_sources(targets: Mapping[str, Mapping[str, object]]) -> list[list[str]]:
    """Targets that have the same sources; a drop, which has none, stays by itself."""
    alike: dict[tuple[frozenset[str], bool], list[str]] = defaultdict(list)
    for target, sources in targets.items():
        alike[frozenset(sources), not target].append(target)
    return list(alike.values())


def flow_steps(ends: Iterable[Ends]) -> list[Step]:
    """Return the flows between things that are no columns, those between the same two and of one kind put together."""
    alike: dict[tuple[str, str, FlowKind], list[Edge]] = defaultdict(list)
    for source, target, edge in ends:
        if edge.kind not in COLUMN_FLOWS:
            alike[source, target, edge.kind].append(edge)
    return [
        _step(f"f{number}", "", kind, (source,), (target,), tuple(edges))
        for number, ((source, target, kind), edges) in enumerate(alike.items())
    ]
