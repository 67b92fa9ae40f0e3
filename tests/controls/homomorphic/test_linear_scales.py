"""Scales: answers never wrap around, and never err by more than is told, at the very ends of their ranges."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from casemate.controls.homomorphic.circuits import Linear
from casemate.controls.homomorphic.errors_sampling import ERROR_BITS
from casemate.controls.homomorphic.linear_scales import Ranges, Room, Rounded, rounded
from casemate.core.errors import NotFinite, OutOfRange, ShapeMismatch

DEGREE = 2048


def layer(inputs: int, outputs: int, size: float = 0.3, seed: int = 0) -> Linear:
    rng = np.random.default_rng(seed)
    return Linear(rng.normal(size=(outputs, inputs)) * size, rng.normal(size=outputs))


def unit(inputs: int) -> Ranges:
    return Ranges(np.zeros(inputs), np.ones(inputs))


def small(weights: np.ndarray) -> bool:
    return bool(np.abs(weights).max() < 1 << 40)


def made(linear: Linear, ranges: Ranges, modulus: int, drowned: int = 0, fits=small) -> Rounded:
    return rounded(linear, ranges, (linear.weights**2).sum(axis=1), Room(modulus, DEGREE, drowned, fits))


def answers(found: Rounded, ranges: Ranges, values: np.ndarray, noise: int) -> np.ndarray:
    """Whole answers with noise at the end, by Python's whole numbers, as Python's whole numbers."""
    whole = np.rint((values - ranges.centre) * found.input_scale).astype(np.int64).astype(object)
    return whole @ found.weights.T.astype(object) + np.array(found.bias, object) + noise


@settings(max_examples=60, deadline=None)
@example(1, 1, 1e-6, 90, 0, 0)  # answers as large as half of a modulus that float64 does not hold
@given(
    st.integers(1, 40),
    st.integers(1, 4),
    st.sampled_from([1e-6, 0.01, 1.0, 300.0]),
    st.sampled_from([30, 36, 51, 90]),
    st.integers(0, 8),
    st.integers(0, 2**32),
)
def test_the_worst_rows_neither_wrap_nor_err_beyond_the_bound(inputs, outputs, size, bits, drowned, seed):
    linear, rng = layer(inputs, outputs, size, seed), np.random.default_rng(seed)
    low = rng.normal(size=inputs) * rng.choice([0.01, 1, 50], size=inputs)
    ranges = Ranges(low, low + rng.random(inputs) * rng.choice([0, 0.01, 5], size=inputs))
    modulus = (1 << bits) - 1
    try:
        found = made(linear, ranges, modulus, drowned)
    except OutOfRange:
        assert bits == 30 or drowned
        return
    ends = np.where(linear.weights > 0, ranges.high, ranges.low)
    rows = np.concatenate([ends, ranges.low + ranges.high - ends])
    most = 2**found.flooding_bits if drowned else 0
    for noise in (-most, most):
        whole = answers(found, ranges, rows, noise)
        assert max(abs(int(value)) for value in whole.ravel()) < modulus / 2
        errors = np.abs((whole / found.scale).astype(float) - linear(rows))
        assert (errors <= found.error * (1 + 1e-9) + 1e-12 * np.abs(linear(rows))).all()


def test_more_room_makes_answers_more_precise():
    linear = layer(784, 10)
    bounds = [made(linear, unit(784), 1 << bits).error.max() for bits in (32, 36, 44, 51, 90)]
    assert bounds == sorted(bounds, reverse=True) and bounds[-1] < 1e-6 * bounds[0]


def test_more_flooding_makes_them_less_precise():
    linear = layer(784, 10)
    bounds = [made(linear, unit(784), 1 << 51, drowned).error.max() for drowned in range(0, 12, 2)]
    assert bounds == sorted(bounds)


def test_flooding_exceeds_the_errors_that_it_drowns():
    linear = layer(50, 3)
    found = made(linear, unit(50), 1 << 51, 6)
    met = np.sqrt((linear.weights**2).sum(axis=1) * ERROR_BITS / 2).max() * found.weight_scale
    assert 2**found.flooding_bits >= 2**6 * met * math.sqrt(2 * math.log(2) * 65) * (1 - 1e-9)
    assert made(linear, unit(50), 1 << 51).flooding_bits == 0


def test_weights_stay_as_coarse_as_they_have_to():
    found = made(layer(784, 10), unit(784), 1 << 51, fits=lambda weights: bool(np.abs(weights).max() < 1 << 13))
    assert (1 << 11) < np.abs(found.weights).max() < 1 << 13
    assert found.input_scale > 2**25  # what weights cannot use, inputs do


def test_layers_of_zeros_and_fixed_inputs_are_layers():
    nothing = Linear(np.zeros((2, 3)), np.array([1.5, -2.0]))
    found = made(nothing, unit(3), 1 << 40)
    assert [round(value / found.scale, 3) for value in found.bias] == [1.5, -2.0]
    fixed = Ranges(np.full(3, 7.0), np.full(3, 7.0))
    linear = layer(3, 2)
    found = made(linear, fixed, 1 << 40)
    assert np.abs(np.array(found.bias) / found.scale - linear(np.full((1, 3), 7.0))[0]).max() < 1e-6


@pytest.mark.parametrize("bits", [10, 14])
def test_a_modulus_that_is_too_small_is_refused(bits):
    with pytest.raises(OutOfRange, match="do not fit"):
        made(layer(784, 10, 50.0), unit(784), 1 << bits)


def test_too_much_flooding_is_refused():
    with pytest.raises(OutOfRange, match="do not fit"):
        made(layer(784, 10), unit(784), 1 << 51, 60)


@pytest.mark.parametrize(
    ("low", "high", "error"),
    [
        ([0.0, 1.0], [1.0, 0.5], OutOfRange),
        ([0.0, np.nan], [1.0, 1.0], NotFinite),
        ([0.0, 0.0], [1.0, np.inf], NotFinite),
        ([0.0], [1.0, 1.0], ShapeMismatch),
    ],
)
def test_bounds_that_bound_nothing_are_refused(low, high, error):
    with pytest.raises(error):
        Ranges(np.array(low), np.array(high))


def test_layers_that_do_not_go_with_their_bounds_are_refused():
    with pytest.raises(ShapeMismatch, match="3 inputs"):
        made(layer(3, 1), unit(4), 1 << 40)
    with pytest.raises(NotFinite):
        made(Linear(np.array([[np.nan]]), np.zeros(1)), unit(1), 1 << 40)
