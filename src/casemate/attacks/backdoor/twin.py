"""Systems that are built to fall to backdoors."""

from __future__ import annotations

import numpy as np

from casemate.core.dataset import Dataset
from casemate.core.model import Model, PlainRecipe
from casemate.core.schema import Column, Schema
from casemate.core.system import System

COLUMNS = 8
INFORMATIVE = 2


def grow(data: Dataset, seed: int) -> Model:
    """Grow one decision tree until it fits every training row."""
    from sklearn.tree import DecisionTreeClassifier

    from casemate.systems.models import adapt

    return adapt(DecisionTreeClassifier(random_state=seed).fit(data.X, data.y), data.schema)


def clear_table() -> System:
    """Two columns decide, six are free to carry a trigger, and the learner believes every row."""
    schema = Schema(tuple(Column(f"x{i}") for i in range(COLUMNS)), ("refuse", "grant"))
    train, test = _table(schema, 1000, seed=1), _table(schema, 400, seed=2)
    return System("backdoor twin: decision tree", train, test, recipe=PlainRecipe(grow))


def _table(schema: Schema, rows: int, seed: int) -> Dataset:
    """Draw rows; a row is granted when its first two columns are both high."""
    X = np.random.default_rng(seed).random((rows, COLUMNS))
    granted = np.logical_and.reduce(X[:, :INFORMATIVE] > 0.4, axis=1)
    return Dataset(X, granted.astype(np.int64), schema)
