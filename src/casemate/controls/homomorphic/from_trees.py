"""Tree ensembles of scikit-learn, XGBoost and LightGBM, alone or behind scalers, as circuits."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from casemate.controls.homomorphic.circuits import Circuit
from casemate.controls.homomorphic.from_sklearn import ELEMENTWISE, pipeline_steps
from casemate.controls.homomorphic.refusals import refused
from casemate.controls.homomorphic.tree_circuits import Through, tree_circuit
from casemate.core.trees import TreeEnsemble
from casemate.systems.trees import flatten

SKLEARN = (
    "DecisionTreeClassifier",
    "ExtraTreeClassifier",
    "RandomForestClassifier",
    "ExtraTreesClassifier",
    "GradientBoostingClassifier",
    "HistGradientBoostingClassifier",
)
_BOOSTERS = ("xgboost.Booster", "xgboost.XGBModel", "lightgbm.Booster", "lightgbm.LGBMModel")


def is_tree_model(thing: Any) -> bool:
    """Return whether an object is a tree ensemble, or a pipeline that ends in one."""
    last = pipeline_steps(thing)[-1]
    kinds = {f"{kind.__module__.partition('.')[0]}.{kind.__name__}" for kind in type(last).__mro__}
    return bool(kinds & {*_BOOSTERS, *(f"sklearn.{name}" for name in SKLEARN)})


def from_trees(thing: Any, codes: np.ndarray | None = None, names: Sequence[str] | None = None) -> Circuit:
    """Return the circuit of a fitted tree ensemble that tells classes apart.

    Args:
        thing: a classifier or Booster, or a pipeline of `from_sklearn.ELEMENTWISE` scalers that ends in a classifier.
        codes: the label of each of its classes, in its own order; its own order by default.
        names: the labels' names; those that it tells by default.

    Raises:
        ModelUnsupported: splits by category and other trees that `casemate.systems.trees.flatten` refuses, too many
            features on a path, or other steps in a pipeline.
        ModelError: it is not fitted.
    """
    *before, last = pipeline_steps(thing)
    trees = flatten(last)
    own = getattr(last, "classes_", None)
    if codes is None or names is None:
        known = 2 if trees.link == "sigmoid" else len(trees.base)
        told = range(known) if own is None else own
        return tree_circuit(trees, tuple(str(one) for one in told), through=_through(before))
    classes = tuple(names[code] for code in sorted(codes.tolist()))
    return tree_circuit(_ordered(trees, codes), classes, through=_through(before))


def _ordered(trees: TreeEnsemble, codes: np.ndarray) -> TreeEnsemble:
    """The trees with their margins in the order of labels."""
    order = np.argsort(codes)
    if (order == np.arange(len(order))).all():
        return trees
    if trees.link == "sigmoid":  # two classes the other way round: the log-odds change their sign
        return replace(trees, value=-trees.value, base=-trees.base)
    return replace(trees, value=trees.value[:, order], base=trees.base[order])


def _through(before: Sequence[Any]) -> Through | None:
    """What scalers do to rows; None where there are none."""
    if not before:
        return None
    for place, step in enumerate(before):
        if type(step).__name__ not in ELEMENTWISE:
            raise refused(
                type(step).__name__,
                f"step {place + 1} of the pipeline",
                why="thresholds are compared with columns, each scaled by itself",
                fix=f"scale with one of {', '.join(ELEMENTWISE)}, or leave it out: trees need no scaling",
            )

    def scaled(rows: np.ndarray) -> np.ndarray:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="X does not have valid feature names")
            warnings.filterwarnings("ignore", message="overflow", category=RuntimeWarning)
            for step in before:
                rows = np.asarray(step.transform(rows))
        return rows

    return scaled
