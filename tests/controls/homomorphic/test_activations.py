"""Activations: polynomials near the functions that they stand for, on intervals of their own where that is free."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.controls.homomorphic.activations import FUNCTIONS, METHODS, Method, fitted, replacement
from casemate.controls.homomorphic.drafts import Nonlinearity


def of(name: str, repeat: int = 1) -> Nonlinearity:
    return Nonlinearity(name, FUNCTIONS[name], repeat)


VALUES = np.random.default_rng(0).normal(size=(400, 6)) * [0.5, 1, 2, 4, 1, 1] + [0, 0, 1, -1, 6, -6]


def worst(name: str, values: np.ndarray, degree: int, method: Method, offsets: bool = True) -> np.ndarray:
    """The largest error of each channel on its values."""
    made = replacement(of(name), values, degree, method, margin=0.0, offsets=offsets)
    return np.abs(made(values) - FUNCTIONS[name](values)).max(axis=0)


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
@pytest.mark.parametrize("method", METHODS)
def test_errors_shrink_with_the_degree(name: str, method: Method) -> None:
    errors = [worst(name, VALUES, degree, method).max() for degree in (3, 5, 7)]
    assert errors[2] < 0.8 * errors[0]
    assert errors[2] < 0.1 * np.ptp(VALUES)


@pytest.mark.parametrize("method", METHODS)
def test_each_channel_has_a_parabola_of_its_own(method: Method) -> None:
    errors, reach = worst("relu", VALUES, 2, method), np.ptp(VALUES, axis=0) / 2
    assert (errors < 0.2 * reach).all()  # one parabola for all of them misses the narrow ones
    assert (errors[4:] < 0.08 * reach[4:]).all()  # a channel that is never negative is a straight line, nearly


def test_least_squares_are_nearest_where_the_rows_lie() -> None:
    values = np.random.default_rng(0).normal(size=(2000, 1)) * 0.3
    values[:2] = [[-5], [5]]

    def mean(method: Method) -> float:
        made = replacement(of("gelu"), values, 4, method, margin=0.0, offsets=True)
        return float(((made(values) - FUNCTIONS["gelu"](values)) ** 2).mean())

    assert mean("least-squares") < 0.1 * mean("minimax")
    assert mean("least-squares") < mean("chebyshev")


@pytest.mark.parametrize("degree", [2, 4])
def test_without_shifts_of_their_own_channels_share_the_constant(degree: int) -> None:
    made = replacement(of("relu"), VALUES, degree, "minimax", margin=0.1, offsets=False)
    assert not made.after.offset.any()
    assert made.polynomial.coefficients[0] != 0
    assert len(np.unique(made.after.scale)) == VALUES.shape[1]  # ReLU is the same at every size


def test_intervals_are_wider_than_the_values_by_the_margin() -> None:
    values = np.array([[-1.0], [3.0]])
    made = replacement(of("tanh"), values, 3, "minimax", margin=0.25, offsets=True)
    np.testing.assert_allclose(made.before(np.array([[-2.0], [4.0]])), [[-1], [1]])


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(sorted(FUNCTIONS)),
    st.sampled_from([2, 3, 4, 5, 7]),
    st.sampled_from(METHODS),
    st.integers(1, 3),
    st.integers(0, 10**6),
    st.booleans(),
)
def test_whatever_comes_in_is_replaced_by_something_finite_and_near(
    name: str, degree: int, method: Method, repeat: int, seed: int, offsets: bool
) -> None:
    rng = np.random.default_rng(seed)
    scales = rng.choice([0.0, 1e-9, 1.0, 30.0], size=2)
    values = np.repeat(rng.normal(size=(30, 2)) * scales + rng.choice([0.0, 5.0], 2), repeat, axis=1)
    made = replacement(of(name, repeat), values, degree, method, margin=0.1, offsets=offsets)
    got, reach = made(values), np.abs(values).max() + 1
    assert np.isfinite(got).all()
    assert np.abs(got - FUNCTIONS[name](values)).max() < 0.6 * reach
    low, high = made.polynomial.interval or (0.0, 0.0)
    inside = made.before(values)
    assert (inside >= low - 1e-9).all()
    assert (inside <= high + 1e-9).all()


def test_interpolation_meets_the_function_at_chebyshevs_points() -> None:
    found = fitted(np.tanh, 5, "chebyshev", np.zeros(1))
    points = np.polynomial.chebyshev.chebpts1(6)
    np.testing.assert_allclose(np.polynomial.chebyshev.chebval(points, found), np.tanh(points), atol=1e-14)
