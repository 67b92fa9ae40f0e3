"""Placing: how far down each box of a layer stands, so that lines run as level as the order of the boxes allows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import repeat

ROUNDS = 8


@dataclass(frozen=True)
class Pull:
    """Two vertices of neighbouring layers that want to be level.

    Args:
        source, target: the vertices.
        offset: how far the target's top should stand below the source's top, in pixels.
        weight: how much.
    """

    source: int
    target: int
    offset: float
    weight: float


def placed(rows: Sequence[Sequence[int]], heights: Sequence[float], pulls: Sequence[Pull], gap: float) -> list[float]:
    """Return the top of each vertex in pixels, the least being 0; those of a layer never overlap.

    Each layer in turn takes the places that are nearest, in least squares, to where its neighbours pull it, given their
    order: a weighted isotonic regression, solved exactly by pooling adjacent violators.

    Source: Best & Chakravarti, Mathematical Programming 47, 1990.

    Args:
        rows: the vertices of each layer from top to bottom.
        heights: of each vertex, in pixels.
        pulls: see `Pull`.
        gap: least space between two vertices, in pixels.
    """
    top = [0.0] * len(heights)
    for row in rows:
        _stack(row, heights, gap, top)
    left: dict[int, list[tuple[int, float, float]]] = defaultdict(list)
    right: dict[int, list[tuple[int, float, float]]] = defaultdict(list)
    for pull in pulls:
        left[pull.target].append((pull.source, pull.offset, pull.weight))
        right[pull.source].append((pull.target, -pull.offset, pull.weight))
    for turn in range(ROUNDS):
        last = turn >= ROUNDS - 2
        for row in rows if turn % 2 == 0 else reversed(rows):
            sides = (left, right) if last else (left,) if turn % 2 == 0 else (right,)
            _settle(row, heights, gap, top, sides)
    least = min(top, default=0.0)
    return [place - least for place in top]


def _stack(row: Sequence[int], heights: Sequence[float], gap: float, top: list[float]) -> None:
    place = -sum(heights[vertex] + gap for vertex in row) / 2
    for vertex in row:
        top[vertex] = place
        place += heights[vertex] + gap


def _settle(
    row: Sequence[int],
    heights: Sequence[float],
    gap: float,
    top: list[float],
    sides: Sequence[dict[int, list[tuple[int, float, float]]]],
) -> None:
    """Move one layer to where the given sides pull it; a vertex that nothing pulls leans on its neighbours."""
    wishes, weights, below = [], [], 0.0
    for vertex in row:
        pulled = [pull for side in sides for pull in side.get(vertex, ())]
        weight = sum(pull[2] for pull in pulled)
        wish = sum((top[other] + offset) * w for other, offset, w in pulled) / weight if weight else top[vertex]
        wishes.append(wish - below)
        weights.append(weight or 1e-3)
        below += heights[vertex] + gap
    below = 0.0
    for vertex, place in zip(row, isotonic(wishes, weights), strict=True):
        top[vertex] = place + below
        below += heights[vertex] + gap


def isotonic(values: Sequence[float], weights: Sequence[float]) -> list[float]:
    """Return the ascending numbers that are nearest to the given ones in weighted least squares."""
    blocks: list[tuple[float, float, int]] = []
    for single in zip(values, weights, repeat(1)):
        block = single
        while blocks and blocks[-1][0] >= block[0]:
            (mean, heavy, many), (value, weight, count) = blocks.pop(), block
            block = (value * weight + mean * heavy) / (weight + heavy), weight + heavy, count + many
        blocks.append(block)
    return [mean for mean, _, count in blocks for _ in range(count)]
