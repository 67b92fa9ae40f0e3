"""Taking a share of the rows, every class in proportion."""

from __future__ import annotations

import numpy as np


def split(y: np.ndarray, share: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the positions of the rows that stay and of those taken, both in their original order.

    Every class gives ``share`` of its rows, rounded, but keeps and gives at least one; a class of one row keeps it.

    Args:
        y: labels, (n,).
        share: in (0, 1).
        seed: the same seed takes the same rows.
    """
    rng = np.random.default_rng(seed)
    taken = np.zeros(len(y), dtype=bool)
    for label in np.unique(y):
        rows = np.flatnonzero(y == label)
        if len(rows) > 1:
            count = int(np.clip(round(share * len(rows)), 1, len(rows) - 1))
            taken[rng.choice(rows, size=count, replace=False)] = True
    return np.flatnonzero(~taken), np.flatnonzero(taken)
