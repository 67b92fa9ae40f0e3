"""Where a node is cut, for the compiled kernel: its widest column first, nearest to the middle, guarantee kept."""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np
from numba.extending import register_jitable

from casemate.controls.anonymity import draws

for _function in (draws.mix, draws.low_key, draws.high_key, draws.target):
    register_jitable(_function)

_FAR = np.int64(1) << 62
_NONE = (np.int64(-1), np.int64(0), np.int64(0), np.int64(0))


class Plan(NamedTuple):
    """The rules, as the kernel reads them; see `rules.Rules`."""

    k: int
    l: float  # noqa: E741
    scales: Any
    tree: Any
    nodes: Any
    leaves: Any
    relaxed: bool
    noise: float
    rows: int
    counts: Any
    starts: Any
    ordinal: Any
    entropy: bool
    close: bool
    entropies: Any
    least_entropy: float
    most: Any


class Scratch(NamedTuple):
    """Room to work in."""

    histogram: Any
    values: Any
    widths: Any
    low: Any
    high: Any


_jit = numba.njit(cache=True, nogil=True)


@_jit  # type: ignore[untyped-decorator]
def find(plan: Any, scratch: Any, X: Any, low: Any, high: Any, key: Any) -> Any:
    """Return a node's cut: (code, column, rows of that code on the low side, rows on the low side), or code -1.

    Args:
        X: the node's rows, (m, width).
        low, high: its least and greatest codes, (width,).
        key: its key.
    """
    m, widths = len(X), scratch.widths
    if m < 2 * plan.k:
        return _NONE
    for j in range(len(widths)):
        widths[j] = width(plan, j, low[j], high[j])
    for _ in range(len(widths)):
        column = np.int64(0)
        for j in range(1, len(widths)):
            if widths[j] > widths[column]:
                column = j
        if widths[column] < 0:
            return _NONE
        widths[column] = -1.0
        wanted = np.int64(m)
        if plan.noise > 0:
            wanted = np.int64(draws.target(key, np.uint64(column), np.int64(m), plan.noise))
        code, ties, lows = nearest(plan, scratch, X, column, np.int64(low[column]), np.int64(high[column]), wanted)
        if code >= 0 and (len(plan.ordinal) == 0 or kept(plan, scratch, X, column, code, ties, lows)):
            return code, column, ties, lows
    return _NONE


@_jit  # type: ignore[untyped-decorator]
def width(plan: Any, j: int, low: int, high: int) -> float:
    """Return the weighted width of a node in a column, or -1 where it cannot be cut."""
    if high <= low:
        return -1.0
    tree = plan.tree[j]
    if tree < 0:
        return plan.scales[j] * (np.int64(high) - np.int64(low))
    return plan.scales[j] * (np.int64(plan.leaves[tree, common(plan, tree, low, high), low]) - 1)


@_jit  # type: ignore[untyped-decorator]
def common(plan: Any, tree: int, low: int, high: int) -> int:
    """Return the deepest level at which two codes lie below one node."""
    level = plan.nodes.shape[1] - 1
    while plan.nodes[tree, level, low] != plan.nodes[tree, level, high]:
        level -= 1
    return level


@_jit  # type: ignore[untyped-decorator]
def nearest(plan: Any, scratch: Any, X: Any, column: int, low: int, high: int, wanted: int) -> Any:
    """Return the cut of a column that lies nearest to where it should: (code, ties on the low side, all rows there)."""
    m, histogram, values = len(X), scratch.histogram, scratch.values
    direct = high - low < 8 * m
    size = high - low + 1
    if direct:
        histogram[:size] = 0
        for i in range(m):
            histogram[np.int64(X[i, column]) - low] += 1
    else:
        size = ranked(X, column, histogram, values)
    if plan.relaxed:
        lows = min(max(wanted // 2, plan.k), m - plan.k)
        count = np.int64(0)
        for q in range(size):
            count += histogram[q]
            if count >= lows:
                code = low + q if direct else np.int64(values[q])
                return code, lows - (count - histogram[q]), lows
    tree, level = plan.tree[column], np.int64(0)
    if tree >= 0:
        level = common(plan, tree, low, high) + 1
    best, away, lows, count, last = np.int64(-1), _FAR, np.int64(0), np.int64(0), np.int64(-1)
    for q in range(size):
        if histogram[q] == 0:
            continue
        code = low + q if direct else np.int64(values[q])
        if count >= plan.k:
            if m - count < plan.k:
                break
            if tree < 0 or plan.nodes[tree, level, last] != plan.nodes[tree, level, code]:
                distance = abs(2 * count - wanted)
                if distance < away:
                    best, away, lows = last, distance, count
                elif 2 * count > wanted:
                    break
        count += histogram[q]
        last = code
    return best, _FAR, lows


@_jit  # type: ignore[untyped-decorator]
def ranked(X: Any, column: int, histogram: Any, values: Any) -> int:
    """Write the column's distinct codes, in order, and how often each occurs; return how many they are."""
    m = len(X)
    for i in range(m):
        values[i] = X[i, column]
    values[:m].sort()
    size = -1
    for i in range(m):
        if size < 0 or values[i] != values[size]:
            size += 1
            values[size] = values[i]
            histogram[size] = 0
        histogram[size] += 1
    return size + 1


@_jit  # type: ignore[untyped-decorator]
def kept(plan: Any, scratch: Any, X: Any, column: int, code: int, ties: int, lows: int) -> bool:
    """Tell whether a cut leaves both sides diverse and close enough; see `closeness.fulfilled`."""
    m, d, left, right = len(X), len(plan.scales), scratch.low, scratch.high
    left[:] = 0
    right[:] = 0
    for i in range(m):
        value = X[i, column]
        side = left
        if value > code or (value == code and ties <= 0):
            side = right
        elif value == code:
            ties -= 1
        for s in range(len(plan.ordinal)):
            side[plan.starts[s] + X[i, d + s]] += 1
    return fulfilled(plan, left, lows) and fulfilled(plan, right, m - lows)


@_jit  # type: ignore[untyped-decorator]
def fulfilled(plan: Any, counts: Any, size: int) -> bool:
    """Tell whether a group is diverse and close enough in every sensitive column."""
    for s in range(len(plan.ordinal)):
        distinct, spread = np.int64(0), plan.entropies[size] if plan.entropy else np.int64(0)
        moved, carried = np.int64(0), np.int64(0)
        for v in range(plan.starts[s], plan.starts[s + 1]):
            count = counts[v]
            distinct += count > 0
            if plan.entropy:
                spread -= plan.entropies[count]
            surplus = count * plan.rows - plan.counts[v] * size
            carried = carried + surplus if plan.ordinal[s] else surplus
            moved += abs(carried)
        if plan.entropy:
            if np.float64(spread + distinct + 1) < size * plan.least_entropy:
                return False
        elif distinct < plan.l:
            return False
        if plan.close and np.float64(moved) > plan.most[s] * size:
            return False
    return True
