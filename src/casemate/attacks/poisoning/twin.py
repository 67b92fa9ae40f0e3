"""Systems that are built to fall to poisoning."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from casemate.core.dataset import Dataset
from casemate.core.model import PlainRecipe
from casemate.core.schema import Column, Schema
from casemate.core.system import System

CENTRES = np.array([[0.3, 0.3], [0.7, 0.7]])
SPREAD = 0.06


@dataclass(frozen=True, eq=False)
class NearestNeighbour:
    """A model that knows its training rows by heart and answers with the label of the nearest one.

    Args:
        X: rows, (n, d).
        y: their labels, (n,).
        classes: number of classes.
    """

    X: np.ndarray
    y: np.ndarray
    classes: int
    kind: str = "nearest neighbour"
    gives_scores: bool = False

    @property
    def features(self) -> int:
        """Number of inputs."""
        return int(self.X.shape[1])

    def scores(self, X: np.ndarray) -> np.ndarray:
        """Return one-hot labels (n, classes)."""
        far = ((X[:, None, :] - self.X[None]) ** 2).sum(axis=2)
        return np.asarray(np.eye(self.classes)[self.y[far.argmin(axis=1)]])

    def network(self) -> None:
        """Return None: there is no gradient."""

    def trees(self) -> None:
        """Return None: there are no trees."""


def memorise(data: Dataset, seed: int) -> NearestNeighbour:  # noqa: ARG001 (a recipe takes a seed)
    """Learn every row by heart, right or wrong."""
    return NearestNeighbour(data.X, data.y, data.classes)


def nearest_neighbour() -> System:
    """Two clear clusters and a learner that believes every label: what is flipped is lost."""
    schema = Schema((Column("length"), Column("width")), ("small", "large"))
    train, test = _clusters(schema, 400, seed=1), _clusters(schema, 600, seed=2)
    return System("poisoning twin: nearest neighbour", train, test, recipe=PlainRecipe(memorise))


def _clusters(schema: Schema, rows: int, seed: int) -> Dataset:
    """Draw rows from the two clusters in turn."""
    y = np.arange(rows) % 2
    X = CENTRES[y] + SPREAD * np.random.default_rng(seed).standard_normal((rows, 2))
    return Dataset(np.clip(X, 0.0, 1.0), y, schema)
