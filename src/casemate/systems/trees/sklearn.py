"""Read scikit-learn's trees, forests and gradient boosting.

Trees, forests and GradientBoosting round their input to float32; HistGradientBoosting compares in float64. All send a
row left when its value is <= the threshold.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from casemate.core.errors import ModelError, ModelUnsupported
from casemate.core.trees import TreeEnsemble
from casemate.systems.trees.assemble import Tree, join, one_margin, refuse


def from_sklearn(estimator: Any) -> TreeEnsemble:
    """The trees of a fitted scikit-learn tree classifier; score columns follow `estimator.classes_`.

    Raises:
        ModelError: the class is not supported or not fitted, has several outputs, splits on categories, or starts from
            an `init` estimator whose prediction depends on the row.
    """
    from sklearn import ensemble, tree
    from sklearn.exceptions import NotFittedError
    from sklearn.utils.validation import check_is_fitted

    readers = {
        tree.DecisionTreeClassifier: lambda model: _averaged(model, [model]),
        ensemble.RandomForestClassifier: lambda model: _averaged(model, model.estimators_),
        ensemble.ExtraTreesClassifier: lambda model: _averaged(model, model.estimators_),
        ensemble.GradientBoostingClassifier: _boosted,
        ensemble.HistGradientBoostingClassifier: _histogram,
    }
    for kind, read in readers.items():
        if isinstance(estimator, kind):
            try:
                check_is_fitted(estimator)
            except NotFittedError as error:
                raise ModelError(
                    f"{type(estimator).__name__} is not fitted", fix="call its fit method first"
                ) from error
            return read(estimator)
    names = ", ".join(kind.__name__ for kind in readers)
    raise ModelUnsupported(f"{type(estimator).__name__} is not a supported tree ensemble", fix=f"give one of: {names}")


def _averaged(model: Any, trees: Any) -> TreeEnsemble:
    """A tree or a forest: the mean over trees of the class shares in the leaves."""
    if model.n_outputs_ != 1:
        raise refuse(f"it has {model.n_outputs_} outputs", "scores hold one label", "fit one classifier per output")
    return join(
        [_tree(tree.tree_, tree.tree_.value[:, 0, :]) for tree in trees],
        base=np.zeros(model.n_classes_),
        n_features=model.n_features_in_,
        link="identity",
        precision="float32",
        divisor=float(len(trees)),
    )


def _boosted(model: Any) -> TreeEnsemble:
    """GradientBoostingClassifier: a constant start, then each round's trees shrunk by the learning rate."""
    margins = model.estimators_.shape[1]
    # The exponential loss models half the log-odds: doubling is exact and makes its margins log-odds.
    scale = 2.0 if model.loss == "exponential" else 1.0
    trees = [
        _tree(tree.tree_, one_margin(scale * (model.learning_rate * tree.tree_.value[:, 0, 0]), margin, margins))
        for stage in model.estimators_
        for margin, tree in enumerate(stage)
    ]
    return join(
        trees,
        base=scale * _start(model, margins),
        n_features=model.n_features_in_,
        link="sigmoid" if margins == 1 else "softmax",
        precision="float32",
    )


def _start(model: Any, margins: int) -> NDArray[np.float64]:
    """The margins (k,) before the first tree: zero, or the linked class shares of the training labels."""
    from scipy.special import logit
    from scipy.stats import gmean
    from sklearn.dummy import DummyClassifier

    start = model.init_
    if isinstance(start, str) and start == "zero":
        return np.zeros(margins)
    if not isinstance(start, DummyClassifier) or start.strategy != "prior":
        raise refuse(
            f"its init is {start!r}", "a start that depends on the row is not a sum of trees", "use init=None or 'zero'"
        )
    eps = np.finfo(np.float64).eps
    shares = np.clip(np.asarray(start.class_prior_, dtype=np.float64), eps, 1 - eps)
    if margins > 1:
        return np.asarray(np.log(shares / gmean(shares)))
    return np.asarray(logit(shares[1:])) * (0.5 if model.loss == "exponential" else 1.0)


def _tree(tree: Any, value: NDArray[Any]) -> Tree:
    """One of scikit-learn's `Tree` objects; it numbers children after their parents."""
    missing_left = tree.missing_go_to_left
    return Tree(tree.feature, tree.threshold, tree.children_left, tree.children_right, missing_left, value)


def _histogram(model: Any) -> TreeEnsemble:
    """HistGradientBoostingClassifier: a baseline, then trees whose leaves are already shrunk."""
    if model.is_categorical_ is not None and np.any(model.is_categorical_):
        columns = np.flatnonzero(model.is_categorical_).tolist()
        raise refuse(
            f"columns {columns} are split by category",
            "the flat form compares numbers with thresholds",
            "one-hot encode them before the model and fit with categorical_features=None",
        )
    # scikit-learn publishes neither the trees nor the baseline of this class.
    rounds, base = model._predictors, np.ravel(model._baseline_prediction)
    trees = [
        _histogram_tree(predictor.nodes, margin, len(base))
        for stage in rounds
        for margin, predictor in enumerate(stage)
    ]
    link = "sigmoid" if len(base) == 1 else "softmax"
    return join(trees, base=base, n_features=model.n_features_in_, link=link, precision="float64")


def _histogram_tree(nodes: NDArray[Any], margin: int, margins: int) -> Tree:
    """One predictor's structured array; a threshold of plus infinity sends every number left and NaN right."""
    leaf = nodes["is_leaf"].astype(bool)
    return Tree(
        feature=nodes["feature_idx"],
        threshold=np.where(leaf, 0.0, nodes["num_threshold"]),
        left=np.where(leaf, -1, nodes["left"].astype(np.int64)),
        right=np.where(leaf, -1, nodes["right"].astype(np.int64)),
        missing_left=nodes["missing_go_to_left"],
        value=one_margin(nodes["value"], margin, margins),
    )
