"""Sample: some rows of a large release to attack in its stead: whole groups of rows that look alike, drawn at random.

Whole groups, since half a group would look as if it kept its promise less well than it does. With fewer groups around
them people are easier to find than in the whole release, not harder, so that a gate errs on the safe side.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import polars


def keep_classes(table: polars.DataFrame, columns: Sequence[str], most: int) -> np.ndarray | None:
    """Return the published rows that belong to the sample, ascending; None for all of them.

    Args:
        table: the published rows, in the order in which they are published, which is a random one.
        columns: what makes rows look alike; without any, every row stands for itself.
        most: rows of the sample. A class that is larger than that comes as a whole all the same.
    """
    import polars as pl

    if table.height <= most:
        return None
    if not columns:
        return np.arange(most)
    numbered = table.select(columns).with_row_index("place" + "_" * max(map(len, columns)))
    first = numbered.select(pl.nth(0).first().over(columns)).to_series().to_numpy()
    classes = np.unique(first, return_inverse=True)[1]
    return np.flatnonzero(chosen(classes, np.bincount(classes), most)[classes])


def chosen(classes: np.ndarray, sizes: np.ndarray, most: int) -> np.ndarray:
    """Return which classes belong to the sample, (c,) bool.

    Classes are taken in the order in which their first rows are published, as long as they fit.

    Args:
        classes: the class of the first rows that are published, in order; as many as ``most`` are enough.
        sizes: rows of every class, (c,).
    """
    found, first = np.unique(classes[:most], return_index=True)
    in_order = found[np.argsort(first)]
    total = np.cumsum(sizes[in_order])
    taken = in_order[: max(1, int(np.searchsorted(total, most, side="right")))]
    kept = np.zeros(len(sizes), dtype=bool)
    kept[taken] = True
    return kept
