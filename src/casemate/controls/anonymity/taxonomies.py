"""Taxonomies of categories as arrays: the lowest node that covers a range of codes, and where a node may be cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from casemate.core.errors import DataError, ShapeMismatch

Tree = NDArray[np.integer]
"""One column's taxonomy: the node of every code at every level, widest level first, (levels, c). Codes are in
depth-first order, so that every node covers a run of codes, and every level cuts within the nodes of the one above."""


@dataclass(frozen=True, eq=False)
class Taxonomies:
    """The taxonomies of all columns, padded to one shape: (m, levels, c) for m columns that have one.

    Args:
        of: which taxonomy each column has, or -1, (d,) int32.
        nodes: the node of each code at each level: one root first, the codes themselves last.
        leaves: how many codes lie below that node.
    """

    of: NDArray[np.int32]
    nodes: NDArray[np.int32]
    leaves: NDArray[np.int32]

    @classmethod
    def pack(cls, trees: Sequence[Tree | None] | None, d: int) -> Taxonomies:
        """Return the taxonomies of d columns.

        Raises:
            ShapeMismatch: not one entry per column.
            DataError: codes that are not in depth-first order, or levels that do not nest.
        """
        trees = [None] * d if trees is None else list(trees)
        if len(trees) != d:
            raise ShapeMismatch(f"{len(trees)} taxonomies for {d} columns", fix="give one per column, None for none")
        whole = [(j, _whole(np.asarray(tree), j)) for j, tree in enumerate(trees) if tree is not None]
        of = np.full(d, -1, np.int32)
        levels = max((tree.shape[0] for _, tree in whole), default=1)
        width = max((tree.shape[1] for _, tree in whole), default=1)
        nodes = np.zeros((len(whole), levels, width), np.int32)
        leaves = np.ones((len(whole), levels, width), np.int32)
        for place, (j, tree) in enumerate(whole):
            of[j] = place
            c = tree.shape[1]
            nodes[place, :, :c] = tree[[*range(len(tree)), *[-1] * (levels - len(tree))]]
            for level in range(levels):
                row = nodes[place, level, :c]
                leaves[place, level, :c] = np.bincount(row)[row]
        return cls(of, nodes, leaves)

    def level(self, j: int, low: NDArray[np.integer], high: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return the deepest level at which low and high codes of column j lie below one node."""
        nodes = self.nodes[self.of[j]]
        together = nodes[:, low] == nodes[:, high]
        return np.asarray(together.sum(axis=0) - 1, dtype=np.int64)

    def extent(self, j: int, low: NDArray[np.integer], high: NDArray[np.integer]) -> NDArray[np.int64]:
        """Return how many codes, less one, the lowest common node of low and high covers."""
        leaves = self.leaves[self.of[j]]
        return np.asarray(leaves[self.level(j, low, high), low] - 1, dtype=np.int64)


def _whole(tree: NDArray[np.integer], j: int) -> NDArray[np.int32]:
    """Number the nodes by level from the left; add the root and the codes where they are missing."""
    if tree.ndim != 2 or tree.shape[1] == 0:
        raise ShapeMismatch(f"the taxonomy of column {j} must be (levels, codes), not {tree.shape}")
    edges = tree[:, 1:] != tree[:, :-1]
    for level, row in enumerate(tree):
        if len(np.unique(row)) != edges[level].sum() + 1:
            raise DataError(
                f"a node of level {level} is torn apart in the taxonomy of column {j}",
                why="a cut between two codes must part whole nodes",
                fix="number the categories in depth-first order of their taxonomy",
            )
        if level and (edges[level - 1] & ~edges[level]).any():
            raise DataError(
                f"level {level} of the taxonomy of column {j} joins what level {level - 1} keeps apart",
                why="levels go from wide to narrow",
                fix="give the widest level first",
            )
    edges = np.vstack([np.zeros_like(edges[:1]), edges, np.ones_like(edges[:1])])
    return np.hstack([np.zeros((len(edges), 1), np.int32), np.cumsum(edges, axis=1, dtype=np.int32)])
