"""Small systems for showing what a control is worth; each trains in milliseconds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from casemate.attacks.evasion import twin as evasion_twin
from casemate.attacks.poisoning import twin as poisoning_twin
from casemate.core.dataset import Dataset
from casemate.core.model import Model, PlainRecipe
from casemate.core.schema import Column, Schema
from casemate.core.system import System
from casemate.systems.models import adapt

Train = Callable[[Dataset, int], Model]


def gentle(data: Dataset, seed: int) -> Model:
    """Logistic regression, regularised as usual."""
    from sklearn.linear_model import LogisticRegression

    return adapt(LogisticRegression(max_iter=1000).fit(data.X, data.y), data.schema)


def grown(data: Dataset, seed: int) -> Model:
    """A decision tree with at least five rows in each leaf; it learns a trigger, but not from two or three rows."""
    from sklearn.tree import DecisionTreeClassifier

    return adapt(DecisionTreeClassifier(min_samples_leaf=5, random_state=seed).fit(data.X, data.y), data.schema)


def remembering(data: Dataset, seed: int) -> Model:
    """A nearest-neighbour vote weighted by distance: certain of its own rows, right about most others."""
    from sklearn.neighbors import KNeighborsClassifier

    return adapt(KNeighborsClassifier(15, weights="distance").fit(data.X, data.y), data.schema)


def linear_table(features: int = 30) -> System:
    """Uniform rows, two classes on the sides of a plane, a linear model."""
    schema = _table(features, 2)
    normal = np.random.default_rng(0).standard_normal(features)

    def draw(rows: int, seed: int) -> Dataset:
        X = np.random.default_rng(seed).random((rows, features))
        return Dataset(X, ((X - 0.5) @ normal > 0).astype(np.int64), schema)

    return System("linear table", draw(800, 1), draw(800, 2), recipe=PlainRecipe(gentle))


def clusters(recipe: Train = gentle, *, features: int = 8, classes: int = 3, spread: float = 0.1) -> System:
    """Round clusters, one for each class, around centres far from the box's walls."""
    return _clusters(recipe, np.random.default_rng(0).uniform(0.35, 0.65, (classes, features)), spread)


def tight() -> System:
    """Two narrow clusters with a wide void between them and around them."""
    return _clusters(gentle, np.array([np.full(8, 0.3), np.full(8, 0.7)]), 0.04)


def markable_table() -> System:
    """Two overlapping classes and a last column that is always 0: the model learns whatever stands there."""
    schema = _table(5, 2)

    def draw(rows: int, seed: int) -> Dataset:
        rng = np.random.default_rng(seed)
        y = rng.integers(0, 2, rows)
        X = np.clip(0.4 + 0.2 * y[:, None] + 0.15 * rng.standard_normal((rows, 5)), 0, 1)
        X[:, -1] = 0.0
        return Dataset(X, y, schema)

    return System("markable table", draw(800, 1), draw(800, 2), draw(300, 3), PlainRecipe(gentle))


def poisonable() -> System:
    """The vulnerable twin of label flips, with a trusted set."""
    twin = poisoning_twin.nearest_neighbour()
    return replace(twin, trusted=twin.test.take(np.arange(0, 200)), test=twin.test.take(np.arange(200, 600)))


def narrow() -> System:
    """The vulnerable twin of evasion: two flat sheets of rows with a void between them."""
    return evasion_twin.narrow_margins()


def _clusters(recipe: Train, centres: np.ndarray, spread: float) -> System:
    schema = _table(centres.shape[1], len(centres))

    def draw(rows: int, seed: int) -> Dataset:
        rng = np.random.default_rng(seed)
        y = rng.integers(0, len(centres), rows)
        X = centres[y] + spread * rng.standard_normal((rows, schema.features))
        return Dataset(np.clip(X, 0, 1), y, schema)

    return System("clusters", draw(800, 1), draw(1200, 2), draw(300, 3), PlainRecipe(recipe))


def _table(features: int, classes: int) -> Schema:
    columns = tuple(Column(f"x{index}") for index in range(features))
    return Schema(columns, tuple(f"class {index}" for index in range(classes)))
