"""Rows: the codes of a table or of a part of it, checked, with the bounds of every column."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from casemate.core.errors import DataError, EmptyData, OutOfRange, ShapeMismatch

_BLOCK = 2048
"""Rows that are folded side by side, so that numpy works on long vectors however few the columns."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Quasi-identifiers and sensitive columns as codes of 0 or more.

    Args:
        codes: the quasi-identifiers, (n, d).
        sensitive: the sensitive columns, (n, s).
        low, high: least and greatest code of each quasi-identifier, (d,).
    """

    codes: NDArray[np.integer]
    sensitive: NDArray[np.integer]
    low: NDArray[np.integer]
    high: NDArray[np.integer]

    def __len__(self) -> int:
        return len(self.codes)


def checked(codes: NDArray[np.integer], sensitive: NDArray[np.integer] | None) -> Rows:
    """Return rows for an engine.

    Args:
        codes: (n, d) of any integer type, values in [0, 2**31).
        sensitive: (n,) or (n, s), likewise; None for none.

    Raises:
        EmptyData: no row.
        DataError: codes that are no whole numbers.
        OutOfRange: negative codes, or codes of 2**31 and more.
        ShapeMismatch: tables that disagree, or no quasi-identifier.
    """
    codes = np.asarray(codes)
    secret = np.zeros((len(codes), 0), np.int32) if sensitive is None else np.asarray(sensitive)
    secret = secret[:, None] if secret.ndim == 1 else secret
    low, high = _bounds("codes", codes, len(codes))
    _bounds("sensitive codes", secret, len(codes))
    if codes.shape[1] == 0:
        raise ShapeMismatch("there is no quasi-identifier", fix="name the columns by which people could be recognised")
    return Rows(codes, secret, low, high)


def bounds(table: NDArray[np.integer]) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    """Return the least and the greatest value of each column of a table of at least one row, (d,) each."""
    n, d = table.shape
    whole = n - n % _BLOCK
    if whole and d and table.flags.c_contiguous:
        folded = table[:whole].reshape(-1, _BLOCK * d)
        low, high = folded.min(axis=0).reshape(_BLOCK, d), folded.max(axis=0).reshape(_BLOCK, d)
        return np.vstack([low, table[whole:]]).min(axis=0), np.vstack([high, table[whole:]]).max(axis=0)
    return table.min(axis=0), table.max(axis=0)


def _bounds(name: str, table: NDArray[np.integer], n: int) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    """Check one table; return its bounds."""
    if table.ndim != 2 or len(table) != n:
        raise ShapeMismatch(f"{name} must be (n rows, columns), not {table.shape}", fix="give one row per person")
    if table.dtype.kind not in "iu":
        raise DataError(f"{name} are {table.dtype}", fix="give whole numbers: positions in the column's domain")
    if n == 0:
        raise EmptyData("there are no rows to group", fix="look at the filter or the file that the table comes from")
    low, high = bounds(table)
    if table.shape[1] and low.min() < 0:
        row = int(np.flatnonzero((table < 0).any(axis=1))[0])
        raise OutOfRange(f"{name} hold {low.min()}", where=f"row {row}", fix="codes start at 0")
    if table.shape[1] and high.max() > np.iinfo(np.int32).max:
        raise OutOfRange(f"{name} hold {high.max()}", fix="number the distinct values from 0")
    return low, high
