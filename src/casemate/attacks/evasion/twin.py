"""Vulnerable twins for evasion: linear models whose rows all lie close to the boundary."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from casemate.core.dataset import Dataset
from casemate.core.digests import digest
from casemate.core.model import PlainRecipe
from casemate.core.schema import Column, Schema
from casemate.core.system import System

if TYPE_CHECKING:
    import torch

    from casemate.core.trees import TreeEnsemble

FEATURES = 20
MARGIN = 0.5
"""How far a row lies from the boundary, as a sum over the columns: a change of .5 / 20 = .025 of each crosses it."""


def narrow_margins() -> System:
    """A linear classifier of rows in [0, 1]^20 that sum to 10.5 or to 9.5: a change of .025 in linf fools it.

    In l2 the boundary is .5 / sqrt(20) = .11 away.
    """
    return System(
        "twin: narrow margins",
        train=_rows(200, seed=1),
        test=_rows(600, seed=2),
        recipe=PlainRecipe(_train),
    )


def _rows(n: int, seed: int) -> Dataset:
    rng = np.random.default_rng(seed)
    schema = Schema(tuple(Column(f"x{i}") for i in range(FEATURES)), ("below", "above"))
    y = rng.integers(0, 2, n)
    X = rng.uniform(0.3, 0.7, (n, FEATURES))
    goal = FEATURES / 2 + np.where(y == 1, MARGIN, -MARGIN)
    X += (goal - X.sum(axis=1))[:, None] / FEATURES
    return Dataset(X, y, schema)


def _train(data: Dataset, _seed: int) -> LinearModel:
    """Least squares; the labels are linear in the rows, so that all weights come out equal."""
    design = np.column_stack([data.X, np.ones(len(data))])
    solution = np.linalg.lstsq(design, np.where(data.y == 1, 1.0, -1.0))[0]
    return LinearModel(solution[:-1], float(solution[-1]))


@dataclass(frozen=True, eq=False)
class LinearModel:
    """A two-class linear model in numpy that can be differentiated: logits are minus and plus ``X @ weights + bias``.

    Args:
        weights: (d,) float64.
        bias: added to every row.
    """

    weights: np.ndarray
    bias: float

    kind = "linear twin"
    classes = 2
    gives_scores = True

    @property
    def features(self) -> int:
        """Number of inputs."""
        return len(self.weights)

    @property
    def digest(self) -> str:
        """Content digest of the weights."""
        return digest(self.weights, self.bias)

    def scores(self, X: np.ndarray) -> np.ndarray:
        """Return the probabilities of both classes, (n, 2)."""
        above = 1 / (1 + np.exp(-2 * (X @ self.weights + self.bias)))
        return np.column_stack([1 - above, above])

    def network(self) -> torch.nn.Module:
        """Return the same map in torch, as logits."""
        import torch

        layer = torch.nn.Linear(self.features, 2)
        with torch.no_grad():
            layer.weight.copy_(torch.tensor(np.stack([-self.weights, self.weights])))
            layer.bias.copy_(torch.tensor([-self.bias, self.bias]))
        return layer.eval().requires_grad_(False)

    def trees(self) -> TreeEnsemble | None:
        """None: there are no trees."""
        return None
