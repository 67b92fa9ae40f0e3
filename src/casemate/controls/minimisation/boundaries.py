"""Decision boundaries: where along each column a model changes its mind, told by a tree that mimics it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from casemate.controls.minimisation.detail import Bands, stand_in
from casemate.core.dataset import Dataset


def boundaries(data: Dataset, scores: np.ndarray, columns: Iterable[int], leaves: int) -> dict[str, Bands]:
    """Return bands for the given columns such that a tree of so many leaves answers them as the model does.

    A decision tree is fitted to the model's answers, and each column is cut where the tree cuts it. Categories are
    put in the order of the score that the model gives their rows, and cut there. A column that the tree never cuts has
    one band: nothing of it is needed at this number of leaves.

    Args:
        data: rows.
        scores: the model's scores of them, (n, classes).
        columns: positions of the columns to cut.
        leaves: leaves of the tree, at least 2.

    Source: Goldsteen, Ezov, Shmelkin, Moffie & Farkash, "Data minimization for GDPR compliance in machine learning
    models", AI and Ethics 2022 (2:477-491); there a cell of the tree is generalised as a whole, here each column is.
    """
    from sklearn.tree import DecisionTreeClassifier

    positions = list(columns)
    orders = {
        index: _order(data, scores, index) for index in positions if data.schema.columns[index].kind == "category"
    }
    places = np.column_stack(
        [orders[i][data.X[:, i].astype(np.int64)] if i in orders else data.X[:, i] for i in positions]
    )
    tree = DecisionTreeClassifier(max_leaf_nodes=leaves, random_state=0).fit(places, scores.argmax(axis=1)).tree_
    return {
        data.schema.names[index]: _bands(
            data, index, np.unique(tree.threshold[tree.feature == position]), orders.get(index)
        )
        for position, index in enumerate(positions)
    }


def _order(data: Dataset, scores: np.ndarray, index: int) -> np.ndarray:
    """Return the place of each category, (codes,): by the mean score of the class that this column tells most of."""
    codes = data.X[:, index].astype(np.int64)
    count = len(data.schema.columns[index].categories)
    rows = np.maximum(np.bincount(codes, minlength=count), 1)
    classes = range(scores.shape[1])[::-1]  # of two, the second: a yes is more than a no
    means = np.array([np.bincount(codes, scores[:, c], minlength=count) / rows for c in classes])
    told = means[np.argmax(means.var(axis=1))]
    return np.argsort(np.argsort(told, kind="stable"), kind="stable").astype(np.float64)


def _bands(data: Dataset, index: int, cuts: np.ndarray, order: np.ndarray | None) -> Bands:
    """Return the bands between cuts, leaving out those that no row falls into."""
    column, values = data.schema.columns[index], data.X[:, index]
    band = Bands(cuts, np.zeros(len(cuts) + 1), order).of(values)
    filled = np.unique(band)
    between = [cuts[right - 1] for right in filled[1:]]
    stand_ins = np.array([stand_in(values[band == one], column) for one in filled])
    return Bands(np.array(between, dtype=np.float64), stand_ins, order)
