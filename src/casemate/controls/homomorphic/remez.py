"""Remez: the polynomial whose largest error on an interval is least.

Source: Remez, C. R. Acad. Sci. Paris 198 (1934), in the form of Pachon & Trefethen, BIT 49 (2009).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.polynomial import chebyshev

_GRID = 1025
_GOLDEN = (np.sqrt(5) - 1) / 2
_EXACT = 1e-14

Function = Callable[[np.ndarray], np.ndarray]


def minimax(function: Function, degree: int, *, tolerance: float = 1e-9, rounds: int = 60) -> tuple[np.ndarray, float]:
    """Return the best polynomial on [-1, 1] in the largest error, and that error.

    Its error reaches its largest size, with signs that alternate, at ``degree + 2`` points or more (Chebyshev).

    Args:
        function: continuous on [-1, 1].
        degree: of the polynomial, at least 0.
        tolerance: how far the largest error may be above the least possible, relative to it.
        rounds: how often points are exchanged at most; every round's polynomial is a valid one, and the best is kept.

    Returns:
        Its coefficients in Chebyshev polynomials, (degree + 1,), and the largest error.
    """
    grid = -np.cos(np.pi * np.arange(_GRID) / (_GRID - 1))
    # One point fewer than the extrema of the next polynomial but one: even points would hide an odd function's error.
    points = -np.cos(np.pi * np.arange(degree + 2) / (degree + 2))
    best, least = np.zeros(degree + 1), np.inf
    size = max(1.0, float(np.abs(function(grid)).max()))
    for _ in range(rounds):
        coefficients, level = _levelled(function, points)
        peaks, errors = _peaks(_error(function, coefficients), grid)
        largest = float(np.abs(errors).max())
        if largest < least:
            best, least = coefficients, largest
        if largest <= _EXACT * size or largest - level <= tolerance * largest:
            break
        points = _exchanged(points, peaks, errors, _error(function, coefficients)(points))
    return best, least


def _levelled(function: Function, points: np.ndarray) -> tuple[np.ndarray, float]:
    """The polynomial whose error has one size and alternating signs at the points, and that size."""
    signs = (-1.0) ** np.arange(len(points))
    system = np.column_stack([chebyshev.chebvander(points, len(points) - 2), signs])
    solved = np.linalg.solve(system, function(points))
    return solved[:-1], abs(float(solved[-1]))


def _error(function: Function, coefficients: np.ndarray) -> Function:
    return lambda x: np.asarray(function(x) - chebyshev.chebval(x, coefficients))


def _peaks(error: Function, grid: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The largest error between each two changes of its sign: where it is, and how large."""
    values = error(grid)
    runs = np.split(np.arange(len(grid)), np.flatnonzero(np.diff(np.signbit(values))) + 1)
    at = np.array([run[np.abs(values[run]).argmax()] for run in runs])
    low, high = grid[np.maximum(at - 1, 0)], grid[np.minimum(at + 1, len(grid) - 1)]
    for _ in range(40):  # the golden section, for all peaks at once
        span = _GOLDEN * (high - low)
        left, right = high - span, low + span
        rises = np.abs(error(left)) < np.abs(error(right))
        low, high = np.where(rises, left, low), np.where(rises, high, right)
    found = (low + high) / 2
    better = np.abs(error(found)) > np.abs(values[at])
    points = np.where(better, found, grid[at])
    return points, error(points)


def _exchanged(points: np.ndarray, peaks: np.ndarray, errors: np.ndarray, at_points: np.ndarray) -> np.ndarray:
    """The next points: as many peaks of alternating sign, the largest among them; else one point gives way to it."""
    while len(peaks) > len(points):  # the smaller end goes, so that the largest stays
        keep = slice(1, None) if abs(errors[0]) < abs(errors[-1]) else slice(None, -1)
        peaks, errors = peaks[keep], errors[keep]
    if len(peaks) == len(points):
        return peaks
    worst = int(np.abs(errors).argmax())
    new, sign = peaks[worst], np.sign(errors[worst])
    after = int(np.searchsorted(points, new))
    if 0 < after < len(points):
        near = after if np.sign(at_points[after]) == sign else after - 1
        return np.sort(np.append(np.delete(points, near), new))
    end = 0 if after == 0 else len(points) - 1
    same = np.sign(at_points[end]) == sign
    gone = end if same else len(points) - 1 - end
    return np.sort(np.append(np.delete(points, gone), new))
