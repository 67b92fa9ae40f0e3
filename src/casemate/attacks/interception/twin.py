"""Systems built to fall to whoever sits on the server or on the way to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from casemate.core.dataset import Dataset
from casemate.core.model import PlainRecipe
from casemate.core.schema import Column, Schema
from casemate.core.system import System

FEATURES = 6
_ROWS = 300


@dataclass(frozen=True, eq=False)
class Scorer:
    """A logistic score of two classes.

    Args:
        weights: (features,).
    """

    weights: np.ndarray
    kind: str = "logistic scorer"
    gives_scores: bool = True
    classes: int = 2

    @property
    def features(self) -> int:
        """Number of inputs."""
        return len(self.weights)

    def scores(self, X: np.ndarray) -> np.ndarray:
        """Return class probabilities, (n, 2)."""
        high = 1 / (1 + np.exp(-((X - 0.5) @ self.weights)))
        return np.stack([1 - high, high], axis=1)

    def network(self) -> None:
        """It has no gradients to offer."""

    def trees(self) -> None:
        """It has no trees."""


def weigh(data: Dataset, _seed: int) -> Scorer:
    """Return the difference of the class means as weights; the seed changes nothing."""
    return Scorer(8 * (data.X[data.y == 1].mean(axis=0) - data.X[data.y == 0].mean(axis=0)))


def clear_system() -> System:
    """A system whose server receives rows as they are: nothing is encrypted, and nothing is sealed."""
    rng = np.random.default_rng(19970101)
    columns = tuple(Column(f"x{index}") for index in range(FEATURES))
    X = rng.random((2 * _ROWS, FEATURES))
    y = (X.mean(axis=1) + 0.05 * rng.standard_normal(len(X)) > 0.5).astype(np.int64)
    rows = Dataset(X, y, Schema(columns, ("no", "yes")))
    train, test = rows.take(np.arange(_ROWS)), rows.take(np.arange(_ROWS, 2 * _ROWS))
    return System("interception twin", train, test, recipe=PlainRecipe(weigh))
