"""Mondrian in plain numpy: all nodes of a level at once. Slower than the compiled kernel, and of the same result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from casemate.controls.anonymity.closeness import fulfilled, limits
from casemate.controls.anonymity.draws import high_key, low_key, target
from casemate.controls.anonymity.rows import Rows
from casemate.controls.anonymity.rules import Rules

Integers = NDArray[np.int64]
_CELLS = 1 << 22
"""Counts of sensitive values held at once."""


@dataclass(eq=False)
class _Level:
    """The nodes of one level. Rows lie in ``order``, node after node, each node's in the table's order."""

    order: Integers
    sizes: Integers
    starts: Integers  # where the node will lie among all rows, depth first
    keys: NDArray[np.uint64]

    @property
    def offsets(self) -> Integers:
        return np.cumsum(self.sizes) - self.sizes

    @property
    def owner(self) -> Integers:
        return np.repeat(np.arange(len(self.sizes)), self.sizes)

    def only(self, nodes: NDArray[np.bool_]) -> _Level:
        return _Level(self.order[nodes[self.owner]], self.sizes[nodes], self.starts[nodes], self.keys[nodes])


@dataclass(frozen=True, eq=False)
class _Cuts:
    """Where nodes are cut: ``ties`` rows of value ``codes`` and all rows of lower values fall on the low side."""

    nodes: Integers
    codes: Integers
    ties: Integers
    lows: Integers


def group(
    rows: Rows,
    rules: Rules,
    key: NDArray[np.uint64],
    progress: Callable[[int], None] | None,
) -> tuple[NDArray[np.int32], int]:
    """Return the group of each row, numbered depth first with the low side first, and how many there are."""
    n = len(rows)
    places, first = np.empty(n, np.int64), np.zeros(n + 1, np.bool_)
    level = _Level(np.arange(n), np.array([n]), np.array([0]), key)
    done = 0
    while len(level.sizes):
        level, leaves = _cut(level, rows, rules)
        first[leaves.starts] = True
        places[leaves.order] = np.repeat(leaves.starts, leaves.sizes)
        done += len(leaves.order)
        if progress is not None:
            progress(done)
    numbers = np.cumsum(first[:n], dtype=np.int64) - 1
    return numbers[places].astype(np.int32), int(first.sum())


def _cut(level: _Level, table: Rows, rules: Rules) -> tuple[_Level, _Level]:
    """Cut each node in its widest column that allows it; return the next level, and the nodes that stay whole."""
    X = table.codes[level.order].astype(np.int64)
    low = np.minimum.reduceat(X, level.offsets, axis=0)
    high = np.maximum.reduceat(X, level.offsets, axis=0)
    widths = _widths(low, high, rules)
    widths[level.sizes < 2 * rules.guarantee.k] = -1.0
    ranked = np.argsort(-widths, axis=1, kind="stable")
    open_, side = np.ones(len(level.sizes), np.bool_), np.zeros(len(X), np.int8)
    lows = np.zeros(len(level.sizes), np.int64)
    for choice in range(X.shape[1]):
        column = ranked[:, choice]
        open_ &= widths[np.arange(len(column)), column] >= 0  # no column left to try
        trying = open_ & (lows == 0)
        for j in np.unique(column[trying]):
            nodes = trying & (column == j)
            rows = nodes[level.owner]
            part = level.only(nodes)
            values = X[rows, j]
            cuts = _cuts(part, values, int(j), rules)
            right = _right(part, values, cuts)
            kept = _kept(part, right, cuts, table.sensitive, rules)
            where = np.flatnonzero(nodes)[cuts.nodes[kept]]
            lows[where] = cuts.lows[kept]
            side[rows] = np.where((lows > 0)[level.owner[rows]], right, side[rows])
    return _children(level, side, lows), level.only(lows == 0)


def _widths(low: Integers, high: Integers, rules: Rules) -> NDArray[np.float64]:
    """Return the weighted width of each node in each column, or -1 where it cannot be cut, (g, d)."""
    extents = high - low
    for j in np.flatnonzero(rules.taxonomies.of >= 0):
        extents[:, j] = rules.taxonomies.extent(int(j), low[:, j], high[:, j])
    return np.where(high > low, rules.scales * extents, -1.0)


def _cuts(part: _Level, values: Integers, j: int, rules: Rules) -> _Cuts:
    """Find each node's cut in column j that lies nearest to where it should; nodes without one are left out."""
    wanted = part.sizes
    if rules.noise:
        wanted = target(part.keys, np.array([j], dtype=np.uint64), part.sizes, rules.noise).astype(np.int64)
    owner = part.owner
    order = np.lexsort((values, owner))
    ranked = values[order]
    if rules.relaxed:
        return _relaxed(part, owner, ranked, wanted, rules)
    return _strict(part, owner, ranked, wanted, j, rules)


