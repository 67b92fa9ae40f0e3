"""The first cuts of a table that does not fit in memory: decided from merged counts, as the kernel would decide them.

A table is counted once per level of cuts, in chunks of any size and order. The nodes that remain are then grouped each
on its own, under the rules of the whole and with their own key (`mondrian.mondrian_within`); numbered one after the
other, the groups are those of `mondrian` on the whole table. Relaxed cuts depend on the order of rows, which counts do
not know: they are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from casemate.controls.anonymity.census import Statistics, count, none
from casemate.controls.anonymity.closeness import fulfilled, limits
from casemate.controls.anonymity.draws import target
from casemate.controls.anonymity.gathering import make_rules
from casemate.controls.anonymity.grouping import Guarantee
from casemate.controls.anonymity.parts import Cut, Part, place
from casemate.controls.anonymity.rules import Rules
from casemate.controls.anonymity.taxonomies import Tree
from casemate.core.errors import DataError

Chunk = tuple[NDArray[np.integer], NDArray[np.integer] | None]
"""Quasi-identifiers (n, d) and sensitive columns (n, s) of some rows, as codes."""


def decide(node: Statistics, rules: Rules, key: NDArray[np.uint64]) -> Cut | None:
    """Return where a node is cut, or None where no cut is allowed.

    Args:
        node: its counts, merged from all parts.
        rules: the rules of the whole table.
        key: its key, (1,) uint64.

    Raises:
        DataError: relaxed cuts.
    """
    if rules.relaxed:
        raise DataError(
            "relaxed cuts cannot be decided from counts",
            why="where rows of one value are parted depends on their order",
            fix="leave relaxed out, or group the table in memory",
        )
    if node.rows < 2 * rules.guarantee.k:
        return None
    for column in _ranked(node, rules):
        cut = _nearest(node.histogram(column), column, rules, key)
        if cut is not None and _kept(node, cut, rules):
            return cut
    return None


def _ranked(node: Statistics, rules: Rules) -> list[int]:
    """Return the columns in which a node can be cut, widest first."""
    widths = np.full(len(node.columns), -1.0)
    for j in range(len(widths)):
        held = np.flatnonzero(node.histogram(j))
        low, high = held[:1], held[-1:]
        if high > low:
            extent = rules.taxonomies.extent(j, low, high) if rules.taxonomies.of[j] >= 0 else high - low
            widths[j] = (rules.scales[j] * extent)[0]
    order = np.argsort(-widths, kind="stable")
    return [int(j) for j in order if widths[j] >= 0]


def _nearest(histogram: NDArray[np.int64], j: int, rules: Rules, key: NDArray[np.uint64]) -> Cut | None:
    """Return the allowed cut of column j that lies nearest to where it should."""
    codes = np.flatnonzero(histogram)
    lows = np.cumsum(histogram[codes])
    size, k = int(lows[-1]), rules.guarantee.k
    wanted = size
    if rules.noise:
        wanted = int(target(key, np.array([j], dtype=np.uint64), np.array([size]), rules.noise)[0])
    allowed = (lows >= k) & (size - lows >= k)
    allowed[-1] = False
    if rules.taxonomies.of[j] >= 0:
        below = rules.taxonomies.nodes[rules.taxonomies.of[j], rules.taxonomies.level(j, codes[:1], codes[-1:])[0] + 1]
        allowed[:-1] &= below[codes[:-1]] != below[codes[1:]]
    places = np.flatnonzero(allowed)
    if not len(places):
        return None
    best = places[np.argmin(np.abs(2 * lows[places] - wanted))]  # the first, where two are as near
    return Cut(j, int(codes[best]), int(lows[best]))


def _kept(node: Statistics, cut: Cut, rules: Rules) -> bool:
    """Tell whether both sides stay diverse and close enough."""
    if not len(rules.ordinal):
        return True
    counts = node.columns[cut.column]
    sides = np.stack([counts[: cut.code + 1].sum(axis=0), counts[cut.code + 1 :].sum(axis=0)])
    return bool(fulfilled(sides, np.array([cut.lows, node.rows - cut.lows]), rules, limits(rules)).all())


def top_cuts(
    ask: Callable[[Sequence[Part]], Sequence[Statistics]], root: Part, rules: Rules, *, rows_at_most: int
) -> list[Part]:
    """Cut a table until no node has more than so many rows.

    Args:
        ask: counts the rows of each of the given nodes; called once per level.
        root: the whole table.
        rules: its rules.
        rows_at_most: rows that a node may have that is grouped on its own. A node that cannot be cut may have more.

    Returns:
        The nodes, depth first, the low side first: their groups are numbered in this order.
    """
    parts = [root]
    while True:
        open_ = [i for i, part in enumerate(parts) if part.rows > rows_at_most and not part.whole]
        if not open_:
            return parts
        counted = dict(zip(open_, ask([parts[i] for i in open_]), strict=True))
        following: list[Part] = []
        for i, part in enumerate(parts):
            cut = decide(counted[i], rules, part.key) if i in counted else None
            if cut is not None:
                following += part.sides(cut)
            else:
                following.append(replace(part, whole=part.whole or i in counted))
        parts = following


def divide(
    chunks: Callable[[], Iterable[Chunk]],
    guarantee: Guarantee,
    *,
    sizes: Sequence[int],
    values: Sequence[int] = (),
    rows_at_most: int,
    weights: Sequence[float] | None = None,
    trees: Sequence[Tree | None] | None = None,
    ordinal_sensitive: bool | Sequence[bool] = False,
    noise: float = 0.0,
    seed: int = 0,
) -> tuple[Rules, list[Part]]:
    """Find the rules and the first cuts of a table that is read in chunks, once per level.

    Args:
        chunks: opens the table anew and yields it in chunks.
        guarantee: what every group must fulfil.
        sizes: how many codes each quasi-identifier may hold, (d,).
        values: how many codes each sensitive column may hold, (s,); leave out where neither l nor t is asked for.
        rows_at_most: see `top_cuts`.
        weights, trees, ordinal_sensitive, noise, seed: see `mondrian.mondrian`.

    Returns:
        The rules and the parts, for `mondrian.mondrian_within` each; `parts.place` tells in which part a row lies.

    Raises:
        EmptyData, DataError, OutOfRange, ShapeMismatch: as `mondrian.mondrian` does.
    """
    values = values if guarantee.sensitive else ()

    def ask(parts: Sequence[Part]) -> list[Statistics]:
        total = [none(sizes, values)] * len(parts)
        for codes, sensitive in chunks():
            within = place(parts, codes)
            here = count(codes, sensitive if values else None, sizes, values, parts=within, of=len(parts))
            total = [a + b for a, b in zip(total, here, strict=True)]
        return total

    box = np.zeros(len(sizes), np.int64), np.asarray(sizes, dtype=np.int64) - 1
    whole = ask([Part(np.zeros(1, np.uint64), *box, 0)])[0]
    held = [np.flatnonzero(whole.histogram(j)) for j in range(len(sizes))]
    rules = make_rules(
        guarantee,
        rows=whole.rows,
        low=np.array([codes[0] if len(codes) else 0 for codes in held]),
        high=np.array([codes[-1] if len(codes) else 0 for codes in held]),
        weights=weights,
        trees=trees,
        sensitive_counts=whole.secrets(),
        ordinal_sensitive=ordinal_sensitive,
        noise=noise,
        seed=seed,
    )
    return rules, top_cuts(ask, Part(rules.root, *box, whole.rows), rules, rows_at_most=rows_at_most)
