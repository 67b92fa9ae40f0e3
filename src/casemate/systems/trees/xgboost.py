"""Read XGBoost's boosters from their JSON model format.

Inputs, thresholds, leaf values and sums are float32; a row goes left when its value is < the threshold.
Source: the model schema in XGBoost's documentation, "Introduction to Model IO".
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from casemate.core.errors import ModelError, ModelUnreadable
from casemate.core.trees import TreeEnsemble
from casemate.systems.trees.assemble import Tree, join, one_margin, refuse

_LINKS = {"binary:logistic": "sigmoid", "multi:softprob": "softmax", "multi:softmax": "softmax"}


def from_xgboost(model: Any) -> TreeEnsemble:
    """The trees of a Booster or of a fitted XGBClassifier (gbtree or dart, two classes or more).

    A classifier that stopped early predicts with its best round, and so does the result; a Booster predicts with all.

    Raises:
        ModelError: not fitted, or the model has another objective, a linear booster, categorical splits, vector leaves,
            or a missing value other than NaN.
    """
    rounds, booster = None, model
    if hasattr(model, "get_booster"):
        _check_missing(model)
        booster = _fitted(model)
        best = booster.attr("best_iteration")
        rounds = None if best is None else int(best) + 1
    learner = json.loads(booster.save_raw(raw_format="json"))["learner"]
    link = _LINKS.get(learner["objective"]["name"])
    if link is None:
        raise refuse(f"its objective is {learner['objective']['name']}", "no known link to scores", _one_of(_LINKS))
    trees, weights, groups = _forest(learner["gradient_booster"], rounds)
    margins = 1 if link == "sigmoid" else int(learner["learner_model_param"]["num_class"])
    read = [_tree(tree, weight, group, margins) for tree, weight, group in zip(trees, weights, groups, strict=True)]
    return join(
        read,
        base=_base(learner["learner_model_param"]["base_score"], link, margins),
        n_features=int(learner["learner_model_param"]["num_feature"]),
        link=link,
        split="<",
        precision="float32",
        accumulator="float32",
    )


def _fitted(model: Any) -> Any:
    """The Booster inside a scikit-learn wrapper."""
    from sklearn.exceptions import NotFittedError

    try:
        return model.get_booster()
    except NotFittedError as error:
        raise ModelError(f"{type(model).__name__} is not fitted", fix="call its fit method first") from error


def _check_missing(model: Any) -> None:
    """The wrapper may treat some number as missing; the flat form knows NaN only."""
    missing = getattr(model, "missing", np.nan)
    if missing is not None and not np.isnan(missing):
        raise refuse(f"missing={missing}", "only NaN is read as missing", "replace it by NaN and fit with missing=nan")


def _one_of(names: Any) -> str:
    """The remedy that lists what is accepted."""
    return "use one of: " + ", ".join(names)


def _forest(booster: dict[str, Any], rounds: int | None) -> tuple[list[dict[str, Any]], list[float], list[int]]:
    """The trees of the first `rounds` (None: all), their dart weights, and the margin to which each adds."""
    name = booster["name"]
    if name not in ("gbtree", "dart"):
        raise refuse(f"its booster is {name}", "it holds no trees", _one_of(("gbtree", "dart")))
    model = booster["gbtree"]["model"] if name == "dart" else booster["model"]
    trees, groups = model["trees"], model["tree_info"]
    weights = booster["weight_drop"] if name == "dart" else [1.0] * len(trees)
    if rounds is not None:
        last = model["iteration_indptr"][rounds]
        trees, weights, groups = trees[:last], weights[:last], groups[:last]
    return trees, weights, groups


def _base(text: str, link: str, margins: int) -> NDArray[np.float64]:
    """The starting margins (k,): `base_score` is one number or, from XGBoost 3, a list; a probability if logistic."""
    scores = np.atleast_1d(np.asarray(json.loads(text), dtype=np.float32))
    if link == "sigmoid":
        scores = -np.log(1 / scores - 1)
    return np.broadcast_to(scores, (margins,)).astype(np.float64)


def _tree(tree: dict[str, Any], weight: float, group: int, margins: int) -> Tree:
    """One tree; nodes that pruning cut off stay in XGBoost's arrays, so the live ones are numbered anew."""
    if any(tree["split_type"]) or tree["categories"]:
        raise refuse(
            "it splits by category", "the flat form compares numbers with thresholds", "one-hot encode the categories"
        )
    if int(tree["tree_param"]["size_leaf_vector"]) > 1:
        raise refuse(
            "its leaves are vectors", "they change the model format", "use multi_strategy='one_output_per_tree'"
        )
    kept = _live(tree["left_children"], tree["right_children"])
    number = np.full(len(tree["left_children"]) + 1, -1)  # the last entry stands for "no child", -1
    number[kept] = np.arange(len(kept))
    condition = np.asarray(tree["split_conditions"], dtype=np.float32)[kept]  # a leaf keeps its value here
    return Tree(
        feature=np.asarray(tree["split_indices"])[kept],
        threshold=condition,
        left=number[np.asarray(tree["left_children"])[kept]],
        right=number[np.asarray(tree["right_children"])[kept]],
        missing_left=np.asarray(tree["default_left"])[kept],
        value=one_margin(condition * np.float32(weight), group, margins),
    )


def _live(left: list[int], right: list[int]) -> list[int]:
    """The nodes that can be reached from the root, level by level, so that children follow their parents."""
    order = [0]
    for node in order:
        order += [left[node], right[node]] if left[node] >= 0 else []
        if len(order) > len(left):
            raise ModelUnreadable("a tree of the XGBoost model loops", why="it would never reach a leaf")
    return order
