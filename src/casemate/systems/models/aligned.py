"""Flat trees with their score columns in the order of the schema's labels."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from casemate.core.errors import ModelError, ModelUnreadable
from casemate.core.schema import Schema
from casemate.core.trees import TreeEnsemble


def flat_trees(model: Any, codes: np.ndarray, schema: Schema) -> TreeEnsemble | None:
    """Return a library's tree ensemble in flat form, or None where it is none or cannot be told exactly.

    Args:
        codes: the label code of each of the model's classes, in the model's own order.

    Raises:
        ModelUnreadable: its trees are malformed.
    """
    from casemate.systems.trees import flatten

    classes = len(schema.classes)
    try:
        trees = flatten(model)
    except ModelUnreadable:
        raise
    except ModelError:
        return None
    if len(codes) != classes or (trees.n_features, trees.n_classes) != (schema.features, classes):
        return None
    if (codes == np.arange(classes)).all():
        return trees
    if trees.link == "sigmoid":  # two classes the other way round: the log-odds change their sign
        return replace(trees, value=-trees.value, base=-trees.base)
    order = np.argsort(codes)
    return replace(trees, value=trees.value[:, order], base=trees.base[order])
