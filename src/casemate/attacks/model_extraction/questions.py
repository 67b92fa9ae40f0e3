"""Questions to a model that are worth their price: rows that could be real, and of which the copy is unsure."""

from __future__ import annotations

import numpy as np

from casemate.core.schema import Schema

# Share of the columns that a child takes from its second parent; small shares stay close to real rows.
_EXCHANGED = (0.1, 0.25, 0.5)
_JITTER = 0.3


def invent(real: np.ndarray, n: int, schema: Schema, rng: np.random.Generator) -> np.ndarray:
    """Return ``n`` possible rows (n, d) that resemble the real ones (m, d), m >= 1.

    Each is a child of two real rows that takes a share of its columns from the second; numbers of every other child
    are moved a little. One-hot groups move as one, and the schema's immutable columns stay those of the first parent.
    """
    first, second = (real[rng.integers(len(real), size=n)] for _ in range(2))
    unit = _units(schema)
    exchanged = rng.random((n, int(unit.max()) + 1)) < rng.choice(_EXCHANGED, size=(n, 1))
    child = np.where(exchanged[:, unit], second, first)
    numbers = np.array([column.kind in ("number", "integer") and column.one_hot is None for column in schema.columns])
    spread = _JITTER * real.std(axis=0) * numbers
    moved = child + spread * rng.normal(size=child.shape) * (np.arange(n) % 2)[:, None]
    return schema.project(moved, first)


def unsure(scores: np.ndarray, n: int) -> np.ndarray:
    """Return the positions of the ``n`` rows whose two best classes are closest in ``scores`` (m, classes), m >= n.

    Source: margin sampling, Scheffer, Decomain & Wrobel 2001; for extraction Pal et al. (ActiveThief), AAAI 2020.
    """
    best = np.sort(scores, axis=1)[:, -2:]
    return np.argsort(best[:, -1] - best[:, 0], kind="stable")[:n]


def _units(schema: Schema) -> np.ndarray:
    """Number the columns so that those of a one-hot group share a number, (d,)."""
    unit = np.arange(schema.features)
    for group in schema.one_hot_groups:
        unit[group] = group[0]
    return unit
