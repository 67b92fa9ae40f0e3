"""Ladders: the fixed steps by which one column may be blurred as a whole, from its values up to ``*``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from casemate.controls.anonymity.domains import Domain
from casemate.controls.anonymity.hierarchies import WHOLE, Hierarchy
from casemate.controls.anonymity.labels import range_text
from casemate.core.release import Meanings


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