def _relaxed(part: _Level, owner: Integers, ranked: Integers, wanted: Integers, rules: Rules) -> _Cuts:
    """Cut between rows; equal values are parted in the table's order."""
    k = rules.guarantee.k
    lows = np.clip(wanted // 2, k, part.sizes - k)
    codes = ranked[part.offsets + lows - 1]
    less = np.add.reduceat((ranked < codes[owner]).astype(np.int64), part.offsets)
    return _Cuts(np.arange(len(lows)), codes, lows - less, lows)


def _strict(part: _Level, owner: Integers, ranked: Integers, wanted: Integers, j: int, rules: Rules) -> _Cuts:
    """Cut between values."""
    k = rules.guarantee.k
    ends = np.flatnonzero((ranked[1:] != ranked[:-1]) & (owner[1:] == owner[:-1]))  # last rows of a value
    node = owner[ends]
    lows = ends + 1 - part.offsets[node]
    allowed = (lows >= k) & (part.sizes[node] - lows >= k)
    if rules.taxonomies.of[j] >= 0:
        low, high = ranked[part.offsets], ranked[part.offsets + part.sizes - 1]
        below = rules.taxonomies.level(j, low, high)[node] + 1
        nodes = rules.taxonomies.nodes[rules.taxonomies.of[j]]
        allowed &= nodes[below, ranked[ends]] != nodes[below, ranked[ends + 1]]
    node, lows, ends = node[allowed], lows[allowed], ends[allowed]
    nearest = np.lexsort((lows, np.abs(2 * lows - wanted[node]), node))
    best = nearest[np.diff(node[nearest], prepend=-1) != 0]
    codes = ranked[ends[best]]
    return _Cuts(node[best], codes, np.full(len(best), len(ranked)), lows[best])


def _right(part: _Level, values: Integers, cuts: _Cuts) -> NDArray[np.bool_]:
    """Tell which rows fall on the high side."""
    codes, ties = np.full(len(part.sizes), -1), np.zeros(len(part.sizes), np.int64)
    codes[cuts.nodes], ties[cuts.nodes] = cuts.codes, cuts.ties
    owner = part.owner
    same = values == codes[owner]
    before = np.cumsum(same) - same
    before -= before[part.offsets][owner]
    return np.asarray((values > codes[owner]) | (same & (before >= ties[owner])))


def _kept(
    part: _Level, right: NDArray[np.bool_], cuts: _Cuts, sensitive: NDArray[np.integer], rules: Rules
) -> NDArray[np.bool_]:
    """Tell which cuts leave both sides diverse and close enough."""
    good = np.ones(len(cuts.nodes), np.bool_)
    values = len(rules.counts)
    if not values:
        return good
    most, chunk = limits(rules), max(1, _CELLS // values)
    for start in range(0, len(good), chunk):
        nodes = cuts.nodes[start : start + chunk]
        place = np.full(len(part.sizes), -1)
        place[nodes] = np.arange(len(nodes))
        mine = place[part.owner]
        rows = mine >= 0
        cells = (2 * mine[rows] + right[rows])[:, None] * values + rules.starts[:-1] + sensitive[part.order[rows]]
        counts = np.bincount(cells.ravel(), minlength=2 * len(nodes) * values).reshape(-1, values)
        lows = cuts.lows[start : start + chunk]
        sizes = np.stack([lows, part.sizes[nodes] - lows], axis=1).ravel()
        good[start : start + chunk] = fulfilled(counts, sizes, rules, most).reshape(-1, 2).all(axis=1)
    return good


def _children(level: _Level, side: NDArray[np.int8], lows: Integers) -> _Level:
    """Return the two sides of every node that was cut, low side first."""
    cut = lows > 0
    rows = cut[level.owner]
    order = np.lexsort((side[rows], level.owner[rows]))
    lows, sizes, starts, keys = lows[cut], level.sizes[cut], level.starts[cut], level.keys[cut]
    return _Level(
        level.order[rows][order],
        np.stack([lows, sizes - lows], axis=1).ravel(),
        np.stack([starts, starts + lows], axis=1).ravel(),
        np.stack([low_key(keys), high_key(keys)], axis=1).ravel(),
    )
