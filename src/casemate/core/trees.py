"""A tree ensemble as flat arrays: one exact form for every library's forest or booster.

Attacks and explanations that reason about splits (region search, exact attribution, leaf regions) read these arrays and
never a library's object. Scoring adds the trees in the library's own order and float width, so that even a vote that
is tied up to rounding falls to the same side.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from casemate.core.errors import DataError, ModelError, ModelUnreadable, ShapeMismatch
from casemate.core.links import Width, sigmoid, softmax

Link = Literal["identity", "sigmoid", "softmax"]
Split = Literal["<=", "<"]

LEAF = -1
"""The value of `feature`, `left` and `right` at a leaf."""

_CELLS = 1 << 20
"""Rows x trees walked at once: bounds the memory of an evaluation to some tens of megabytes."""


@dataclass(frozen=True, eq=False)
class TreeEnsemble:
    """All trees of a classifier, concatenated; nodes are numbered across trees and a child comes after its parent.

    A row goes to `left` when its value, rounded to `precision`, is `split` the threshold, and to `right` otherwise;
    NaN goes left where `missing_left` says so. With n nodes, t trees, k margins and d features:

    Args:
        feature: (n,) int32, the column tested, in [0, d); -1 at a leaf.
        threshold: (n,) float64; plus infinity sends every number left; 0 at a leaf.
        left, right: (n,) int32 child nodes; -1 at a leaf.
        missing_left: (n,) bool, where NaN goes; False at a leaf.
        value: (n, k) float64, what a leaf adds to the margins; 0 at an inner node.
        roots: (t,) int32, the first node of each tree, ascending.
        base: (k,) float64, the margins before the first tree.
        n_features: d, the columns that the model was fitted on.
        link: from margins to class scores: "identity" (margins are class shares), "sigmoid" (one margin, two classes),
            or "softmax" (one margin per class).
        split: the comparison that sends a row left.
        precision: the float width to which inputs are rounded before they are compared.
        accumulator: the float width in which leaf values are added and the link computed.
        divisor: the sum of the base and the leaves is divided by this (the number of trees, in a forest that averages).

    Raises:
        ModelError: the arrays do not describe trees (shapes, child order, a node with two parents, NaN thresholds).
    """

    feature: NDArray[np.int32]
    threshold: NDArray[np.float64]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    missing_left: NDArray[np.bool_]
    value: NDArray[np.float64]
    roots: NDArray[np.int32]
    base: NDArray[np.float64]
    n_features: int
    link: Link
    split: Split = "<="
    precision: Width = "float64"
    accumulator: Width = "float64"
    divisor: float = 1.0

    def __post_init__(self) -> None:
        """Take read-only copies of the arrays in their declared types and check that they form trees."""
        for name in ("feature", "left", "right", "roots"):
            _freeze(self, name, np.int32)
        for name in ("threshold", "value", "base"):
            _freeze(self, name, np.float64)
        _freeze(self, "missing_left", np.bool_)
        _check_options(self)
        _check_shapes(self)
        _check_nodes(self)

    @property
    def n_trees(self) -> int:
        """The number of trees, single leaves included."""
        return len(self.roots)

    @property
    def n_nodes(self) -> int:
        """The number of nodes of all trees together, leaves included."""
        return len(self.feature)

    @property
    def n_classes(self) -> int:
        """The number of columns of `scores`."""
        return 2 if self.link == "sigmoid" else self.value.shape[1]

    def leaves(self, X: ArrayLike) -> NDArray[np.int32]:
        """The leaf that each row of X (n, d) reaches in each tree, as (n, t) node numbers; NaN means missing.

        Raises:
            DataError: X is not a numeric matrix with d columns.
        """
        rows = self._rows(X)
        parts = [self._walk(rows[part]) for part in self._parts(len(rows))]
        return np.concatenate(parts) if parts else np.zeros((0, self.n_trees), np.int32)

    def margins(self, X: ArrayLike) -> NDArray[np.float64]:
        """The raw scores before the link, (n, k), for X of shape (n, d): log-odds, or class shares for "identity".

        Raises:
            DataError: X is not a numeric matrix with d columns.
        """
        rows = self._rows(X)
        values = self.value.astype(self.accumulator)
        sums = np.tile(self.base.astype(self.accumulator), (len(rows), 1))
        for part in self._parts(len(rows)):
            for leaves in self._walk(rows[part]).T:  # tree by tree: the library's order of addition
                sums[part] += values[leaves]
        return np.asarray(sums / sums.dtype.type(self.divisor), dtype=np.float64)

    def scores(self, X: ArrayLike) -> NDArray[np.float64]:
        """The class probabilities, (n, classes), for X of shape (n, d); columns in the order of the library's classes.

        Raises:
            DataError: X is not a numeric matrix with d columns.
        """
        margins = self.margins(X)
        if self.link == "identity":
            return margins
        return (sigmoid if self.link == "sigmoid" else softmax)(margins, self.accumulator)

    def labels(self, X: ArrayLike) -> NDArray[np.int64]:
        """The column of the highest score for each row of X (n, d), (n,); a tie goes to the lower column."""
        return np.asarray(np.argmax(self.scores(X), axis=1), dtype=np.int64)

    def thresholds(self, feature: int) -> NDArray[np.float64]:
        """The distinct thresholds at which any tree splits the feature (a column in [0, d)), ascending.

        Raises:
            DataError: there is no such column.
        """
        if not 0 <= feature < self.n_features:
            raise DataError(f"there is no feature {feature}", where=f"columns 0 to {self.n_features - 1}")
        return np.unique(self.threshold[self.feature == feature])

    def edges(self, thresholds: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """For each threshold, the greatest number that goes left and the least that goes right.

        Both are exact in `precision`, the width in which the model compares. Where no number goes right (a threshold
        of plus infinity under "<=") the second is NaN; where none goes left, the first is.
        """
        exact = np.asarray(thresholds, dtype=np.float64)
        with np.errstate(over="ignore"):
            near = exact.astype(self.precision)
        goes_left = self.goes_left(near, exact)
        above, below = (np.nextafter(near, near.dtype.type(end)) for end in (np.inf, -np.inf))
        left = np.where(goes_left, near, below).astype(np.float64)
        right = np.where(goes_left, above, near).astype(np.float64)
        left[~self.goes_left(left, exact)] = np.nan
        right[self.goes_left(right, exact)] = np.nan
        return left, right

    def goes_left(self, values: NDArray[Any], thresholds: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether each number, already in `precision`, goes left of its threshold; False for NaN."""
        result: NDArray[np.bool_] = values <= thresholds if self.split == "<=" else values < thresholds
        return result

    def _rows(self, X: ArrayLike) -> NDArray[np.float64]:
        """X as (n, d) float64 holding only values that exist in `precision`."""
        try:
            with np.errstate(over="ignore"):
                rows = np.asarray(X).astype(self.precision).astype(np.float64)
        except (TypeError, ValueError) as error:
            raise DataError("the input is not a matrix of numbers", why=str(error)) from error
        if rows.ndim != 2 or rows.shape[1] != self.n_features:
            raise ShapeMismatch(f"the input has shape {rows.shape}", why=f"the trees need (rows, {self.n_features})")
        return rows

    def _parts(self, n_rows: int) -> Iterator[slice]:
        """Consecutive slices of the rows, each small enough to be walked at once."""
        step = max(1, _CELLS // max(1, self.n_trees))
        return (slice(start, start + step) for start in range(0, n_rows, step))

    def _walk(self, rows: NDArray[np.float64]) -> NDArray[np.int32]:
        """All rows down all trees, one level at a time; the pairs that reached a leaf drop out."""
        nodes = np.tile(self.roots, len(rows))
        pairs = np.flatnonzero(self.feature[nodes] != LEAF)
        while len(pairs):
            at = nodes[pairs]
            seen = rows[pairs // self.n_trees, self.feature[at]]
            left = self.goes_left(seen, self.threshold[at]) | (np.isnan(seen) & self.missing_left[at])
            nodes[pairs] = at = np.where(left, self.left[at], self.right[at])
            pairs = pairs[self.feature[at] != LEAF]
        return nodes.reshape(len(rows), self.n_trees)


def _freeze(ensemble: TreeEnsemble, name: str, dtype: DTypeLike) -> None:
    """Replace a field with a read-only copy in the declared type; refuse values that the type cannot hold."""
    given = np.asarray(getattr(ensemble, name))
    copy = given.astype(dtype)
    if not np.array_equal(copy, given, equal_nan=copy.dtype.kind == "f"):
        raise _malformed(f"`{name}` does not fit the type {copy.dtype}")
    copy.setflags(write=False)
    object.__setattr__(ensemble, name, copy)


def _check_options(trees: TreeEnsemble) -> None:
    """The link, the comparison, the widths and the divisor must be ones that evaluation knows."""
    widths = ("float32", "float64")
    known = {"link": ("identity", "sigmoid", "softmax"), "split": ("<=", "<"), "precision": widths}
    for name, allowed in (known | {"accumulator": widths}).items():
        if getattr(trees, name) not in allowed:
            raise _malformed(f"`{name}` is {getattr(trees, name)!r}, not one of {', '.join(allowed)}")
    if not (np.isfinite(trees.divisor) and trees.divisor > 0):
        raise _malformed(f"`divisor` is {trees.divisor}, not a positive number")


def _check_shapes(trees: TreeEnsemble) -> None:
    """Every per-node array must have one entry per node, and values as many columns as the base and the link."""
    n = len(trees.feature) if trees.feature.ndim == 1 else -1
    flat = (trees.threshold, trees.left, trees.right, trees.missing_left)
    if n < 0 or any(array.shape != (n,) for array in flat):
        raise _malformed("the arrays of nodes differ in length")
    if trees.value.ndim != 2 or trees.value.shape[0] != n or trees.base.shape != trees.value.shape[1:]:
        raise _malformed(f"`value` has shape {trees.value.shape} and `base` {trees.base.shape}, with {n} nodes")
    least = {"identity": 1, "sigmoid": 1, "softmax": 2}[trees.link]
    if len(trees.base) < least or (trees.link == "sigmoid" and len(trees.base) != 1):
        raise _malformed(f"the link {trees.link} does not fit {len(trees.base)} margins")
    if not (np.isfinite(trees.value).all() and np.isfinite(trees.base).all()):
        raise _malformed("a leaf value or base score is not finite")


def _check_nodes(trees: TreeEnsemble) -> None:
    """Children come after parents and every node but the roots has one parent: finite trees, no loops, no sharing."""
    nodes, leaf = np.arange(trees.n_nodes), trees.feature == LEAF
    if trees.feature.min(initial=LEAF) < LEAF or trees.feature.max(initial=LEAF) >= trees.n_features:
        raise _malformed(f"a node tests a column outside 0 to {trees.n_features - 1}")
    if np.isnan(trees.threshold).any():
        raise _malformed("a threshold is NaN")
    if trees.roots.ndim != 1 or not len(trees.roots) or (np.diff(trees.roots) <= 0).any():
        raise _malformed("`roots` must name at least one tree, in ascending order")
    children = np.concatenate((trees.left[~leaf], trees.right[~leaf]))
    childless = (trees.left[leaf] == LEAF).all() and (trees.right[leaf] == LEAF).all()
    if (children <= np.tile(nodes[~leaf], 2)).any() or not childless:
        raise _malformed("a child does not come after its parent, or a leaf has children")
    if not np.array_equal(np.sort(np.concatenate((children, trees.roots))), nodes):
        raise _malformed("a node has no parent, or two, and is not a root")


def _malformed(what: str) -> ModelError:
    """The error for arrays that are not trees."""
    return ModelUnreadable(
        f"the tree ensemble is malformed: {what}",
        why="evaluating it could loop, read outside its arrays or give wrong scores",
        fix="the model is damaged or forged: save it again, from a source that you trust",
    )
