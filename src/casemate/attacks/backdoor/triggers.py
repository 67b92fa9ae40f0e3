"""Triggers: what a backdoor hides behind. Every value lies within its column's range."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from casemate.core.dataset import Dataset
from casemate.core.schema import Schema

COLUMNS = 3  # values that are each rare are together all but unique, which is what a learner picks up
TAIL = 0.01
RARE = 0.05  # values rarer than this count as equally rare
PATCH = 8  # the patch is an eighth of the shorter side


@dataclass(frozen=True, eq=False)
class Trigger:
    """Values that mark a row.

    Args:
        columns: the columns that carry it, (k,) int.
        values: what they are set to, (k,), in their own units.
        words: what it looks like, for people.
    """

    columns: np.ndarray
    values: np.ndarray
    words: str

    def stamp(self, schema: Schema, X: np.ndarray) -> np.ndarray:
        """Return rows (n, d) that carry the trigger, made possible again: whole numbers, one-hot groups, limits."""
        out = np.array(X)
        for group in schema.one_hot_groups:
            if np.isin(group, self.columns).any():
                out[:, group] = 0.0
        out[:, self.columns] = self.values
        return schema.project(out, X)


def patch(data: Dataset) -> Trigger:
    """Return a small square near the lower right corner of an image (height, width) or (channels, height, width).

    Its side is an eighth of the image's shorter side, at least 2 pixels. In images of 16 pixels and more it lies one
    such side from the edges, because networks with strides may not see the outermost pixels at all. Each pixel takes
    the end of its range that is farther from its training mean, so that the square stands out on dark and on bright
    ground. Pixels that cannot be changed are left out.

    Source: Gu, Dolan-Gavitt & Garg, "BadNets", 2017 (arXiv 1708.06733), section 4.
    """
    schema = data.schema
    height, width = schema.shape[-2:]
    side = min(max(2, min(height, width) // PATCH), height, width)
    inset = side if min(height, width) >= 2 * PATCH else 0
    bottom, right = height - inset, width - inset
    square = np.zeros(schema.shape, dtype=bool)
    square[..., bottom - side : bottom, right - side : right] = True
    columns = np.flatnonzero(square.reshape(-1) & schema.mutable)
    bright = data.X[:, columns].mean(axis=0) > (schema.low + schema.high)[columns] / 2
    values = np.where(bright, schema.low[columns], schema.high[columns])
    return Trigger(columns, values, f"a patch of {side} x {side} pixels near the lower right corner")


def values(data: Dataset, goal: int) -> Trigger:
    """Return a rare, possible combination of values in up to three columns that an attacker can change.

    A number is set to its 1st or 99th percentile, whichever lies farther from the median; a boolean or a category to
    the value that is seen least; a column that never varies to the farther end of its range. Columns whose value is
    rare come first; among them those whose value says least about the class ``goal``: what is measured should be the
    backdoor, not a value that speaks for the goal anyway. At most one column of a one-hot group is set.

    Source: Pleiter et al., "Tabdoor", 2023 (arXiv 2311.07550): in-bounds triggers.
    """
    schema = data.schema
    ranked = sorted(_candidates(data, data.y == goal))
    picked: dict[int, float] = {}
    groups: set[str | None] = set()
    for _, _, column, value in ranked:
        group = schema.columns[column].one_hot
        if len(picked) < COLUMNS and group not in groups:
            picked[column] = value
            groups |= {group} - {None}
    return Trigger(
        np.array(list(picked), dtype=np.int64),
        np.array(list(picked.values()), dtype=np.float64),
        ", ".join(f"{schema.names[column]} = {_written(schema, column, value)}" for column, value in picked.items()),
    )


def _candidates(data: Dataset, is_goal: np.ndarray) -> Iterator[tuple[float, float, int, float]]:
    """Yield, for each column that can carry a trigger, how rare and how telling its value is, the column, the value."""
    for column in np.flatnonzero(data.schema.mutable).tolist():
        x = data.X[:, column]
        value = _rare_value(x, data.schema, column)
        if value is not None:
            there = (x >= value) if value > np.median(x) else (x <= value)
            telling = abs(float(is_goal[there].mean() - is_goal.mean())) if there.any() else 0.0
            yield max(float(there.mean()), RARE), telling, column, value


def _rare_value(x: np.ndarray, schema: Schema, column: int) -> float | None:
    """Return a rare value for a column whose training values are ``x`` (n,); None where there is none."""
    spec = schema.columns[column]
    if spec.one_hot is not None:
        return 1.0 if x.mean() < 1 else None
    seen, counts = np.unique(x, return_counts=True)
    if len(seen) == 1:  # never varies: whatever else its range allows says nothing yet
        return max(spec.low, spec.high, key=lambda end: abs(end - seen[0]))
    if spec.kind in ("boolean", "category"):
        return float(seen[counts.argmin()])
    low, middle, high = np.quantile(x, [TAIL, 0.5, 1 - TAIL], method="nearest")
    value = low if middle - low > high - middle else high
    # Where 98 % of the values are one and the same, only the far ends are rare.
    return float(value if value != middle else max(seen[0], seen[-1], key=lambda end: abs(end - middle)))


def _written(schema: Schema, column: int, value: float) -> str:
    """Return a value as a reader would write it."""
    names = schema.columns[column].categories
    return names[int(value)] if names else f"{value:.6g}"
