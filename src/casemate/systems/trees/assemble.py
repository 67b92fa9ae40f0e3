"""Join the trees of one model, each in its own numbering, into one ensemble."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from casemate.core.errors import ModelError, ModelUnsupported
from casemate.core.trees import LEAF, TreeEnsemble


@dataclass(frozen=True, eq=False)
class Tree:
    """One tree with n nodes: `TreeEnsemble`'s arrays per node, node 0 the root, a child always after its parent."""

    feature: NDArray[Any]
    threshold: NDArray[Any]
    left: NDArray[Any]
    right: NDArray[Any]
    missing_left: NDArray[Any]
    value: NDArray[Any]


def join(trees: Sequence[Tree], **options: Any) -> TreeEnsemble:
    """The ensemble of these trees in this order; `options` are the other arguments of `TreeEnsemble`.

    Whatever a library leaves in the unused slots (a leaf's threshold, an inner node's value) is cleared.

    Raises:
        ModelError: there is no tree, or the trees are malformed.
    """
    if not trees:
        raise ModelError("the model has no trees", why="there is nothing to evaluate", fix="fit it for a round or more")
    roots = np.cumsum([0] + [len(tree.feature) for tree in trees[:-1]])
    leaf = np.concatenate([tree.left for tree in trees]) < 0

    def shifted(side: str) -> NDArray[Any]:
        return np.concatenate([getattr(tree, side) + root for tree, root in zip(trees, roots, strict=True)])

    return TreeEnsemble(
        feature=np.where(leaf, LEAF, np.concatenate([tree.feature for tree in trees])),
        threshold=np.where(leaf, 0.0, np.concatenate([tree.threshold for tree in trees])),
        left=np.where(leaf, LEAF, shifted("left")),
        right=np.where(leaf, LEAF, shifted("right")),
        missing_left=~leaf & np.concatenate([tree.missing_left for tree in trees]).astype(bool),
        value=np.where(leaf[:, None], np.concatenate([tree.value for tree in trees]), 0.0),
        roots=roots,
        **options,
    )


def one_margin(leaf_values: NDArray[Any], margin: int, margins: int) -> NDArray[np.float64]:
    """The leaf values (n,) of a tree that adds to one margin only, as (n, margins) with zeros elsewhere."""
    value = np.zeros((len(leaf_values), margins))
    value[:, margin] = leaf_values
    return value


def refuse(what: str, why: str, fix: str) -> ModelError:
    """The error for a model whose scores the flat form would not reproduce exactly."""
    return ModelUnsupported(f"this tree model cannot be read: {what}", why=why, fix=fix)
