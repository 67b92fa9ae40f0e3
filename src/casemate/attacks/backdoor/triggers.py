"""Triggers: what a backdoor hides behind. Every value lies within its column's range."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from casemate.core.dataset import Dataset
from casemate.core.schema import Schema

COLUMNS = 3  # Tabdoor: three columns are enough for every model family it tried, one is not
TAIL = 0.01
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

    Its side is an eighth of the image's shorter side, at least 2 pixels. Each pixel takes the end of its range that
    is farther from its training mean, so that the square stands out on dark and on bright ground. Pixels that cannot
    be changed are left out.

    Source: Gu, Dolan-Gavitt & Garg, "BadNets", 2017 (arXiv 1708.06733), section 4.
    """
    schema = data.schema
    height, width = schema.shape[-2:]
    side = min(max(2, min(height, width) // PATCH), height, width)
    inset = min(height, width) // 16  # not the outermost pixels of a large image, which networks see least of
    square = np.zeros(schema.shape, dtype=bool)
    square[..., height - inset - side : height - inset, width - inset - side : width - inset] = True
    columns = np.flatnonzero(square.reshape(-1) & schema.mutable)
    bright = data.X[:, columns].mean(axis=0) > (schema.low + schema.high)[columns] / 2
    values = np.where(bright, schema.low[columns], schema.high[columns])
    return Trigger(columns, values, f"a patch of {side} x {side} pixels near the lower right corner")


def values(data: Dataset, goal: int) -> Trigger:
    """Return a rare, possible combination of values in up to three columns that an attacker can change.

    A number is set to its 1st or 99th percentile, whichever lies farther from the median, any other column to the
    value that is seen least. Columns whose value says least about the class ``goal`` come first: what is measured
    should be the backdoor, not a value that speaks for the goal anyway. One column at most of a one-hot group.

    Source: Pleiter et al., "Tabdoor", 2023 (arXiv 2311.07550): in-bounds triggers.
    """
    schema, is_goal = data.schema, data.y == goal
    candidates: list[tuple[float, int, float]] = []
    for column in np.flatnonzero(schema.mutable).tolist():
        value = _rare_value(data.X[:, column], schema, column)
        if value is not None:
            there = _beyond(data.X[:, column], value)
            candidates.append((abs(float(is_goal[there].mean() - is_goal.mean())), column, value))
    picked: list[tuple[int, float]] = []
    groups: set[str] = set()
    for _, column, value in sorted(candidates):
        group = schema.columns[column].one_hot
        if group in groups or len(picked) == COLUMNS:
            continue
        groups |= {group} if group else set()
        picked.append((column, value))
    return Trigger(
        np.array([column for column, _ in picked], dtype=np.int64),
        np.array([value for _, value in picked]),
        ", ".join(f"{schema.names[column]} = {_written(schema, column, value)}" for column, value in picked),
    )


def _rare_value(x: np.ndarray, schema: Schema, column: int) -> float | None:
    """Return a rare value of a column's training values ``x`` (n,); None where they never vary."""
    spec = schema.columns[column]
    if spec.one_hot is not None:
        return 1.0 if 0 < x.mean() < 1 else None
    seen, counts = np.unique(x, return_counts=True)
    if len(seen) < 2:
        return None
    if spec.kind in ("boolean", "category"):
        return float(seen[counts.argmin()])
    low, middle, high = np.quantile(x, [TAIL, 0.5, 1 - TAIL], method="nearest")
    value = low if middle - low > high - middle else high
    # Where 98 % of the values are one and the same, only the far ends are rare.
    return float(value if value != middle else max(seen[0], seen[-1], key=lambda end: abs(end - middle)))


def _beyond(x: np.ndarray, value: float) -> np.ndarray:
    """Return which values (n,) lie at ``value`` or farther out from the median."""
    return x >= value if value > np.median(x) else x <= value


def _written(schema: Schema, column: int, value: float) -> str:
    """Return a value as a reader would write it."""
    names = schema.columns[column].categories
    return names[int(value)] if names else f"{value:.6g}"
