"""Ordering: which box stands above which in a layer, so that few lines cross."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

SWEEPS = 16
PATIENCE = 4
EFFORT = 60_000
"""Sweeps at most, sweeps without fewer crossings after which to stop, and segments looked at in all sweeps together."""


@dataclass(frozen=True)
class Segment:
    """Lines from one layer to the next: vertices, where they meet them (0 top to 1 bottom), and how many there are."""

    source: int
    source_at: float
    target: int
    target_at: float
    weight: int = 1


def ordered(rows: Sequence[Sequence[int]], segments: Sequence[Sequence[Segment]]) -> list[list[int]]:
    """Return the vertices of each layer from top to bottom.

    Barycentres of the neighbours, layer by layer to the right and back, and swaps of neighbours that save crossings;
    the order with the fewest crossings is kept.

    Source: Gansner, Koutsofios, North & Vo, IEEE Transactions on Software Engineering 19(3), 1993.

    Args:
        rows: the vertices of each layer in some order.
        segments: those between each layer and the next; one fewer than layers.
    """
    present = [list(row) for row in rows]
    best, fewest, idle = [list(row) for row in present], crossings(present, segments), 0
    for sweep in range(min(SWEEPS, max(EFFORT // (sum(map(len, segments)) + 1), 2))):
        if not fewest or idle == PATIENCE:
            break
        _swept(present, segments, rightwards=sweep % 2 == 0)
        _swapped(present, segments)
        found = crossings(present, segments)
        idle += 1
        if found < fewest:
            best, fewest, idle = [list(row) for row in present], found, 0
    return best


def crossings(rows: Sequence[Sequence[int]], segments: Sequence[Sequence[Segment]]) -> int:
    """Return how many pairs of lines cross.

    Source: Barth, Jünger & Mutzel, Journal of Graph Algorithms and Applications 8(2), 2004.
    """
    place = _places(rows)
    return sum(_crossings_between(place, between) for between in segments)


def _crossings_between(place: dict[int, int], between: Sequence[Segment]) -> int:
    ends = sorted((place[s.source] + s.source_at, place[s.target] + s.target_at, s.weight) for s in between)
    rank = {spot: index for index, spot in enumerate(sorted({spot for _, spot, _ in ends}), start=1)}
    tree = [0] * (len(rank) + 1)  # a Fenwick tree of how many lines have ended up to each spot
    total = seen = start = 0
    while start < len(ends):
        stop = start  # lines from one spot do not cross each other
        while stop < len(ends) and ends[stop][0] == ends[start][0]:
            index, below = rank[ends[stop][1]], 0
            while index:
                below += tree[index]
                index &= index - 1
            total += ends[stop][2] * (seen - below)
            stop += 1
        for _, spot, weight in ends[start:stop]:
            seen += weight
            index = rank[spot]
            while index < len(tree):
                tree[index] += weight
                index += index & -index
        start = stop
    return total


def _places(rows: Sequence[Sequence[int]]) -> dict[int, int]:
    return {vertex: position for row in rows for position, vertex in enumerate(row)}


def _swept(rows: list[list[int]], segments: Sequence[Sequence[Segment]], *, rightwards: bool) -> None:
    """Sort every layer by where its neighbours in the layer before it stand, in place."""
    layers = range(1, len(rows)) if rightwards else range(len(rows) - 2, -1, -1)
    for layer in layers:
        place = _places([rows[layer - 1 if rightwards else layer + 1]])
        sums: dict[int, list[float]] = {vertex: [0.0, 0.0] for vertex in rows[layer]}
        for segment in segments[layer - 1 if rightwards else layer]:
            own, other, at, own_at = (
                (segment.target, segment.source, segment.source_at, segment.target_at)
                if rightwards
                else (segment.source, segment.target, segment.target_at, segment.source_at)
            )
            sums[own][0] += segment.weight * (place[other] + at - own_at)
            sums[own][1] += segment.weight
        position = {vertex: float(index) for index, vertex in enumerate(rows[layer])}
        wished = {v: total / count if count else position[v] for v, (total, count) in sums.items()}
        rows[layer].sort(key=lambda vertex: (wished[vertex], position[vertex]))


def _swapped(rows: list[list[int]], segments: Sequence[Sequence[Segment]]) -> None:
    """Swap neighbours in a layer wherever that saves crossings, in place, once down each layer."""
    for layer, row in enumerate(rows):
        sides = []
        if layer:
            place = _places([rows[layer - 1]])
            sides.append(_spots([(s.target, place[s.source] + s.source_at) for s in segments[layer - 1]]))
        if layer + 1 < len(rows):
            place = _places([rows[layer + 1]])
            sides.append(_spots([(s.source, place[s.target] + s.target_at) for s in segments[layer]]))
        for i in range(len(row) - 1):
            above, below = row[i], row[i + 1]
            kept = sum(_crossed(side.get(above, []), side.get(below, [])) for side in sides)
            if kept and sum(_crossed(side.get(below, []), side.get(above, [])) for side in sides) < kept:
                row[i], row[i + 1] = below, above


def _spots(pairs: list[tuple[int, float]]) -> dict[int, list[float]]:
    found: dict[int, list[float]] = {}
    for vertex, spot in sorted(pairs):
        found.setdefault(vertex, []).append(spot)
    return found


def _crossed(above: list[float], below: list[float]) -> int:
    """How many lines cross of two vertices one above the other, given where their lines lead, ascending."""
    return sum(bisect_left(below, spot) for spot in above)
