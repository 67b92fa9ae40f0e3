"""Mondrian: groups of rows that look alike, by cutting the table again and again at a median.

Source: LeFevre, DeWitt & Ramakrishnan, ICDE 2006 (multidimensional, strict and relaxed). A node is cut in the column in
which it is widest, relative to the whole table; where a cut there would break the guarantee, in the next widest.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from casemate.controls.anonymity import mondrian_numpy
from casemate.controls.anonymity.gathering import make_rules
from casemate.controls.anonymity.grouping import Grouping, Guarantee
from casemate.controls.anonymity.rows import Rows, checked
from casemate.controls.anonymity.rules import Rules
from casemate.controls.anonymity.taxonomies import Tree
from casemate.core.errors import ExtraMissing, ShapeMismatch

Engine = Literal["auto", "numba", "numpy"]
Progress = Callable[[int], None]
Kernel = Callable[[Rows, Rules, NDArray[np.uint64], Progress | None], tuple[NDArray[np.int32], int]]

_SMALL = 20_000
"""Rows up to which plain numpy is done before a compiler is loaded."""


def mondrian(
    codes: NDArray[np.integer],
    guarantee: Guarantee,
    *,
    weights: Sequence[float] | NDArray[np.floating] | None = None,
    sensitive: NDArray[np.integer] | None = None,
    ordinal_sensitive: bool | Sequence[bool] = False,
    relaxed: bool = False,
    noise: float = 0.0,
    seed: int = 0,
    trees: Sequence[Tree | None] | None = None,
    progress: Progress | None = None,
    engine: Engine = "auto",
) -> Grouping:
    """Group rows so that every group fulfils a guarantee.

    Args:
        codes: the quasi-identifiers as codes of 0 or more whose neighbours are alike, (n, d) of int16 or int32.
        guarantee: what every group must fulfil.
        weights: how much detail in each column matters, (d,), above 0. Default: alike.
        sensitive: the sensitive columns as codes of 0 or more, (n,) or (n, s). Needed for l and t.
        ordinal_sensitive: whether the values of (each of) the sensitive columns have an order: t is then measured by
            the ordered distance, else by that of equal distances.
        relaxed: rows of one value may fall on both sides of a cut.
        noise: how far from the middle a cut may lie, at random, as a share of the node's rows, in [0, 0.5):
            published ranges then give less away of how they were made (against downcoding and refinement).
        seed: decides the noise; the same seed, the same groups.
        trees: for each column its taxonomy (see `taxonomies.Tree`), or None. Such a column is cut between children of
            the lowest node that covers the group only, and its width is how many codes that node covers.
        progress: called with the number of rows that have found their group.
        engine: "numba" is compiled, "numpy" is not; "auto" takes the first where it is installed and worth loading.
            Both give the same groups.

    Returns:
        Groups numbered depth first, the low side of every cut first. No row is suppressed.

    Raises:
        EmptyData: no rows.
        DataError: k above n, l above what the table holds, or options that exclude each other.
        OutOfRange: negative codes, weights that are not above 0, noise outside [0, 0.5).
        ShapeMismatch: arrays that disagree.
        ExtraMissing: engine "numba" where it is not installed.
    """
    rows = checked(codes, sensitive)
    rules = make_rules(
        guarantee,
        rows=len(rows),
        low=rows.low,
        high=rows.high,
        weights=weights,
        trees=trees,
        sensitive_counts=[np.bincount(column) for column in rows.sensitive.T],
        ordinal_sensitive=ordinal_sensitive,
        relaxed=relaxed,
        noise=noise,
        seed=seed,
    )
    return _grouped(rows, rules, rules.root, progress, engine)


def mondrian_within(
    codes: NDArray[np.integer],
    sensitive: NDArray[np.integer] | None,
    rules: Rules,
    key: NDArray[np.uint64],
    *,
    progress: Progress | None = None,
    engine: Engine = "auto",
) -> Grouping:
    """Group the rows of one node of a larger table, under the rules of the whole; see `topcuts`.

    Args:
        codes, sensitive: the node's rows, as for `mondrian`.
        rules: the rules of the whole table.
        key: the node's key, (1,) uint64.
        progress, engine: as for `mondrian`.
    """
    rows = checked(codes, sensitive)
    if len(rows.low) != len(rules.scales):
        raise ShapeMismatch(f"{len(rows.low)} columns, but rules for {len(rules.scales)}")
    if rows.sensitive.shape[1] != len(rules.ordinal) and len(rules.ordinal):
        raise ShapeMismatch(f"{rows.sensitive.shape[1]} sensitive columns, but rules for {len(rules.ordinal)}")
    return _grouped(rows, rules, key, progress, engine)


def _grouped(rows: Rows, rules: Rules, key: NDArray[np.uint64], progress: Progress | None, engine: Engine) -> Grouping:
    """Group rows on the engine."""
    if not len(rules.ordinal):  # sensitive columns that do not matter are not carried along
        rows = replace(rows, sensitive=rows.sensitive[:, :0])
    kernel = _kernel(engine, len(rows))
    return Grouping(*kernel(rows, rules, key, progress))


def _kernel(engine: Engine, rows: int) -> Kernel:
    """Return the engine's kernel."""
    if engine == "numpy" or (engine == "auto" and rows <= _SMALL and "numba" not in sys.modules):
        return mondrian_numpy.group
    try:
        compiled: Kernel = importlib.import_module("casemate.controls.anonymity.mondrian_numba").group
    except ImportError as error:  # not installed, or installed beside a numpy that it does not know
        if engine == "auto":
            return mondrian_numpy.group
        raise ExtraMissing(
            f"numba is needed for the compiled engine, and it cannot be loaded: {error}",
            fix='pip install "casemate[fast]"',
        ) from error
    return compiled
