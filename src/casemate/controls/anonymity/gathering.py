"""Gathering the rules of a table from its statistics."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from casemate.controls.anonymity.closeness import check_whole
from casemate.controls.anonymity.draws import root_key
from casemate.controls.anonymity.grouping import Guarantee, check_rows
from casemate.controls.anonymity.rules import FIXED, Rules
from casemate.controls.anonymity.taxonomies import Taxonomies, Tree
from casemate.core.errors import DataError, OutOfRange, ShapeMismatch


def make_rules(
    guarantee: Guarantee,
    *,
    rows: int,
    low: NDArray[np.integer],
    high: NDArray[np.integer],
    weights: Sequence[float] | NDArray[np.floating] | None = None,
    trees: Sequence[Tree | None] | None = None,
    sensitive_counts: Sequence[NDArray[np.integer]] = (),
    ordinal_sensitive: bool | Sequence[bool] = False,
    relaxed: bool = False,
    noise: float = 0.0,
    seed: int = 0,
) -> Rules:
    """Gather the rules of a table from its statistics.

    Args:
        guarantee: what every group must fulfil.
        rows: rows of the table.
        low, high: least and greatest code of each column, (d,).
        weights: how much detail in each column matters, (d,), above 0. Default: alike.
        trees: the taxonomy of each column, or None; see `taxonomies.Tree`.
        sensitive_counts: rows by value, for each sensitive column.
        ordinal_sensitive: whether the values of (each of) the sensitive columns have an order, for t-closeness.
        relaxed, noise, seed: see `mondrian.mondrian`.

    Raises:
        DataError: too few rows, or a guarantee that not even all rows together fulfil.
        OutOfRange: noise, weights or codes that mean nothing.
    """
    check_rows(rows, guarantee)
    d, s = len(low), len(sensitive_counts)
    taxonomies = Taxonomies.pack(trees, d)
    if relaxed and (taxonomies.of >= 0).any():
        raise DataError(
            "relaxed cuts and bands exclude each other",
            why="a relaxed cut parts rows of one value, and bands are cut between their ends only",
            fix='leave out relaxed, or ranges = "tight"',
        )
    if not 0 <= noise < 0.5:
        raise OutOfRange(f"noise is {noise}", why="a cut stays within its node", fix="choose 0 up to, not with, 0.5")
    if guarantee.sensitive and s == 0:
        raise DataError(
            "l or t is asked for, but no column is sensitive", fix="name the sensitive columns, or leave l and t out"
        )
    if not guarantee.sensitive:
        sensitive_counts, s = (), 0
    ordinal = (
        np.broadcast_to(np.asarray(ordinal_sensitive, dtype=np.bool_), (s,)).copy() if s else np.zeros(0, np.bool_)
    )
    starts = np.cumsum([0, *(len(counts) for counts in sensitive_counts)], dtype=np.int64)
    counts = np.concatenate([np.zeros(0, np.int64), *sensitive_counts]).astype(np.int64)
    rules = Rules(
        guarantee=guarantee,
        rows=rows,
        scales=_scales(low, high, weights, trees),
        taxonomies=taxonomies,
        counts=counts,
        starts=starts,
        ordinal=ordinal,
        relaxed=relaxed,
        noise=float(noise),
        root=root_key(seed),
        entropies=_entropies(rows if guarantee.entropy and s else 0),
    )
    check_whole(rules)
    return rules


def _scales(
    low: NDArray[np.integer],
    high: NDArray[np.integer],
    weights: Sequence[float] | NDArray[np.floating] | None,
    trees: Sequence[Tree | None] | None,
) -> NDArray[np.float64]:
    """Return the weighted width of one code in each column, where the column's whole range is its weight wide."""
    d = len(low)
    given = np.ones(d) if weights is None else np.asarray(weights, dtype=np.float64)
    if given.shape != (d,):
        raise ShapeMismatch(f"{given.shape} weights for {d} columns", fix="give one per column")
    if not (np.isfinite(given).all() and (given > 0).all()):
        raise OutOfRange(f"weights are {given.tolist()}", why="a weight is above 0", fix="leave such a column out")
    spans = np.asarray(high, dtype=np.int64) - np.asarray(low, dtype=np.int64)
    for j, tree in enumerate(trees or ()):
        if tree is None:
            continue
        codes = np.asarray(tree).shape[1]
        if low[j] < 0 or high[j] >= codes:
            raise OutOfRange(
                f"column {j} holds code {max(int(high[j]), int(-low[j]))}, its taxonomy {codes} codes",
                fix="add the missing categories to the taxonomy",
            )
        spans[j] = codes - 1
    return np.asarray(given / np.maximum(spans, 1), dtype=np.float64)


def _entropies(rows: int) -> NDArray[np.int64]:
    """Return c log2 c in fixed point for c = 0 ... rows."""
    c = np.arange(max(rows, 1) + 1, dtype=np.float64)
    c[0] = 1.0
    return np.asarray(np.rint(c * np.log2(c) * FIXED), dtype=np.int64)
