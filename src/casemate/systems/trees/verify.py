"""Hold a flat ensemble against the library that it came from, at every threshold and one ulp to either side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from casemate.core.errors import ModelError, ShapeMismatch
from casemate.core.trees import TreeEnsemble
from casemate.systems.trees.probes import Probes, at_base_points, at_nodes

_BATCH = 1 << 15
"""Rows asked of the library at once."""


@dataclass(frozen=True)
class Verified:
    """What was compared: the rows asked, and the largest difference between two probabilities."""

    rows: int
    largest_difference: float


def verify(
    ensemble: TreeEnsemble,
    predict_proba: Callable[[NDArray[Any]], ArrayLike],
    X: ArrayLike | None = None,
    *,
    missing: bool = False,
    nodes: int | None = None,
    tolerance: float | None = None,
) -> Verified:
    """Show that the ensemble answers as the library does, or raise at the first row where it does not.

    Every split node is asked on a row that reaches it, with the tested feature at the threshold (rounded to the
    float width in which the model compares), one ulp below and one ulp above. With X, (m, d), every threshold is
    asked on each of these rows too, and the rows themselves are compared; give a few, since each costs three questions
    per threshold. A forest that predicts with several threads adds its trees in any order, which may turn a vote that
    is tied up to rounding: verify it with n_jobs=1.

    Args:
        ensemble: the flat form.
        predict_proba: the library's own function from (n, d) to (n, classes) probabilities, or to (n,) probabilities
            of the second class; called with arrays of `ensemble.precision`.
        X: base rows, (m, d); the first stands in for the zeros to which untested features are otherwise set.
        missing: also probe NaN in every tested feature. Only for models that accept NaN.
        nodes: probe about so many split nodes, spread evenly over the trees, rather than all; at least 1.
        tolerance: the largest allowed difference between probabilities. By default 1e-12, or where the library adds in
            float32, 1e-6 (8 to 16 ulps of a probability). Labels must be identical, tolerance or not.

    Returns:
        How many rows were compared and how near the answers were.

    Raises:
        ModelError: a label or a probability differs; names the row, the feature and the threshold.
        ShapeMismatch: X or the library's answer has another shape than the ensemble.
    """
    allowed = tolerance if tolerance is not None else (1e-6 if ensemble.accumulator == "float32" else 1e-12)
    points = np.zeros((0, ensemble.n_features)) if X is None else np.asarray(X, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != ensemble.n_features:
        raise ShapeMismatch(f"the base rows have shape {points.shape}, not (rows, {ensemble.n_features})")
    start = np.nan_to_num(points[0]) if len(points) else np.zeros(ensemble.n_features)
    plain = points if len(points) else start[None, :]
    whole = Probes(plain, np.full(len(plain), -1, np.int32), np.full(len(plain), np.nan))
    rows, largest = 0, 0.0
    for probes in chain([whole], at_nodes(ensemble, start, missing, nodes), at_base_points(ensemble, points, missing)):
        for first in range(0, len(probes.rows), _BATCH):
            part = slice(first, first + _BATCH)
            batch = Probes(probes.rows[part], probes.feature[part], probes.threshold[part])
            largest = max(largest, _compare(ensemble, predict_proba, batch, allowed))
        rows += len(probes.rows)
    return Verified(rows, largest)


def _compare(
    ensemble: TreeEnsemble, predict_proba: Callable[[Any], ArrayLike], probes: Probes, allowed: float
) -> float:
    """The largest difference between probabilities on these rows; raises where it is too large or a label differs."""
    rows = probes.rows.astype(ensemble.precision)
    theirs = np.asarray(predict_proba(rows), dtype=np.float64)
    if theirs.ndim == 1:
        theirs = np.stack((1 - theirs, theirs), axis=1)
    ours = ensemble.scores(rows)
    if theirs.shape != ours.shape:
        raise ShapeMismatch(f"the library answers with shape {theirs.shape}, the ensemble with {ours.shape}")
    gap = np.abs(ours - theirs).max(axis=1)
    wrong = np.flatnonzero(~(gap <= allowed) | (ours.argmax(axis=1) != theirs.argmax(axis=1)))
    if len(wrong):
        at = int(wrong[0])
        raise _differs(probes, at, ours[at], theirs[at])
    return float(gap.max(initial=0.0))


def _differs(probes: Probes, at: int, ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> ModelError:
    """The error that names the first row, feature and threshold where the two models part."""
    feature, row = int(probes.feature[at]), [float(value) for value in probes.rows[at]]
    place = (
        f"row {row}" if feature < 0 else f"feature {feature} at threshold {float(probes.threshold[at])!r}, row {row}"
    )
    return ModelError(
        f"the flat trees score {ours.tolist()} where the library scores {theirs.tolist()}",
        where=place,
        why="an attack or explanation that reads these trees would reason about another model",
        fix="check that both are the same fitted model, then report this model to Casemate with the row above",
    )
