"""Microaggregation: groups of k rows that lie close together, published as their middle.

Source: MDAV, Domingo-Ferrer & Mateo-Sanz, TKDE 14(1) 2002, and Domingo-Ferrer & Torra, DMKD 11 2005 (with unordered
columns). Its time grows with the square of the rows, so that a large table is first cut into blocks by Mondrian.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from casemate.controls.anonymity.coding import Coded
from casemate.controls.anonymity.grouping import Grouping, Guarantee, check_rows
from casemate.controls.anonymity.mondrian import mondrian

BLOCK = 2_000
"""Rows of a block, at least, where a table is cut into blocks before."""


@dataclass(frozen=True, eq=False)
class Space:
    """Rows as points.

    Args:
        ordered: ordered columns, each in units of its spread times its weight, (n, a) float64.
        words: unordered columns as codes, (n, b).
        weights: how far apart two different words of a column are, squared, (b,).
    """

    ordered: NDArray[np.float64]
    words: NDArray[np.integer]
    weights: NDArray[np.float64]

    def distances(
        self, rows: NDArray[np.int64], point: NDArray[np.float64], words: NDArray[np.integer]
    ) -> NDArray[np.float64]:
        """Return the squared distance of rows (m,) to a point, (m,)."""
        far = np.zeros(len(rows))
        for column, middle in zip(self.ordered.T, point, strict=True):
            far += (column[rows] - middle) ** 2
        for column, word, weight in zip(self.words.T, words, self.weights, strict=True):
            far += weight * (column[rows] != word)
        return far

    def middle(self, rows: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.integer]]:
        """Return the mean of the ordered columns and the most frequent words of rows (m,)."""
        common = [np.bincount(column[rows]).argmax() for column in self.words.T]
        return self.ordered[rows].mean(axis=0), np.array(common, dtype=self.words.dtype)


def mdav(coded: Coded, k: int, *, block: int = BLOCK) -> Grouping:
    """Group rows that lie close together, k to 2 k - 1 in each group.

    Distances are Euclidean over columns in units of their standard deviation; two different words are as far apart as
    two values of a number that differ by twice its standard deviation, squared distance 2. A missing value
    counts as the highest one. Where there are more than twice ``block`` rows, Mondrian cuts them into blocks of at
    least ``block`` rows first, and groups stay within blocks.

    Raises:
        EmptyData, DataError: no rows, or fewer than k.
    """
    n = len(coded.codes)
    check_rows(n, Guarantee(k))
    space = _space(coded)
    ids = np.full(n, -1, dtype=np.int32)
    count = 0
    for rows in _blocks(coded, max(block, 2 * k)):
        for group in _groups(space, rows, k):
            ids[group] = count
            count += 1
    return Grouping(ids, count)


def _space(coded: Coded) -> Space:
    ordered = np.flatnonzero(coded.ordinal)
    words = np.flatnonzero(~coded.ordinal)
    points = np.empty((len(coded.codes), len(ordered)))
    for place, j in enumerate(ordered):
        values = _magnitudes(coded, int(j))
        spread = float(values.std())
        points[:, place] = (values - values.mean()) / spread * coded.weights[j] ** 0.5 if spread > 0 else 0.0
    return Space(points, np.ascontiguousarray(coded.codes[:, words]), 2.0 * coded.weights[words])


def _magnitudes(coded: Coded, j: int) -> NDArray[np.float64]:
    """Return how large each row's value is: numbers themselves, other ordered values by their place."""
    domain, codes = coded.domains[j], coded.codes[:, j].astype(np.int64)
    if domain.kind != "number" or not np.isfinite(domain.values).all() or not len(domain.values):
        return codes.astype(np.float64)
    return np.asarray(np.append(domain.values, domain.values[-1])[domain.ends(codes, last=False)], dtype=np.float64)


def _blocks(coded: Coded, block: int) -> Iterator[NDArray[np.int64]]:
    if len(coded.codes) <= 2 * block:
        yield np.arange(len(coded.codes))
        return
    cut = mondrian(coded.codes, Guarantee(block), weights=coded.weights)
    order = np.argsort(cut.ids, kind="stable")
    yield from np.split(order, np.cumsum(cut.sizes)[:-1])


def _groups(space: Space, rows: NDArray[np.int64], k: int) -> Iterator[NDArray[np.int64]]:
    """Take the k rows around the row farthest from the middle, then those around the row farthest from that one."""
    left = rows
    while len(left) >= 3 * k:
        point, words = space.middle(left)
        far = left[space.distances(left, point, words).argmax()]
        apart = space.distances(left, space.ordered[far], space.words[far])
        other = left[apart.argmax()]
        near = _nearest(apart, k)
        yield left[near]
        left = np.delete(left, near)
        near = _nearest(space.distances(left, space.ordered[other], space.words[other]), k)
        yield left[near]
        left = np.delete(left, near)
    if len(left) >= 2 * k:
        point, words = space.middle(left)
        far = left[space.distances(left, point, words).argmax()]
        near = _nearest(space.distances(left, space.ordered[far], space.words[far]), k)
        yield left[near]
        left = np.delete(left, near)
    yield left


def _nearest(distances: NDArray[np.float64], k: int) -> NDArray[np.int64]:
    """Return the places of the k smallest, ties by place: the same on every machine."""
    limit = np.partition(distances, k - 1)[k - 1]
    below = np.flatnonzero(distances < limit)
    return np.concatenate([below, np.flatnonzero(distances == limit)[: k - len(below)]])
