"""Statistics of a node: rows by code, counted in parts and added up. All that must be known to cut it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from casemate.core.errors import OutOfRange, ShapeMismatch

Counts = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Statistics:
    """Rows of a node by code.

    Args:
        columns: for each quasi-identifier, rows by code and by sensitive value, all sensitive columns side by
            side, (c, values); (c, 1) without any, holding the rows.
        sensitive: how many values each sensitive column has.
    """

    columns: tuple[Counts, ...]
    sensitive: tuple[int, ...] = ()

    @property
    def rows(self) -> int:
        """Rows of the node."""
        return int(self.histogram(0).sum())

    def histogram(self, j: int) -> Counts:
        """Return the rows by code of column j, (c,)."""
        counts = self.columns[j]
        return np.asarray(counts[:, : self.sensitive[0] if self.sensitive else 1].sum(axis=1))

    def secrets(self) -> list[Counts]:
        """Return the rows by sensitive value, for each sensitive column."""
        ends = np.cumsum(self.sensitive)[:-1]
        return [np.asarray(part) for part in np.split(self.columns[0].sum(axis=0), ends)] if self.sensitive else []

    def __add__(self, other: Statistics) -> Statistics:
        if self.sensitive != other.sensitive or [c.shape for c in self.columns] != [c.shape for c in other.columns]:
            raise ShapeMismatch(
                "statistics of different columns cannot be added", fix="count all parts with one domain"
            )
        return Statistics(tuple(a + b for a, b in zip(self.columns, other.columns, strict=True)), self.sensitive)


def none(sizes: Sequence[int], values: Sequence[int] = ()) -> Statistics:
    """Return the statistics of no rows; see `count`."""
    width = max(sum(values), 1)
    return Statistics(tuple(np.zeros((size, width), np.int64) for size in sizes), tuple(values))


def count(
    codes: NDArray[np.integer],
    sensitive: NDArray[np.integer] | None,
    sizes: Sequence[int],
    values: Sequence[int] = (),
    *,
    parts: NDArray[np.integer] | None = None,
    of: int = 1,
) -> list[Statistics]:
    """Count a chunk of rows.

    Args:
        codes: quasi-identifiers, (n, d).
        sensitive: sensitive columns, (n, s); None where they do not matter.
        sizes: how many codes each quasi-identifier may hold, (d,).
        values: how many codes each sensitive column may hold, (s,).
        parts: the node that each row lies in, (n,), below 0 for none; None: all in node 0.
        of: how many nodes there are.

    Returns:
        One `Statistics` per node.

    Raises:
        OutOfRange: a code outside its column's size.
        ShapeMismatch: columns and sizes that disagree.
    """
    secret = np.zeros((len(codes), 0), np.int64) if sensitive is None else sensitive.reshape(len(codes), -1)
    if codes.shape[1] != len(sizes) or secret.shape[1] != len(values):
        raise ShapeMismatch(f"{codes.shape[1]} + {secret.shape[1]} columns, but {len(sizes)} + {len(values)} sizes")
    node = np.zeros(len(codes), np.int64) if parts is None else parts.astype(np.int64)
    if parts is not None and len(parts) and parts.min() < 0:
        codes, secret, node = codes[node >= 0], secret[node >= 0], node[node >= 0]
    _check(codes, sizes)
    _check(secret, values)
    starts = np.cumsum([0, *values])
    width = max(int(starts[-1]), 1)
    tables = []
    for j, size in enumerate(sizes):
        cell = (node * size + codes[:, j]) * width
        cells = [cell + starts[s] + secret[:, s] for s in range(len(values))] or [cell]
        counts = sum(np.bincount(each, minlength=of * size * width) for each in cells)
        tables.append(np.asarray(counts).reshape(of, size, width))
    return [Statistics(tuple(table[i] for table in tables), tuple(values)) for i in range(of)]


def _check(codes: NDArray[np.integer], sizes: Sequence[int]) -> None:
    """Refuse codes outside their columns."""
    if not codes.size:
        return
    low, high = codes.min(axis=0), codes.max(axis=0)
    for j, size in enumerate(sizes):
        if low[j] < 0 or high[j] >= size:
            raise OutOfRange(
                f"column {j} holds codes from {low[j]} to {high[j]}, but has {size}",
                fix="count with the domain of the whole table",
            )
