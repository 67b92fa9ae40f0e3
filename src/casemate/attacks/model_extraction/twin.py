"""A system built to fall to model extraction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from casemate.core.dataset import Dataset
from casemate.core.links import softmax
from casemate.core.schema import Column, Schema
from casemate.core.system import System

_CLASSES, _FEATURES, _ROWS = 3, 8, 600


@dataclass(frozen=True, eq=False)
class Linear:
    """A linear model: as many unknowns as weights, so that a few answers give it away.

    Args:
        weights: (d, classes).
    """

    weights: np.ndarray
    kind: str = "linear model"
    gives_scores: bool = True

    @property
    def features(self) -> int:
        """Number of inputs."""
        return int(self.weights.shape[0])

    @property
    def classes(self) -> int:
        """Number of classes."""
        return int(self.weights.shape[1])

    def scores(self, X: np.ndarray) -> np.ndarray:
        """Return class probabilities, (n, classes)."""
        return np.asarray(softmax((X - 0.5) @ self.weights))

    def network(self) -> None:
        """It hides its gradients."""

    def trees(self) -> None:
        """It has no trees."""


def linear_system() -> System:
    """A linear model with scores for everybody."""
    rng = np.random.default_rng(16090294)
    schema = Schema(tuple(Column(f"x{index}") for index in range(_FEATURES)), ("low", "middle", "high"))
    model = Linear(4.0 * rng.normal(size=(_FEATURES, _CLASSES)))
    X = rng.random((2 * _ROWS, _FEATURES))
    rows = Dataset(X, model.scores(X).argmax(axis=1), schema)
    train, test = rows.take(np.arange(_ROWS)), rows.take(np.arange(_ROWS, 2 * _ROWS))
    return System("extraction twin", train, test, model=model, model_digest="linear twin")
