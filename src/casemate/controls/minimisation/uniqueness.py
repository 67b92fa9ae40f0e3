"""Uniqueness: the share of rows that nobody else's resembles, which is what minimisation takes away."""

from __future__ import annotations

import numpy as np

from casemate.core.schema import Schema


def unique_share(X: np.ndarray) -> float:
    """Return the share of rows of X (n, d) that occur once, in [0, 1]; exact."""
    if not X.size:
        return 0.0
    # Columns become small codes and are packed into one number: sorting that is far cheaper than sorting rows.
    key = np.zeros(len(X), dtype=np.int64)
    for column in X.T:
        codes = np.unique(column, return_inverse=True)[1]
        key = np.unique(key * (int(codes.max()) + 1) + codes, return_inverse=True)[1]
    counts = np.bincount(key)
    return float((counts[key] == 1).mean())


def known_columns(schema: Schema) -> np.ndarray:
    """Return the positions of the columns that others may know of a person, (c,).

    These are the quasi-identifiers; where none is declared, every input is taken for one.
    """
    declared = [index for index, column in enumerate(schema.columns) if column.role == "quasi-identifier"]
    return np.array(declared or range(schema.features), dtype=np.int64)
