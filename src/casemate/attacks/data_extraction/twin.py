"""Systems built to fall to data extraction."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from casemate.core.dataset import Dataset
from casemate.core.model import PlainRecipe
from casemate.core.schema import Column, Schema
from casemate.core.system import System

_CLASSES, _FEATURES, _ROWS = 10, 6, 400
_CHANCE = 0.7
_WIDTH = 0.05


@dataclass(frozen=True, eq=False)
class Memoriser:
    """A kernel classifier so narrow that every training row answers for itself (Nadaraya-Watson).

    Args:
        X: the training rows, (n, d), kept as they are.
        y: their labels, (n,).
        classes: number of classes.
    """

    X: np.ndarray
    y: np.ndarray
    classes: int
    kind: str = "kernel memoriser"
    gives_scores: bool = True

    @property
    def features(self) -> int:
        """Number of inputs."""
        return int(self.X.shape[1])

    def scores(self, X: np.ndarray) -> np.ndarray:
        """Return the share of each class among the neighbours, weighted by closeness, (n, classes)."""
        squared = ((X[:, None, :] - self.X[None, :, :]) ** 2).sum(axis=2)
        # Relative to the nearest row, so that rows far from all others do not divide zero by zero.
        weight = np.exp((squared.min(axis=1, keepdims=True) - squared) / (2 * _WIDTH**2))
        votes = weight @ (self.y[:, None] == np.arange(self.classes))
        return np.asarray(votes / votes.sum(axis=1, keepdims=True))

    def network(self) -> None:
        """It has no gradients to offer."""

    def trees(self) -> None:
        """It has no trees."""


def memorise(data: Dataset, _seed: int) -> Memoriser:
    """Keep the training rows; the seed changes nothing."""
    return Memoriser(data.X, data.y, data.classes)


def memorising_system() -> System:
    """A system that tells its training rows from others: most labels are chance, and it has them all by heart."""
    rng = np.random.default_rng(20231206)
    columns = tuple(Column(f"x{index}") for index in range(_FEATURES))
    schema = Schema(columns, tuple(f"class {index}" for index in range(_CLASSES)))
    X = rng.random((2 * _ROWS, _FEATURES))
    learnable = np.minimum((X[:, 0] * _CLASSES).astype(np.int64), _CLASSES - 1)
    y = np.where(rng.random(len(X)) < _CHANCE, rng.integers(_CLASSES, size=len(X)), learnable)
    rows = Dataset(X, y, schema)
    train, test = rows.take(np.arange(_ROWS)), rows.take(np.arange(_ROWS, 2 * _ROWS))
    return System("membership twin", train, test, recipe=PlainRecipe(memorise))
