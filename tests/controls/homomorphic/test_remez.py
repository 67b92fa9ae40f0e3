"""Remez: the error reaches its largest size with alternating signs, and is the least there is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.polynomial import chebyshev
from scipy.special import erf, expit

from casemate.controls.homomorphic.remez import minimax

FUNCTIONS = {
    "relu": lambda x: np.maximum(x, 0),
    "sigmoid": expit,
    "tanh": np.tanh,
    "gelu": lambda x: 0.5 * x * (1 + erf(x / np.sqrt(2))),
    "silu": lambda x: x * expit(x),
    "exp": np.exp,
}


def alternations(errors: np.ndarray, largest: float, share: float) -> int:
    """How often the sign of the largest errors changes, and one more."""
    signs = np.sign(errors[np.abs(errors) >= share * largest])
    return 1 + int((np.diff(signs) != 0).sum())


@pytest.mark.parametrize(("degree", "error"), [(1, 0.5), (2, 0.125), (3, 0.125), (4, 0.06762)])
def test_the_best_polynomials_of_the_absolute_value_are_known(degree: int, error: float) -> None:
    assert minimax(np.abs, degree)[1] == pytest.approx(error, rel=1e-4)


@pytest.mark.parametrize("degree", [1, 2, 3, 4, 6])
def test_of_the_next_power_all_but_a_chebyshev_polynomial_is_told(degree: int) -> None:
    found, error = minimax(lambda x: x ** (degree + 1), degree)
    assert error == pytest.approx(2.0**-degree, rel=1e-9)
    rest = chebyshev.chebsub(chebyshev.poly2cheb([0] * (degree + 1) + [1]), found)
    np.testing.assert_allclose(rest[:-1], 0, atol=1e-9)


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(sorted(FUNCTIONS)), st.integers(0, 7), st.floats(-6, 6), st.floats(0.5, 8))
def test_errors_alternate_and_are_no_larger_than_those_of_interpolation(
    name: str, degree: int, middle: float, half: float
) -> None:
    def function(t: np.ndarray) -> np.ndarray:
        return FUNCTIONS[name](middle + half * t)

    found, error = minimax(function, degree)
    kink = -middle / half
    near = np.clip(kink + np.linspace(-1e-3, 1e-3, 2001), -1, 1)  # where ReLU bends, an error peaks sharply
    grid = np.unique(np.concatenate([np.linspace(-1, 1, 20001), near]))
    errors = function(grid) - chebyshev.chebval(grid, found)
    size = max(1.0, float(np.abs(function(grid)).max()))
    assert np.abs(errors).max() <= error * (1 + 1e-5) + 1e-12 * size
    interpolated = chebyshev.chebinterpolate(function, degree)
    assert error <= np.abs(function(grid) - chebyshev.chebval(grid, interpolated)).max() * (1 + 1e-6) + 1e-12 * size
    if error > 1e-9 * size:
        assert alternations(errors, error, 0.999) >= degree + 2


def test_a_polynomial_is_told_exactly() -> None:
    found, error = minimax(lambda x: 3 * x**3 - x + 0.5, 5)
    assert error < 1e-13
    np.testing.assert_allclose(chebyshev.cheb2poly(found)[:4], [0.5, -1, 0, 3], atol=1e-12)
