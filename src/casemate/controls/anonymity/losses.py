"""What grouping costs: how much detail the published values lose.

The normalised certainty penalty (Xu et al., KDD 2006) is, for a row and a column, the share of the column's domain that
its published value covers beyond one value: 0 for a raw value, 1 for the whole domain; a row that is not published
loses everything. A table's loss is the mean over its rows and columns.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from casemate.controls.anonymity.grouping import Grouping
from casemate.controls.anonymity.taxonomies import Taxonomies, Tree
from casemate.core.errors import ShapeMismatch

Losses = NDArray[np.float64]


def ncp_range(codes: NDArray[np.integer], grouping: Grouping) -> Losses:
    """Return each column's loss where a group is published as its range of codes, (d,) in [0, 1].

    Args:
        codes: the raw quasi-identifiers, (n, d).
        grouping: the groups of the same rows.
    """
    low, high = group_bounds(codes, grouping)
    span = codes.max(axis=0).astype(np.int64) - codes.min(axis=0)
    return _mean((high - low) / np.maximum(span, 1), grouping)


def ncp_set(codes: NDArray[np.integer], grouping: Grouping) -> Losses:
    """Return each column's loss where a group is published as the set of its codes, (d,) in [0, 1]; see `ncp_range`."""
    rows = grouping.ids >= 0
    ids, losses = grouping.ids[rows].astype(np.int64), []
    for j in range(codes.shape[1]):
        _, column = np.unique(codes[:, j], return_inverse=True)
        values = int(column.max()) + 1
        cells = np.unique(ids * values + column[rows])
        held = np.bincount(cells // values, minlength=grouping.count)
        losses.append((held - 1) / max(values - 1, 1))
    return _mean(np.stack(losses, axis=1), grouping)


def ncp_hierarchy(codes: NDArray[np.integer], grouping: Grouping, trees: Sequence[Tree | None]) -> Losses:
    """Return each column's loss where a group is published as the lowest node that covers it, (d,) in [0, 1].

    Args:
        codes, grouping: as for `ncp_range`.
        trees: the taxonomy of each column (see `taxonomies.Tree`); None: its range.
    """
    low, high = group_bounds(codes, grouping)
    taxonomies = Taxonomies.pack(trees, codes.shape[1])
    losses = (high - low) / np.maximum(codes.max(axis=0).astype(np.int64) - codes.min(axis=0), 1)
    for j, tree in enumerate(trees):
        if tree is not None:
            losses[:, j] = taxonomies.extent(j, low[:, j], high[:, j]) / max(np.asarray(tree).shape[1] - 1, 1)
    return _mean(losses, grouping)


def discernibility(grouping: Grouping) -> int:
    """Return for how many ordered pairs the two rows cannot be told apart (Bayardo & Agrawal, ICDE 2005).

    A group of m rows costs m squared, a row that is not published costs n.
    """
    return int((grouping.sizes**2).sum()) + grouping.suppressed * len(grouping)


def average_size(grouping: Grouping) -> float:
    """Return the mean rows of a group; 0 where nothing is published."""
    return float(grouping.sizes.sum() / grouping.count) if grouping.count else 0.0


def group_bounds(codes: NDArray[np.integer], grouping: Grouping) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the least and the greatest code of each group in each column, (groups, d) each.

    Raises:
        ShapeMismatch: codes and groups of different rows, or a group without rows.
    """
    if len(codes) != len(grouping) or codes.ndim != 2:
        raise ShapeMismatch(f"groups of {len(grouping)} rows, but codes of shape {codes.shape}")
    if grouping.count == 0:
        nothing = np.zeros((0, codes.shape[1]), np.int64)
        return nothing, nothing
    if not grouping.sizes.all():
        raise ShapeMismatch(f"group {int(np.flatnonzero(grouping.sizes == 0)[0])} has no rows")
    order = np.argsort(grouping.ids, kind="stable")[grouping.suppressed :]
    ranked, first = codes[order], np.cumsum(grouping.sizes) - grouping.sizes
    low, high = np.minimum.reduceat(ranked, first, axis=0), np.maximum.reduceat(ranked, first, axis=0)
    return low.astype(np.int64), high.astype(np.int64)


def _mean(losses: NDArray[np.float64], grouping: Grouping) -> Losses:
    """Return the mean over all rows of what their groups lose, by column."""
    total = (losses * grouping.sizes[:, None]).sum(axis=0) + grouping.suppressed
    return np.asarray(total / max(len(grouping), 1))
