"""Middles: groups of rows published as one value per column, the mean, the median or the most frequent one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from casemate.controls.anonymity.coding import Coded
from casemate.controls.anonymity.domains import Domain
from casemate.controls.anonymity.grouping import Grouping
from casemate.controls.anonymity.rendering import Rendered

if TYPE_CHECKING:
    import polars

Middle = Literal["mean", "median"]


def render_middles(grouping: Grouping, coded: Coded, table: polars.DataFrame, middle: Middle = "mean") -> Rendered:
    """Return what is published of rows in groups: columns of the same types as before, equal within each group.

    Numbers become their mean (whole numbers its nearest whole number) or lower median, dates and words in an order
    their lower median, other words the most frequent one, the first in the domain of equally frequent ones. Missing
    values do not count, unless all of a group's are missing or the missing one is the most frequent word.

    There are no meanings: nobody is told how far from its middle a group reaches.

    Args:
        grouping: groups of all rows or of some.
        coded: the columns as codes.
        table: the columns as they are.
    """
    rows = np.flatnonzero(grouping.ids >= 0)
    order = rows[np.argsort(grouping.ids[rows], kind="stable")]
    starts = np.searchsorted(grouping.ids[order], np.arange(grouping.count))
    ids = grouping.ids[rows]
    columns = {}
    for j, domain in enumerate(coded.domains):
        codes, column = coded.codes[:, j].astype(np.int64), table[domain.name]
        if domain.ordinal and domain.kind == "number" and middle == "mean":
            of_group = _means(column, order, starts)
        else:
            picked = _medians(codes, order, starts, domain) if domain.ordinal else _modes(codes, order, starts, domain)
            of_group = column.gather(picked)
        columns[domain.name] = of_group.gather(ids).alias(domain.name)
    return Rendered(rows, columns, {})


def _means(column: polars.Series, order: NDArray[np.int64], starts: NDArray[np.int64]) -> polars.Series:
    import polars as pl

    values = column.cast(pl.Float64).fill_null(float("nan")).to_numpy()[order]
    known = ~np.isnan(values)
    counts = np.add.reduceat(known.astype(np.int64), starts)
    sums = np.add.reduceat(np.where(known, values, 0.0), starts)
    means = pl.Series(column.name, sums / np.maximum(counts, 1)).zip_with(
        pl.Series(counts > 0), pl.Series(column.name, [None], dtype=pl.Float64)
    )
    return means.round(0).cast(column.dtype) if column.dtype.is_integer() else means.cast(column.dtype)


def _medians(
    codes: NDArray[np.int64], order: NDArray[np.int64], starts: NDArray[np.int64], domain: Domain
) -> NDArray[np.int64]:
    """Return for each group a row that holds its lower median."""
    sizes = np.diff(np.append(starts, len(order)))
    group = np.repeat(np.arange(len(starts)), sizes)
    ascending = order[np.lexsort((codes[order], group))]
    known = np.add.reduceat((codes[order] < domain.bins).astype(np.int64), starts)
    return np.asarray(ascending[starts + np.maximum(known - 1, 0) // 2])


def _modes(
    codes: NDArray[np.int64], order: NDArray[np.int64], starts: NDArray[np.int64], domain: Domain
) -> NDArray[np.int64]:
    """Return for each group a row that holds its most frequent value."""
    sizes = np.diff(np.append(starts, len(order)))
    group = np.repeat(np.arange(len(starts)), sizes)
    kinds, first, counts = np.unique(group * domain.size + codes[order], return_index=True, return_counts=True)
    best = np.lexsort((kinds, -counts, kinds // domain.size))
    heads = np.flatnonzero(np.diff((kinds // domain.size)[best], prepend=-1))
    return np.asarray(order[first[best[heads]]])
