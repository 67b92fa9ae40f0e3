"""Types that a .skops file may hold beyond those that skops trusts, and what is checked of them before they are used.

All are classes of the libraries themselves, and making one runs no code but its library's. Trees and neighbour indices
are compiled, though, and follow the numbers in them without looking: a forged child index would read foreign memory
or never end. So these numbers are checked before anybody predicts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from casemate.core.errors import ModelUnreadable

_DISTANCES = ("Euclidean", "Manhattan", "Chebyshev", "Minkowski", "SEuclidean")
_KERNELS = (
    "CompoundKernel",
    "ConstantKernel",
    "DotProduct",
    "ExpSineSquared",
    "Exponentiation",
    "Hyperparameter",
    "Matern",
    "Product",
    "RBF",
    "RationalQuadratic",
    "Sum",
    "WhiteKernel",
)

TRUSTED = frozenset(
    {
        "collections.OrderedDict",
        "collections.defaultdict",
        "lightgbm.basic.Booster",
        "lightgbm.sklearn.LGBMClassifier",
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._SigmoidCalibration",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
        "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
        "sklearn.neural_network._stochastic_optimizers.SGDOptimizer",
        "sklearn.tree._tree.Tree",
        "sklearn.utils._bunch.Bunch",
        "xgboost.core.Booster",
        "xgboost.sklearn.XGBClassifier",
        *(f"sklearn.gaussian_process.kernels.{name}" for name in _KERNELS),
        *(f"sklearn.metrics._dist_metrics.{name}Distance{bits}" for name in _DISTANCES for bits in ("", "32", "64")),
        *(
            f"sklearn.neighbors._{module}.{name}{bits}"
            for module, name in (("kd_tree", "KDTree"), ("ball_tree", "BallTree"))
            for bits in ("", "32", "64")
        ),
    }
)


def check(thing: object, where: str) -> None:
    """Check every tree and neighbour index inside a loaded estimator.

    Raises:
        ModelUnreadable: an index that points outside its array, or a tree whose child does not come after its parent.
    """
    for part in _inside(thing):
        sound = _CHECKS[type(part).__name__](part)
        if not sound:
            raise ModelUnreadable(
                f"a {type(part).__name__} in the file holds an index that points outside of it",
                where=where,
                why="compiled code would follow it into foreign memory, or never end",
                fix="the file is damaged or forged: save the model again, from a source that you trust",
            )


def _tree(tree: Any) -> bool:
    feature = tree.feature[tree.children_left >= 0]
    return (
        _children(tree.children_left, tree.children_right, tree.children_left < 0)
        and bool(((feature >= 0) & (feature < tree.n_features)).all())
        and len(tree.value) == tree.node_count
    )


def _predictor(predictor: Any) -> bool:
    nodes = predictor.nodes
    leaf = nodes["is_leaf"].astype(bool)
    categorical = ~leaf & nodes["is_categorical"].astype(bool)
    sets = min(len(predictor.raw_left_cat_bitsets), len(predictor.binned_left_cat_bitsets))
    left, right = nodes["left"].astype(np.int64), nodes["right"].astype(np.int64)
    return _children(left, right, leaf) and bool((nodes["bitset_idx"][categorical] < sets).all())


def _children(left: np.ndarray, right: np.ndarray, leaf: np.ndarray) -> bool:
    """Whether every inner node's children exist and come after it, so that every path ends."""
    parent, n = np.flatnonzero(~leaf), len(left)
    return all(bool(((child[parent] > parent) & (child[parent] < n)).all()) for child in (left, right)) and n > 0


def _neighbours(index: Any) -> bool:
    data, order, nodes, _ = index.get_arrays()
    start, end = np.asarray(nodes["idx_start"]), np.asarray(nodes["idx_end"])
    order = np.asarray(order)
    inside = (order >= 0) & (order < len(data))
    return bool(inside.all() and ((start >= 0) & (start <= end) & (end <= len(data))).all())


_CHECKS = {
    "Tree": _tree,
    "TreePredictor": _predictor,
    **{f"{name}{bits}": _neighbours for name in ("KDTree", "BallTree") for bits in ("", "32", "64")},
}


def _inside(thing: object) -> Iterator[Any]:
    """Every object inside that has a check, each once."""
    stack, seen = [thing], set()
    while stack:
        part = stack.pop()
        if id(part) in seen or isinstance(part, str | bytes | int | float | type(None)):
            continue
        seen.add(id(part))
        if type(part).__name__ in _CHECKS and type(part).__module__.startswith("sklearn."):
            yield part
        if isinstance(part, dict):
            stack += part.values()
        elif isinstance(part, list | tuple | set | frozenset):
            stack += part
        elif isinstance(part, np.ndarray):
            stack += part.ravel().tolist() if part.dtype == object else []
        else:
            stack += getattr(part, "__dict__", {}).values()
