"""Small real systems for tests: a nearest-neighbour model in numpy, on points in the unit square."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from casemate.core.control import Control, control
from casemate.core.dataset import Dataset
from casemate.core.model import PlainRecipe
from casemate.core.request import Prediction, Request
from casemate.core.schema import Column, Schema
from casemate.core.system import System

SQUARE = Schema((Column("a"), Column("b")), ("no", "yes"))


@dataclass(frozen=True, eq=False)
class NearestNeighbour:
    """Answers with the label of the nearest training row."""

    X: np.ndarray
    y: np.ndarray
    classes: int = 2
    kind: str = "nearest neighbour"
    gives_scores: bool = True
    asked: list[int] = field(default_factory=list)

    @property
    def features(self) -> int:
        return self.X.shape[1]

    def scores(self, X: np.ndarray) -> np.ndarray:
        self.asked.append(len(X))
        nearest = ((X[:, None, :] - self.X[None, :, :]) ** 2).sum(axis=2).argmin(axis=1)
        out: np.ndarray = np.eye(self.classes)[self.y[nearest]] * 0.9 + 0.05
        return out

    def network(self) -> Any:
        return None

    def trees(self) -> Any:
        return None


def fit(data: Dataset, seed: int) -> NearestNeighbour:
    """A recipe."""
    del seed
    return NearestNeighbour(data.X, data.y, data.classes)


def points(n: int, seed: int = 0) -> Dataset:
    """Points in the unit square, class 1 to the right."""
    X = np.random.default_rng(seed).random((n, 2))
    return Dataset(X, (X[:, 0] > 0.5).astype(int), SQUARE)


def square(n: int = 120, *controls: Control, **rest: Any) -> System:
    """A system on the unit square, trained by a recipe."""
    made: dict[str, Any] = {"recipe": PlainRecipe(fit), **rest}
    return System("square", points(n, 1), points(n, 2), controls=controls, **made)


@control("testing.refuse-left", mitigates=("evasion",), limit="whatever lies to the right; made for tests")
class RefuseLeft:
    """Refuse points to the left of a line."""

    line: float = 0.25

    def on_request(self, request: Request) -> Request:
        return request.refuse(request.X[:, 0] < self.line, "testing.refuse-left", "left of the line")


@control("testing.alarm-all", mitigates=("evasion", "model-extraction"), limit="nothing is stopped; made for tests")
class AlarmAll:
    """Raise an alarm on everything."""

    def on_request(self, request: Request) -> Request:
        return request.alarm(np.ones(len(request), bool), "testing.alarm-all", "always")


@control("testing.majority", mitigates=("data-poisoning",), limit="half of the rows; made for tests")
class Majority:
    """Keep the training rows whose label is that of their side."""

    def on_data(self, fitting: Any) -> Dataset:
        return fitting.data.take((fitting.data.X[:, 0] > 0.5) == fitting.data.y)


@control("testing.broken", mitigates=("evasion",), limit="everything; made for tests")
class Broken:
    """Raise at run time."""

    def on_request(self, request: Request) -> Request:
        raise RuntimeError("out of order")

    def on_response(self, request: Request, prediction: Prediction) -> Prediction:
        raise RuntimeError("out of order")
