"""Systems that are built to fall to attacks through their teacher."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from casemate.core.dataset import Dataset
from casemate.core.digests import digest
from casemate.core.model import Teacher
from casemate.core.schema import Column, Schema
from casemate.core.system import System

if TYPE_CHECKING:
    import torch

COLUMNS = 16
CLASSES = ("red", "green", "blue")
WIDTH = 32
SPREAD = 0.03
APART = 0.05  # class centres lie this far from the middle, well within the default radius of each other


def frozen_features() -> System:
    """A student that is one linear layer on frozen features, and classes that lie close to each other."""
    import torch

    from casemate.systems.models import adapt

    schema = Schema(tuple(Column(f"x{i}") for i in range(COLUMNS)), CLASSES)
    train, test = _clusters(schema, 300, seed=1), _clusters(schema, 400, seed=2)
    rng = np.random.default_rng(0)
    first = rng.standard_normal((WIDTH, COLUMNS)), 0.1 * rng.standard_normal(WIDTH)
    teacher = torch.nn.Sequential(_linear(*first), torch.nn.ReLU()).requires_grad_(False).eval()
    activations = np.maximum(train.X.astype(np.float32) @ first[0].T + first[1], 0)
    student = torch.nn.Sequential(teacher, _linear(*_least_squares(activations, np.eye(len(CLASSES))[train.y])))
    return System(
        "transfer twin: frozen features",
        train,
        test,
        model=adapt(student, schema),
        model_digest=digest("transfer twin", *first),
        teacher=Teacher(teacher, "relu", digest("transfer twin teacher", *first)),
    )


def _least_squares(A: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return weights (k, f) and bias (k,) of the ridge regression from activations (n, f) to ``wanted`` (n, k)."""
    ones = np.hstack([A, np.ones((len(A), 1))])
    solved = np.linalg.solve(ones.T @ ones + 1e-3 * np.eye(ones.shape[1]), ones.T @ wanted)
    return solved[:-1].T, solved[-1]


def _linear(weight: np.ndarray, bias: np.ndarray) -> torch.nn.Linear:
    """Return a linear layer with the given weights (out, in) and bias (out,)."""
    import torch

    layer = torch.nn.Linear(weight.shape[1], weight.shape[0])
    layer.weight.data = torch.from_numpy(weight.astype(np.float32))
    layer.bias.data = torch.from_numpy(bias.astype(np.float32))
    return layer


def _clusters(schema: Schema, rows: int, seed: int) -> Dataset:
    """Draw rows around one centre a class."""
    centres = 0.5 + APART * np.random.default_rng(0).choice([-1.0, 1.0], size=(len(CLASSES), COLUMNS))
    y = np.arange(rows) % len(CLASSES)
    X = centres[y] + SPREAD * np.random.default_rng(seed).standard_normal((rows, COLUMNS))
    return Dataset(np.clip(X, 0.0, 1.0), y, schema)
