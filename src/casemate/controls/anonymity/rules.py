"""Rules: everything that decides where a node is cut, gathered once from the whole table.

A node that is cut elsewhere (on another machine, out of core) is cut the same under the same rules.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from casemate.controls.anonymity.grouping import Guarantee
from casemate.controls.anonymity.taxonomies import Taxonomies

FIXED = 2.0**20
"""Entropies are compared in fixed point, so that sums do not depend on their order."""


@dataclass(frozen=True, eq=False)
class Rules:
    """What decides a cut of d columns and s sensitive ones.

    Args:
        guarantee: what both sides must fulfil.
        rows: rows of the whole table.
        scales: width of a column per code, weighted, (d,) float64.
        taxonomies: which columns may be cut between nodes only.
        counts: rows of the whole table by sensitive value, column after column, (values,) int64.
        starts: where each sensitive column starts in ``counts``, (s + 1,) int64.
        ordinal: whether the values of a sensitive column have an order, (s,) bool.
        relaxed: whether rows of one value may fall on both sides.
        noise: how far from the middle a cut may lie at random, as a share of the node's rows.
        root: the key of the root, (1,) uint64.
        entropies: c log2 c in fixed point, for every count c up to ``rows``; (1,) where it is not needed.
    """

    guarantee: Guarantee
    rows: int
    scales: NDArray[np.float64]
    taxonomies: Taxonomies
    counts: NDArray[np.int64]
    starts: NDArray[np.int64]
    ordinal: NDArray[np.bool_]
    relaxed: bool
    noise: float
    root: NDArray[np.uint64]
    entropies: NDArray[np.int64]
