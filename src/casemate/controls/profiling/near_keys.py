"""Near-keys: which few columns, taken together, tell nearly every row from every other.

A small sample of rows ranks all sets of up to four columns; whole columns are counted only for the sets that are
reported. A sample tells the share of pairs that a set keeps apart without bias, and says nothing of uniqueness: of two
thousand rows nearly all are unique in anything.

Source: Motwani & Xu, "Efficient algorithms for masking and finding quasi-identifiers", SDM 2008 (first at VLDB 2007);
Hildebrant, Le, Ta & Vu, "Towards better bounds for finding quasi-identifiers", PODS 2023.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from casemate.controls.profiling.coding import Codes

ROWS = (1_000, 5_000, 25_000)
"""Rows of the samples: half a million pairs for every set, then ever more for sets too near the border to call."""

MOST = 4
"""Columns in a set, at most: so many numbers of a sample's rows fit into one of 63 bits."""

_SURE = 2.5
"""How far from the border an estimate must be, in its own standard errors, to be believed."""

_AT_ONCE = 1 << 20
_BITS = 62


@dataclass(frozen=True)
class Ranked:
    """One set of columns, as a sample saw it.

    Args:
        columns: their positions, ascending.
        unseparated: the estimated share of pairs of rows that the set does not tell apart, in 0 to 1.
    """

    columns: tuple[int, ...]
    unseparated: float


def rank(codes: Codes, *, largest: int = MOST, epsilon: float = 1e-4, seed: int = 0) -> list[Ranked]:
    """Return every set of up to ``largest`` columns, those that keep most pairs of rows apart first.

    A set is an epsilon-separation key where it does not tell apart at most a share ``epsilon`` of all pairs. Sets whose
    estimate is within `_SURE` standard errors of that border are estimated again from more rows.

    Args:
        codes: the candidate columns.
        largest: how many columns a set has, in 1 to `MOST`.
        epsilon: the border, in 0 to 1.
        seed: seed of the samples.

    Raises:
        ValueError: ``largest`` is out of its range.
    """
    if not 1 <= largest <= MOST:
        raise ValueError(f"sets of up to {largest} columns; 1 to {MOST} can be searched")
    rng = np.random.default_rng(seed)
    sets = [one for size in range(1, largest + 1) for one in combinations(range(len(codes.columns)), size)]
    shares, close = np.zeros(len(sets)), np.arange(len(sets))
    for rows in ROWS:
        some = [sets[place] for place in close]
        taken = _sampled(codes, _chosen(codes.rows, rows, rng), {index for one in some for index in one})
        shares[close] = _unseparated(taken, some)
        if rows >= codes.rows:
            break
        close = close[_near(shares[close], epsilon, taken.rows * (taken.rows - 1) / 2)]
    order = np.argsort(shares, kind="stable")  # equal ones: fewer columns first
    return [Ranked(sets[place], share) for place, share in zip(order.tolist(), shares[order].tolist(), strict=True)]


def minimal(sets: Sequence[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Return those sets that hold no other of them."""
    kept: list[frozenset[int]] = []
    for one in sorted(map(frozenset, sets), key=len):
        if not any(smaller <= one for smaller in kept):
            kept.append(one)
    return [tuple(sorted(one)) for one in kept]


def _chosen(rows: int, most: int, rng: np.random.Generator) -> np.ndarray:
    """Return the positions of up to ``most`` different rows, ascending; a few less where draws fall together."""
    if most >= rows:
        return np.arange(rows)
    if most * 20 > rows:
        return np.sort(rng.choice(rows, most, replace=False, shuffle=False))
    drawn = np.sort(rng.integers(0, rows, most, dtype=np.int64))
    return drawn[np.concatenate(([True], drawn[1:] != drawn[:-1]))]


def _sampled(codes: Codes, rows: np.ndarray, needed: Collection[int]) -> Codes:
    """Return some rows of the needed columns, numbered anew where keys outgrow their bits; other columns are empty."""
    columns = [column[rows] if index in needed else column[:0] for index, column in enumerate(codes.columns)]
    if math.prod(sorted(codes.sizes)[-MOST:]) < 1 << _BITS:
        return Codes(tuple(columns), codes.sizes, len(rows))
    numbered = [np.unique(column, return_inverse=True) for column in columns]
    return Codes(tuple(codes for _, codes in numbered), tuple(max(len(v), 1) for v, _ in numbered), len(rows))


def _unseparated(codes: Codes, sets: Sequence[tuple[int, ...]]) -> np.ndarray:
    """Return for each set the share of pairs of the sample's rows that it does not tell apart, (sets,)."""
    n = codes.rows
    shares = np.zeros(len(sets))
    if n < 2:
        return shares
    step = max(_AT_ONCE // n, 1)
    for start in range(0, len(sets), step):
        some = sets[start : start + step]
        shares[start : start + step] = _equal_pairs(_keys(codes, some)) / (n * (n - 1) / 2)
    return shares


def _keys(codes: Codes, sets: Sequence[tuple[int, ...]]) -> np.ndarray:
    """Return the packed keys of the sample's rows, one set a row, (sets, n) int64, or uint32 where that will do."""
    small = math.prod(sorted(codes.sizes)[-MOST:]) <= 1 << 32
    keys = np.empty((len(sets), codes.rows), dtype=np.uint32 if small else np.int64)
    columns = [column.astype(keys.dtype) for column in codes.columns]
    before: dict[tuple[int, ...], int] = {}
    for place, one in enumerate(sets):
        shorter = before.get(one[:-1])
        if shorter is None:
            keys[place] = 0
            rest = one
        else:  # a set is the key of all its columns but the last, and one more
            keys[place] = keys[shorter]
            rest = one[-1:]
        for index in rest:
            keys[place] *= keys.dtype.type(codes.sizes[index])
            keys[place] += columns[index]
        before[one] = place
    return keys


def _equal_pairs(keys: np.ndarray) -> np.ndarray:
    """Return how many pairs within each row of keys (sets, n) are equal, (sets,); the keys are sorted in place."""
    keys.sort(axis=1)
    sets, n = keys.shape
    first = np.ones((sets, n), dtype=bool)
    np.not_equal(keys[:, 1:], keys[:, :-1], out=first[:, 1:])
    starts = np.flatnonzero(first.ravel())
    sizes = np.diff(starts, append=sets * n)
    rows = np.searchsorted(starts, np.arange(sets) * n)
    return np.asarray(np.add.reduceat(sizes * (sizes - 1), rows) / 2)


def _near(shares: np.ndarray, border: float, pairs: float) -> np.ndarray:
    # Pairs share rows, so that they vary more than a binomial would; by a half, as a rule.
    error = 1.5 * np.sqrt(np.maximum(border, shares) / pairs)
    return np.asarray(np.abs(shares - border) <= _SURE * error)
