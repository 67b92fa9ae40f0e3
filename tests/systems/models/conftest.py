"""Schemas and rows that the model tests share."""

from __future__ import annotations

import numpy as np
import pytest

from casemate.core.schema import Column, Schema


@pytest.fixture
def table() -> Schema:
    """Four numbers, two classes."""
    return Schema(tuple(Column(f"c{i}") for i in range(4)), ("no", "yes"))


@pytest.fixture
def three() -> Schema:
    """Four numbers, three classes."""
    return Schema(tuple(Column(f"c{i}") for i in range(4)), ("a", "b", "c"))


@pytest.fixture
def image() -> Schema:
    """Images of one channel and 8 x 8 pixels, three classes."""
    return Schema(tuple(Column(f"p{i}") for i in range(64)), ("a", "b", "c"), (1, 8, 8))


@pytest.fixture
def X() -> np.ndarray:
    """80 rows of four numbers in [0, 1]."""
    return np.random.default_rng(1).random((80, 4))


@pytest.fixture
def y(X: np.ndarray) -> np.ndarray:
    """Labels 0 and 1 that the first column decides."""
    return (X[:, 0] + 0.2 * X[:, 1] > 0.6).astype(int)


@pytest.fixture
def y3(X: np.ndarray) -> np.ndarray:
    """Labels 0, 1 and 2."""
    return np.digitize(X[:, 0] + 0.2 * X[:, 1], [0.4, 0.8])
