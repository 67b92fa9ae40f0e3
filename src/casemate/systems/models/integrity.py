"""What is checked inside a loaded estimator before anybody asks it, whatever file it came from.

Trees and neighbour indices are compiled, and follow the numbers in them without looking: a forged child index would
read foreign memory or never end, a forged column would read beyond the row. Stacking calls methods by names that it
was given. So these numbers and names are checked first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from casemate.core.errors import ModelUnreadable

_ANSWERS = ("predict_proba", "decision_function", "predict")
_HAND_ON = ("BaseForest", "BaseGradientBoosting", "BaseHistGradientBoosting")
"""Ensembles that give their members rows without a look at how many columns these say that they take."""


@dataclass(frozen=True)
class _Part:
    """Something inside an estimator.

    Args:
        thing: what it is.
        width: the columns of the rows that it will be given; None where nothing says so.
        bound: whether an ensemble gave the width, which its members must then share.
    """

    thing: Any
    width: int | None = None
    bound: bool = False


def check(thing: object, where: str) -> None:
    """Check every tree, neighbour index and stack inside a loaded estimator.

    Raises:
        ModelUnreadable: an index that points outside its array, a tree whose child does not come after its parent or
            that asks for a column that it is not given, or a method that gives no prediction.
    """
    parts = list(_inside(thing))
    for part in sorted(parts, key=lambda part: type(part.thing).__name__ == _BOOSTING):  # it is asked; so the last
        if not _CHECKS[type(part.thing).__name__](part):
            raise ModelUnreadable(
                f"a {type(part.thing).__name__} in the file points outside of what it may use",
                where=where,
                why="compiled code would follow it into foreign memory, or never end",
                fix="the file is damaged or forged: save the model again, from a source that you trust",
            )


def _tree(part: _Part) -> bool:
    tree = part.thing
    feature = tree.feature[tree.children_left >= 0]
    return (
        _children(tree.children_left, tree.children_right, tree.children_left < 0)
        and bool(((feature >= 0) & (feature < tree.n_features)).all())
        and len(tree.value) == tree.node_count
        and part.width in (None, tree.n_features)
    )


def _predictor(part: _Part) -> bool:
    predictor = part.thing
    nodes = predictor.nodes
    leaf = nodes["is_leaf"].astype(bool)
    categorical = ~leaf & nodes["is_categorical"].astype(bool)
    sets = min(len(predictor.raw_left_cat_bitsets), len(predictor.binned_left_cat_bitsets))
    left, right = nodes["left"].astype(np.int64), nodes["right"].astype(np.int64)
    column = nodes["feature_idx"][~leaf].astype(np.int64)
    known = part.width is None or bool(((column >= 0) & (column < part.width)).all())
    return known and _children(left, right, leaf) and bool((nodes["bitset_idx"][categorical] < sets).all())


def _children(left: np.ndarray, right: np.ndarray, leaf: np.ndarray) -> bool:
    """Whether every inner node's children exist and come after it, so that every path ends."""
    parent, n = np.flatnonzero(~leaf), len(left)
    return all(bool(((child[parent] > parent) & (child[parent] < n)).all()) for child in (left, right)) and n > 0


def _neighbours(part: _Part) -> bool:
    data, order, nodes, _ = part.thing.get_arrays()
    start, end = np.asarray(nodes["idx_start"]), np.asarray(nodes["idx_end"])
    order = np.asarray(order)
    inside = (order >= 0) & (order < len(data))
    return bool(inside.all() and ((start >= 0) & (start <= end) & (end <= len(data))).all())


def _boosting(part: _Part) -> bool:
    """Whether the sums that the trees are added to have a column for each tree of a round."""
    model, members = part.thing, getattr(part.thing, "estimators_", None)
    if members is None:
        return True  # not fitted, which is told elsewhere
    if np.ndim(members) != 2 or any(member.n_features_in_ != model.n_features_in_ for member in members.flat):
        return False
    start = model._raw_predict_init(np.zeros((1, model.n_features_in_)))
    return bool(start.shape == (1, members.shape[1]))


def _stack(part: _Part) -> bool:
    return all(method in _ANSWERS for method in getattr(part.thing, "stack_method_", ()))


_BOOSTING = "GradientBoostingClassifier"
_CHECKS = {
    "Tree": _tree,
    "TreePredictor": _predictor,
    "StackingClassifier": _stack,
    _BOOSTING: _boosting,
    **{f"{name}{bits}": _neighbours for name in ("KDTree", "BallTree") for bits in ("", "32", "64")},
}


def _inside(thing: object) -> Iterator[_Part]:
    """Every object inside that has a check, each once for every width and ensemble that it is found with."""
    stack, seen = [_Part(thing)], dict[tuple[int, int | None, bool], Any]()
    while stack:
        part = stack.pop()
        key = (id(part.thing), part.width, part.bound)
        if key in seen or isinstance(part.thing, str | bytes | int | float | type(None)):
            continue
        seen[key] = part.thing  # held, for else another object could come to the same address
        if type(part.thing).__name__ in _CHECKS and type(part.thing).__module__.startswith("sklearn."):
            yield part
        stack += _members(part)


def _members(part: _Part) -> Iterator[_Part]:
    thing, width, bound = part.thing, part.width, part.bound
    held: Any = ()
    if isinstance(thing, dict):
        held = thing.values()
    elif isinstance(thing, list | tuple | set | frozenset | deque):
        held = thing
    elif isinstance(thing, np.ndarray):
        held = thing.ravel().tolist() if thing.dtype.hasobject else ()
    else:
        held = getattr(thing, "__dict__", {}).values()
        told = getattr(thing, "__dict__", {}).get("n_features_in_")
        width = told if told is not None and not bound else width
        bound = bound or any(kind.__name__ in _HAND_ON for kind in type(thing).__mro__)
    return (_Part(member, width, bound) for member in held)
