"""Link functions from a booster's margins to class probabilities, rounded as the C libraries round them.

The exponential is taken in double precision and then rounded to the width, so that it is correctly rounded whatever
vector unit numpy uses; scores that tie in the library then tie here too.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Width = Literal["float32", "float64"]


def sigmoid(margins: NDArray[np.float64], width: Width = "float64") -> NDArray[np.float64]:
    """Log-odds of the second class, (n, 1), to the probabilities of both, (n, 2), computed in the given width."""
    with np.errstate(over="ignore"):
        odds = np.exp(-margins).astype(width)
    positive = 1 / (1 + odds)
    return np.hstack((1 - positive, positive)).astype(np.float64)


def softmax(margins: NDArray[np.float64], width: Width = "float64") -> NDArray[np.float64]:
    """Margins, (n, k), to probabilities, (n, k), in the given width; the greatest margin is taken off first."""
    below = (margins - margins.max(axis=1, keepdims=True)).astype(width)
    weights = np.exp(below.astype(np.float64)).astype(width)
    total = weights.sum(axis=1, keepdims=True, dtype=np.float64).astype(width)
    return np.asarray(weights / total, dtype=np.float64)
