"""Near-keys: which few columns, taken together, tell nearly every row from every other.

A small sample of rows ranks all sets of up to four columns; whole columns are counted only for the sets that are
reported. A sample tells the share of pairs that a set keeps apart without bias, and says nothing of uniqueness: of two
thousand rows nearly all are unique in anything.

Source: Motwani & Xu, "Efficient algorithms for masking and finding quasi-identifiers", SDM 2008 (first at VLDB 2007);
Hildebrant, Le, Ta & Vu, "Towards better bounds for finding quasi-identifiers", PODS 2023.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from casemate.controls.profiling.coding import Codes, class_sizes, extend

FIRST_ROWS = 2_000
"""Rows of the first sample: two million pairs."""

SECOND_ROWS = 20_000
"""Rows of the second sample, for sets too near the border to call: two hundred million pairs."""

_SURE = 4.0
"""How far from the border a first estimate must be, in its own standard errors, to be believed."""


@dataclass(frozen=True)
class Ranked:
    """One set of columns, as a sample saw it.

    Args:
        columns: their positions, ascending.
        unseparated: the estimated share of pairs of rows that the set does not tell apart, in 0 to 1.
    """

    columns: tuple[int, ...]
    unseparated: float


def rank(codes: Codes, *, largest: int = 4, epsilon: float = 1e-4, seed: int = 0) -> list[Ranked]:
    """Return every set of up to ``largest`` columns, those that keep most pairs of rows apart first.

    A set is an epsilon-separation key where it does not tell apart at most a share ``epsilon`` of all pairs. Sets whose
    first estimate is within `_SURE` standard errors of that border are estimated again from more rows.

    Args:
        codes: the candidate columns.
        largest: how many columns a set has, at most.
        epsilon: the border, in 0 to 1.
        seed: seed of the samples.
    """
    rng = np.random.default_rng(seed)
    first = _sampled(codes, FIRST_ROWS, rng)
    found = _every(first, largest)
    if codes.rows > FIRST_ROWS:
        second = _sampled(codes, SECOND_ROWS, rng)
        pairs = _pairs(first.rows)
        found = [_again(one, second) if _near(one.unseparated, epsilon, pairs) else one for one in found]
    return sorted(found, key=lambda one: (one.unseparated, len(one.columns), one.columns))


def minimal(sets: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Return those sets that hold no other of them."""
    kept: list[frozenset[int]] = []
    for one in sorted(map(frozenset, sets), key=len):
        if not any(smaller <= one for smaller in kept):
            kept.append(one)
    return [tuple(sorted(one)) for one in kept]


def _sampled(codes: Codes, rows: int, rng: np.random.Generator) -> Codes:
    """Return some rows, without replacement, their codes numbered anew so that keys stay small."""
    n = codes.rows
    chosen = np.sort(rng.choice(n, rows, replace=False)) if n > rows else np.arange(n)
    columns, sizes = [], []
    for column in codes.columns:
        different, numbered = np.unique(column[chosen], return_inverse=True)
        columns.append(numbered.astype(np.int64))
        sizes.append(len(different))
    return Codes(tuple(columns), tuple(sizes))


def _every(codes: Codes, largest: int) -> list[Ranked]:
    """Every set, each built from the one before it by one column."""
    found: list[Ranked] = []
    level: list[tuple[tuple[int, ...], np.ndarray, int]] = [((), np.zeros(codes.rows, dtype=np.int64), 1)]
    for _ in range(largest):
        longer = []
        for columns, packed, size in level:
            for index in range(columns[-1] + 1 if columns else 0, len(codes.columns)):
                key, most = extend(packed, size, codes.columns[index], codes.sizes[index])
                grown = ((*columns, index), key, most)
                found.append(Ranked(grown[0], _unseparated(key, most)))
                longer.append(grown)
        level = longer
    return found


def _again(one: Ranked, codes: Codes) -> Ranked:
    return Ranked(one.columns, _unseparated(*codes.key(one.columns)))


def _unseparated(packed: np.ndarray, size: int) -> float:
    sizes = class_sizes(packed, size)
    pairs = _pairs(len(packed))
    return float((sizes * (sizes - 1)).sum() / 2 / pairs) if pairs else 0.0


def _pairs(rows: int) -> float:
    return rows * (rows - 1) / 2


def _near(share: float, border: float, pairs: float) -> bool:
    # Pairs share rows, so that they vary more than a binomial: by a factor of two, generously.
    error = 2 * np.sqrt(max(border, share) / pairs)
    return bool(abs(share - border) <= _SURE * error)


def subsets(columns: int, largest: int = 4) -> int:
    """Return how many sets of up to ``largest`` columns there are."""
    return sum(1 for size in range(1, largest + 1) for _ in combinations(range(columns), size))
