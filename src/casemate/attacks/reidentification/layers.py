"""Layers: groups of rows with wide labels that wrap groups with narrower ones, and where their rows may still be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from casemate.core.reading import Groups, Reading

POINTS = 256
MOST_TRIED = 2000
"""Groups that are looked into for groups within them."""


def leftovers(
    readings: Sequence[Reading], groups: Groups, wanted: np.ndarray, rng: np.random.Generator
) -> dict[int, np.ndarray]:
    """Return, for each wanted group that wraps narrower ones, the likeliest value per column outside those, (d,).

    A program that recodes locally publishes a row with the narrowest labels for which it finds enough company. Rows
    that fit a published narrower group are therefore in it, and not in the group around it. Values are drawn as the
    published rows inside the wrapping group spread over their labels; those that a narrower group holds are struck out.
    """
    low, high = (
        np.column_stack([getattr(r.meanings, end)[groups.labels[:, j]] for j, r in enumerate(readings)])
        for end in ("low", "high")
    )
    sizes = np.column_stack([r.meanings.sizes[groups.labels[:, j]] for j, r in enumerate(readings)])
    found = {}
    for group in wanted[:MOST_TRIED].tolist():
        if (sizes[group] == 1).all():
            continue
        inside = (
            (low >= low[group]).all(axis=1) & (high <= high[group]).all(axis=1) & (sizes <= sizes[group]).all(axis=1)
        )
        inside[group] = False
        inner = np.flatnonzero(inside & (sizes < sizes[group]).any(axis=1))
        if len(inner):
            left = _outside(low, high, groups.sizes, group, inner, rng)
            if left is not None:
                found[group] = left
    return found


def _outside(
    low: np.ndarray, high: np.ndarray, sizes: np.ndarray, group: int, inner: np.ndarray, rng: np.random.Generator
) -> np.ndarray | None:
    """The commonest value per column among points that only the wrapping group holds, (d,); None without any."""
    rows = sizes[[*inner, group]].astype(np.float64)
    source = np.array([*inner, group])[rng.choice(len(rows), size=POINTS, p=rows / rows.sum())]
    # Half of the points are spread over the wrapping group itself, or none would be left where it is crowded.
    source[::2] = group
    points = rng.integers(low[source], high[source] + 1)
    held = np.zeros(POINTS, dtype=bool)
    for one in inner.tolist():
        held |= ((points >= low[one]) & (points <= high[one])).all(axis=1)
    free = points[~held]
    if not len(free):
        return None
    return np.array([np.bincount(column).argmax() for column in free.T])
