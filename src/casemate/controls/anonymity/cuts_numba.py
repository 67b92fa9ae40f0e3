"""Where a node is cut, for the compiled kernel: its widest column first, nearest to the middle, guarantee kept."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from casemate.controls.anonymity import draws
from casemate.controls.anonymity.compiling import called, inlined
from casemate.controls.anonymity.few_numba import FEW, nearest_of_16, nearest_of_32, nearest_of_64

DENSE = 8
"""Codes per row up to which a histogram is used; beyond, the rows are sorted."""
long: Any = np.int64
_FAR = long(1) << 62
_NONE: Any = (long(-1), long(0), long(0), long(0))


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


@inlined
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
        column = long(0)
        for j in range(1, len(widths)):
            if widths[j] > widths[column]:
                column = j
        if widths[column] < 0:
            return _NONE
        widths[column] = -1.0
        wanted = long(m)
        if plan.noise > 0:
            wanted = long(draws.target(key, np.uint64(column), long(m), plan.noise))
        code, ties, lows = nearest(plan, scratch, X, column, long(low[column]), long(high[column]), wanted)
        if code >= 0 and (len(plan.ordinal) == 0 or kept(plan, scratch, X, column, code, ties, lows)):
            return code, column, ties, lows
    return _NONE


@inlined
def width(plan: Any, j: int, low: Any, high: Any) -> Any:
    """Return the weighted width of a node in a column, or -1 where it cannot be cut."""
    if high <= low:
        return -1.0
    tree = plan.tree[j]
    if tree < 0:
        return plan.scales[j] * (long(high) - long(low))
    return plan.scales[j] * (long(plan.leaves[tree, common(plan, tree, low, high), low]) - 1)


@inlined
def common(plan: Any, tree: int, low: int, high: int) -> Any:
    """Return the deepest level at which two codes lie below one node."""
    level = plan.nodes.shape[1] - 1
    while plan.nodes[tree, level, low] != plan.nodes[tree, level, high]:
        level -= 1
    return level


@inlined
def nearest(plan: Any, scratch: Any, X: Any, column: int, low: int, high: int, wanted: int) -> Any:
    """Return the cut of a column that lies nearest to where it should: (code, ties on the low side, all rows there)."""
    m, histogram, values = len(X), scratch.histogram, scratch.values
    if m <= FEW and not plan.relaxed and plan.tree[column] < 0 and (m <= FEW // 2 or high - low > FEW):
        code, lows = nearest_of_few(X, m, column, high, plan.k, wanted)
        return code, _FAR, lows
    size = high - low + 1
    direct = size <= DENSE * m
    if direct:
        histogram[:size] = 0
        for i in range(m):
            histogram[long(X[i, column]) - low] += 1
    else:
        size = ranked(X, column, histogram, values)
        low = -1
    if plan.relaxed:
        return between_rows(histogram, values, size, low, min(max(wanted // 2, plan.k), m - plan.k))
    return between_values(plan, histogram, values, size, low, column, m, wanted)


@inlined
def nearest_of_few(X: Any, m: int, column: int, high: int, k: int, wanted: int) -> Any:
    """Return the cut of a small node."""
    if m <= 16:
        return nearest_of_16(X, m, column, high, k, wanted)
    if m <= 32:
        return nearest_of_32(X, m, column, high, k, wanted)
    return nearest_of_64(X, m, column, high, k, wanted)


@inlined
def between_rows(histogram: Any, values: Any, size: int, low: int, lows: int) -> Any:
    """Return the cut behind so many rows; values are ``low`` and up, or those listed where ``low`` is -1."""
    count = long(0)
    for q in range(size):
        count += histogram[q]
        if count >= lows:
            return long(low + q) if low >= 0 else long(values[q]), lows - (count - histogram[q]), lows
    return long(-1), long(0), long(0)


@inlined
def between_values(
    plan: Any, histogram: Any, values: Any, size: int, low: int, column: int, m: int, wanted: int
) -> Any:
    """Return the nearest cut that is allowed; values are ``low`` and up, or those listed where ``low`` is -1."""
    tree, level = plan.tree[column], long(0)
    if tree >= 0:
        first = long(low) if low >= 0 else long(values[0])
        level = common(plan, tree, first, long(first + size - 1) if low >= 0 else long(values[size - 1])) + 1
    best, away, lows, count, last = long(-1), _FAR, long(0), long(0), long(-1)
    for q in range(size):
        if histogram[q] == 0:
            continue
        code = long(low + q) if low >= 0 else long(values[q])
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


@called
def ranked(X: Any, column: int, histogram: Any, values: Any) -> int:
    """Write the column's distinct codes, in order, and how often each occurs; return how many they are."""
    m = len(X)
    for i in range(m):
        values[i] = X[i, column]
    heap_sort(values, m)
    size = -1
    for i in range(m):
        if size < 0 or values[i] != values[size]:
            size += 1
            values[size] = values[i]
            histogram[size] = 0
        histogram[size] += 1
    return size + 1


@called
def heap_sort(values: Any, m: int) -> None:
    """Sort the first m values in place (numba's own sort allocates, which this kernel does without)."""
    for start in range(m // 2 - 1, -1, -1):
        sift(values, start, m)
    for end in range(m - 1, 0, -1):
        values[0], values[end] = values[end], values[0]
        sift(values, 0, end)


@called
def sift(values: Any, root: int, end: int) -> None:
    """Let a value sink to its place in the heap of the first ``end`` values."""
    value, child = values[root], 2 * root + 1
    while child < end:
        if child + 1 < end and values[child + 1] > values[child]:
            child += 1
        if values[child] <= value:
            break
        values[root] = values[child]
        root, child = child, 2 * child + 1
    values[root] = value


@called
def kept(plan: Any, scratch: Any, X: Any, column: int, code: int, ties: int, lows: int) -> Any:
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


@called
def fulfilled(plan: Any, counts: Any, size: int) -> Any:
    """Tell whether a group is diverse and close enough in every sensitive column."""
    for s in range(len(plan.ordinal)):
        distinct, spread = long(0), plan.entropies[size] if plan.entropy else long(0)
        moved, carried = long(0), long(0)
        for v in range(plan.starts[s], plan.starts[s + 1]):
            count = counts[v]
            distinct += count > 0
            if plan.entropy:
                spread -= plan.entropies[count]
            surplus = count * plan.rows - plan.counts[v] * size
            carried = carried + surplus if plan.ordinal[s] else surplus
            if plan.counts[v] > 0:
                moved += abs(carried)
        if plan.entropy:
            if np.float64(spread + distinct + 1) < size * plan.least_entropy:
                return False
        elif distinct < plan.l:
            return False
        if plan.close and np.float64(moved) > plan.most[s] * size:
            return False
    return True
