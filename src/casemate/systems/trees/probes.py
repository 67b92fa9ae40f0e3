"""Rows that put every comparison of an ensemble to the test.

For each split node a row is built that reaches it, and is then given, in the tested feature, the threshold and its two
neighbours in the model's own float width. One such row per node exercises every comparison; rows taken from the data
alone would leave most nodes unvisited.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from casemate.core.trees import LEAF, TreeEnsemble


@dataclass(frozen=True, eq=False)
class Probes:
    """Rows (m, d) to ask both models, each with the feature (m,) and threshold (m,) that it probes."""

    rows: NDArray[np.float64]
    feature: NDArray[np.int32]
    threshold: NDArray[np.float64]


def neighbours(trees: TreeEnsemble, thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each threshold (m,) rounded to the model's float width, one ulp below and one ulp above: (m, 3)."""
    with np.errstate(over="ignore"):
        near = thresholds.astype(trees.precision)
        around = np.stack((near, *(np.nextafter(near, near.dtype.type(end)) for end in (-np.inf, np.inf))), axis=1)
    return around.astype(np.float64)


def at_base_points(trees: TreeEnsemble, rows: NDArray[np.float64], missing: bool) -> Iterator[Probes]:
    """Every distinct threshold of every feature, on every base row (m, d)."""
    for feature in range(trees.n_features):
        thresholds = trees.thresholds(feature)
        features = np.full(len(thresholds), feature, np.int32)
        for row in rows if len(thresholds) else ():
            yield _probe(trees, np.tile(row, (len(thresholds), 1)), features, thresholds, missing)


def at_nodes(trees: TreeEnsemble, base: NDArray[np.float64], missing: bool, limit: int | None) -> Iterator[Probes]:
    """Every split node that some input reaches, on the row nearest to the base row (d,) that reaches it.

    With a limit, about so many of the nodes, evenly spaced over all trees.
    """
    inner = trees.feature != LEAF
    if limit is not None:
        inner &= np.cumsum(inner) % max(1, -(-int(inner.sum()) // limit)) == 0
    ends = np.append(trees.roots[1:], trees.n_nodes)
    for root, end in zip(trees.roots, ends, strict=True):
        nodes = np.arange(root, end)
        if not inner[nodes].any():
            continue
        rows, reached = _witnesses(trees, int(root), int(end), base, missing)
        keep = reached & inner[nodes]
        if keep.any():
            yield _probe(trees, rows[keep], trees.feature[nodes[keep]], trees.threshold[nodes[keep]], missing)


def _probe(
    trees: TreeEnsemble,
    rows: NDArray[np.float64],
    features: NDArray[np.int32],
    thresholds: NDArray[np.float64],
    missing: bool,
) -> Probes:
    """The rows with each neighbour of their threshold in place, and NaN too if missing values are probed."""
    values = neighbours(trees, thresholds)
    if missing:
        values = np.hstack((values, np.full((len(values), 1), np.nan)))
    width = values.shape[1]
    copies = np.repeat(rows, width, axis=0)
    copies[np.arange(len(copies)), np.repeat(features, width)] = values.ravel()
    usable = np.isfinite(values.ravel()) | np.isnan(values.ravel())  # several libraries refuse infinity
    return Probes(copies[usable], np.repeat(features, width)[usable], np.repeat(thresholds, width)[usable])


def _witnesses(
    trees: TreeEnsemble, root: int, end: int, base: NDArray[np.float64], missing: bool
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """For each node of one tree, a row (n, d) that reaches it and whether there is one.

    The numbers that follow a path form an interval per feature; the row is the base row clipped into it. Where no
    number follows the path but NaN does, the row holds NaN.
    """
    shape = (end - root, trees.n_features)
    greatest = float(np.finfo(trees.precision).max)
    low, high, nan = np.full(shape, -greatest), np.full(shape, greatest), np.full(shape, missing)
    last_left, first_right = trees.edges(trees.threshold[root:end])
    for node in np.flatnonzero(trees.feature[root:end] != LEAF):  # parents come before children
        feature = trees.feature[root + node]
        for child, goes_left in ((trees.left[root + node] - root, True), (trees.right[root + node] - root, False)):
            low[child], high[child], nan[child] = low[node], high[node], nan[node]
            nan[child, feature] &= trees.missing_left[root + node] == goes_left
            if goes_left:
                high[child, feature] = np.fmin(high[child, feature], _or(last_left[node], -np.inf))
            else:
                low[child, feature] = np.fmax(low[child, feature], _or(first_right[node], np.inf))
    empty = low > high
    rows = np.where(empty, np.nan, np.clip(base, low, np.maximum(low, high)))
    return rows, (~empty | nan).all(axis=1)


def _or(value: float, otherwise: float) -> float:
    """The value, or the other one where it is NaN (no number goes to that side)."""
    return otherwise if np.isnan(value) else value
