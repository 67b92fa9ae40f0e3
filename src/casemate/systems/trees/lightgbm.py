"""Read LightGBM's boosters from their text model format.

The JSON dump would be handier but caps thresholds at 1e300, where the text keeps the infinite ones that split off NaN.
Inputs, thresholds and sums are float64; a row goes left when its value is <= the threshold. LightGBM reads every
number of magnitude up to 1e-35 (in float32) as zero, and so thresholds inside that band are moved to its edges.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from casemate.core.errors import ModelError, ModelUnreadable
from casemate.core.trees import TreeEnsemble
from casemate.systems.trees.assemble import Tree, join, one_margin, refuse

_ZERO = float(np.float32(1e-35))
_BELOW_ZERO = float(np.nextafter(-_ZERO, -np.inf))
_ZERO_MISSING, _NAN_MISSING = 1, 2


def from_lightgbm(model: Any) -> TreeEnsemble:
    """The trees of a Booster or of a fitted LGBMClassifier (any boosting type, two classes or more).

    Like the library's predict, the result ends at the best round if training stopped early. The margins of a binary
    model include the objective's `sigmoid` factor, so that they are log-odds.

    Raises:
        ModelError: not fitted, or the model has another objective, categorical splits, linear leaves, or splits that
            send zero and the numbers next to it to different sides (zero_as_missing).
    """
    head, *sections = _sections(_booster(model).model_to_string())
    name, _, parameters = head.get("objective", "custom").partition(" ")
    if name not in ("binary", "multiclass"):
        raise refuse(f"its objective is {name}", "no known link to scores", "use binary or multiclass")
    margins = int(head["num_tree_per_iteration"])
    factor = float(dict(part.split(":") for part in parameters.split())["sigmoid"]) if name == "binary" else 1.0
    trees = [_tree(section, number % margins, margins, factor) for number, section in enumerate(sections)]
    return join(
        trees,
        base=np.zeros(margins),
        n_features=int(head["max_feature_idx"]) + 1,
        link="sigmoid" if margins == 1 else "softmax",
        divisor=len(trees) / margins if "average_output" in head else 1.0,
    )


def _booster(model: Any) -> Any:
    """The Booster itself, or the one inside a fitted scikit-learn wrapper."""
    from sklearn.exceptions import NotFittedError

    if hasattr(model, "model_to_string"):
        return model
    try:
        return model.booster_
    except (AttributeError, NotFittedError) as error:
        raise ModelError(f"{type(model).__name__} holds no booster", fix="fit it, or give its Booster") from error


def _sections(text: str) -> list[dict[str, str]]:
    """The model's header and its trees, each as the `key=value` lines of its section."""
    body = text.partition("\nend of trees")[0]
    sections = [dict(line.partition("=")[::2] for line in part.splitlines()) for part in body.split("\nTree=")]
    if sections[0].get("version") not in ("v3", "v4"):
        raise ModelUnreadable(
            f"the LightGBM model has format version {sections[0].get('version', 'none')}",
            why="its trees might be misread",
            fix="use a LightGBM release that writes version v3 or v4",
        )
    return sections


def _tree(section: dict[str, str], margin: int, margins: int, factor: float) -> Tree:
    """One tree: LightGBM numbers splits and leaves apart; here the leaves follow the splits."""
    if section.get("is_linear", "0") != "0":
        raise refuse("its leaves are linear models", "a leaf holds one constant", "fit with linear_tree=False")
    if section["num_cat"] != "0":
        raise refuse(
            "it splits by category", "the flat form compares numbers with thresholds", "one-hot encode the categories"
        )
    leaf_value = factor * _numbers(section, "leaf_value")
    feature = _numbers(section, "split_feature")
    splits = [
        _split(threshold, int(kind))
        for threshold, kind in zip(_numbers(section, "threshold"), _numbers(section, "decision_type"), strict=True)
    ]
    n_splits, leaves = len(splits), np.full(len(leaf_value), -1)
    left, right = (_children(_numbers(section, side), n_splits) for side in ("left_child", "right_child"))
    return Tree(
        feature=np.append(feature, leaves),
        threshold=np.append([threshold for threshold, _ in splits], np.zeros(len(leaves))),
        left=np.append(left, leaves),
        right=np.append(right, leaves),
        missing_left=np.append([missing_left for _, missing_left in splits], np.zeros(len(leaves))),
        value=one_margin(np.append(np.zeros(n_splits), leaf_value), margin, margins),
    )


def _numbers(section: dict[str, str], key: str) -> NDArray[np.float64]:
    """The numbers of one line; a tree that is a single leaf has none for its splits."""
    return np.asarray(section.get(key, "").split(), dtype=np.float64)


def _children(references: NDArray[np.float64], n_splits: int) -> NDArray[np.int64]:
    """Child references, where -1, -2, ... stand for the leaves 0, 1, ..., as node numbers."""
    numbers = references.astype(np.int64)
    return np.where(numbers < 0, n_splits + ~numbers, numbers)


def _split(threshold: float, kind: int) -> tuple[float, bool]:
    """The threshold and whether NaN goes left, with LightGBM's treatment of zero folded in.

    `kind` holds in bit 1 the side of missing values, and in bits 2 and 3 what is missing: nothing, zero or NaN.
    """
    default_left, missing = bool(kind & 2), kind >> 2
    if missing == _ZERO_MISSING:
        return _zero_split(threshold, default_left), default_left
    if -_ZERO <= threshold < _ZERO:  # inputs in this band are read as zero
        threshold = _ZERO if threshold >= 0 else _BELOW_ZERO
    return threshold, default_left if missing == _NAN_MISSING else threshold >= 0  # else NaN is read as zero


def _zero_split(threshold: float, default_left: bool) -> float:
    """The threshold of a split that sends zero and NaN by default to the left or right, where one threshold can."""
    beyond = threshold < -_ZERO if default_left else threshold >= _ZERO
    if beyond:
        raise refuse(
            "zeros leave the side of the numbers around them (zero_as_missing)",
            "one threshold cannot express that",
            "fit with zero_as_missing=false and mark missing values as NaN",
        )
    return max(threshold, _ZERO) if default_left else min(threshold, _BELOW_ZERO)
