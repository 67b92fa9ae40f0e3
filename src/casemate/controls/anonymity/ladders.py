"""Ladders: the fixed steps by which one column may be blurred as a whole, from its values up to ``*``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from casemate.controls.anonymity.bands import STEPS
from casemate.controls.anonymity.domains import Detail, Domain
from casemate.controls.anonymity.hierarchies import WHOLE, Hierarchy
from casemate.controls.anonymity.labels import range_text
from casemate.controls.anonymity.survey import beyond_exact
from casemate.core.release import Meanings

if TYPE_CHECKING:
    import polars

MOST_BANDS = 32  # bands of numbers that nobody declared, at the narrowest step


@dataclass(frozen=True, eq=False)
class Ladder:
    """The steps of one column.

    Args:
        domain: its values.
        nodes: what each code becomes at every step, (steps, size) int32; the last step is one node for all.
        tree: the names of the nodes; None where nothing lies between the values and ``*``.
        levels: the level of the tree that each step is; the last step is above them.
        losses: share of the column's detail that each code loses at every step, (steps, size) in [0, 1].
    """

    domain: Domain
    nodes: np.ndarray
    tree: Hierarchy | None
    levels: tuple[int, ...]
    losses: np.ndarray

    @property
    def steps(self) -> int:
        """How many steps there are, the values and ``*`` included."""
        return len(self.nodes)

    def meanings(self, step: int) -> Meanings:
        """Return the labels of a step by node, and what they mean."""
        top = len(self.domain.raw) - 1
        if step == self.steps - 1:
            return Meanings(self.domain.raw, (WHOLE,), np.zeros(1, np.int32), np.full(1, top, np.int32))
        first = np.flatnonzero(np.diff(self.nodes[step], prepend=-1))
        last = np.append(first[1:], self.domain.size) - 1
        low, high = self.domain.ends(first, last=False), self.domain.ends(last, last=True)
        labels = tuple(self._label(step, *ends) for ends in zip(low.tolist(), high.tolist(), strict=True))
        return Meanings(self.domain.raw, labels, low.astype(np.int32), high.astype(np.int32))

    def _label(self, step: int, low: int, high: int) -> str:
        if low == len(self.domain.values):
            return ""
        if step == 0 or self.tree is None:
            text = self.domain.text(low)
            return text if low == high else range_text(text, self.domain.text(high))
        level = self.levels[step]
        return self.domain.name_text(self.tree.names[level][int(self.tree.nodes[level, low])])


def ladder(domain: Domain) -> Ladder:
    """Return the steps of a column: its hierarchy's levels; without one, only the values and ``*``."""
    tree = domain.hierarchy
    levels = (0,) if tree is None else _aligned(tree, domain)
    nodes = np.arange(domain.bins, dtype=np.int32)[None]
    if tree is not None:
        starts = np.arange(domain.bins) if domain.starts is None else domain.starts
        nodes = np.vstack([nodes, tree.nodes[list(levels[1:])][:, starts]])
    if domain.missing:
        nodes = np.hstack([nodes, nodes[:, -1:] + 1 if domain.bins else np.zeros((1, 1), np.int32)])
    nodes = np.vstack([nodes, np.zeros_like(nodes[:1])]).astype(np.int32)
    return Ladder(domain, nodes, tree, levels, np.stack([_loss(row) for row in nodes]))


def automatic(column: polars.Series, detail: Detail) -> Detail:
    """Return how a column may be blurred, with round bands for numbers and dates that have no hierarchy yet.

    Numbers get bands of 1, 2 or 5 times a power of ten, at most 32 of them, doubled until they hold the whole range;
    dates get months, quarters, years and decades.
    """
    import polars as pl

    if detail.rows or detail.widths or detail.steps or detail.prefixes or detail.ordinal is False or detail.order:
        return detail
    if column.dtype.is_numeric() and not beyond_exact(column):
        return replace(detail, widths=_round_widths(column))
    if column.dtype == pl.Date or isinstance(column.dtype, pl.Datetime):
        return replace(detail, steps=STEPS)
    return detail


def _aligned(tree: Hierarchy, domain: Domain) -> tuple[int, ...]:
    """Return the levels below the root at which no two nodes share a code.

    The root itself is left out: it is written "*", and holds missing values too.
    """
    levels = range(1, tree.levels - 1)
    if domain.starts is None:
        return (0, *levels)
    stops = np.append(domain.starts[1:], len(domain.values)) - 1
    return (0, *(level for level in levels if (tree.nodes[level, domain.starts] == tree.nodes[level, stops]).all()))


def _loss(nodes: np.ndarray) -> np.ndarray:
    return np.asarray((np.bincount(nodes)[nodes] - 1) / max(len(nodes) - 1, 1))


def _round_widths(column: polars.Series) -> tuple[float, ...]:
    import polars as pl

    numbers = column.cast(pl.Float64).drop_nulls().drop_nans()
    span = float(numbers.max() or 0.0) - float(numbers.min() or 0.0) if len(numbers) else 0.0  # type: ignore[arg-type]
    if not np.isfinite(span) or span == 0:
        return ()
    narrow = round_up(span / MOST_BANDS)
    if column.dtype.is_integer():
        narrow = max(narrow, 2.0)
    widths = [narrow]
    while widths[-1] < span:
        widths.append(widths[-1] * 2)
    return tuple(widths[:-1] or widths)


def round_up(width: float) -> float:
    """Return the next number from a width above 0 upwards that is 1, 2 or 5 times a power of ten."""
    power = 10.0 ** float(np.floor(np.log10(width)))
    return float(next(step * power for step in (1, 2, 5, 10) if step * power >= width * (1 - 1e-12)))
