"""Linear equations modulo a prime, solved in blocks: most of the work is products of float64 matrices, and exact."""

from __future__ import annotations

import numpy as np

BLOCK = 64
MOST_BITS = 52
_HIGH, _LOW = 26, 18
"""Bits of the pieces that numbers are cut into: 64 products of such pieces, added, stay below 2^53."""


def solve(matrix: np.ndarray, right: np.ndarray, prime: int) -> np.ndarray | None:
    """Return x with ``matrix`` x = ``right`` modulo a prime, (n,) int64 in [0, prime); None for a singular matrix.

    Gaussian elimination with blocks (Golub & Van Loan, "Matrix Computations", section 3.2.11), for n up to some
    thousand.

    Args:
        matrix: (n, n) int64 in [0, prime).
        right: (n,) int64 in [0, prime).
        prime: below 2^52.
    """
    n = len(matrix)
    work = np.concatenate([matrix, right[:, None]], axis=1)
    for start in range(0, n, BLOCK):
        end = min(start + BLOCK, n)
        if not _panel(work, start, end, prime):
            return None
        for row in range(start + 1, end):  # what the panel did to its own rows, to the columns after it
            done = product(work[row : row + 1, start:row], work[start:row, end:], prime)
            work[row, end:] = (work[row, end:] - done[0]) % prime
        if end < n:
            done = product(work[end:, start:end], work[start:end, end:], prime)
            work[end:, end:] = (work[end:, end:] - done) % prime
    found = np.zeros(n, np.int64)
    for row in reversed(range(n)):
        terms = times(work[row, row + 1 : n], found[row + 1 :], prime)
        rest = (int(work[row, n]) - _sum(terms)) % prime
        found[row] = rest * pow(int(work[row, row]), -1, prime) % prime
    return found


def times(one: np.ndarray, other: np.ndarray | int, prime: int) -> np.ndarray:
    """Return products of numbers in [0, prime), modulo the prime, int64."""
    whole = (one.astype(np.float64) * np.asarray(other, np.float64) / prime).astype(np.int64)
    return np.asarray((one * other - whole * prime) % prime)  # both wrap around alike, and their difference is small


def product(one: np.ndarray, other: np.ndarray, prime: int) -> np.ndarray:
    """Return the product of matrices (m, k) and (k, n) of numbers in [0, prime), modulo the prime; k is below 65."""
    low, high = (part.astype(np.float64) for part in (one & ((1 << _HIGH) - 1), one >> _HIGH))
    total = np.zeros((len(one), other.shape[1]), np.int64)
    for shift in reversed(range(0, MOST_BITS, _LOW)):
        piece = (other >> shift & ((1 << _LOW) - 1)).astype(np.float64)
        upper = times((high @ piece).astype(np.int64) % prime, 1 << _HIGH, prime)
        total = times(total, 1 << _LOW, prime) + upper + (low @ piece).astype(np.int64) % prime
        total %= prime
    return total


def _panel(work: np.ndarray, start: int, end: int, prime: int) -> bool:
    """Eliminate within some columns, and leave the factors below the diagonal; False where the matrix is singular."""
    for column in range(start, end):
        below = np.flatnonzero(work[column:, column])
        if not len(below):
            return False
        pivot = column + int(below[0])
        work[[column, pivot]] = work[[pivot, column]]
        inverse = pow(int(work[column, column]), -1, prime)
        factors = times(work[column + 1 :, column], inverse, prime)
        work[column + 1 :, column] = factors
        taken = times(factors[:, None], work[column, column + 1 : end][None], prime)
        work[column + 1 :, column + 1 : end] = (work[column + 1 :, column + 1 : end] - taken) % prime
    return True


def _sum(terms: np.ndarray) -> int:
    return int((terms & ((1 << _HIGH) - 1)).sum()) + (int((terms >> _HIGH).sum()) << _HIGH)
