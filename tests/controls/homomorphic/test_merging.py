"""Merging: linear steps become one and nothing else changes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.controls.homomorphic.circuits import Convolution, Linear, Polynomial
from casemate.controls.homomorphic.drafts import Channelwise, DraftStep
from casemate.controls.homomorphic.merging import circuit_steps, merged

SQUARE = Polynomial(np.array([0.0, 0.0, 1.0]))


def run(steps: list[DraftStep] | tuple[DraftStep, ...], rows: np.ndarray) -> np.ndarray:
    for step in steps:
        rows = step(rows)
    return rows


def convolution(
    rng: np.random.Generator,
    image: tuple[int, int, int],
    size: int = 2,
    stride: int = 1,
    padding: int = 0,
    out: int = 3,
) -> Convolution:
    kernels = rng.normal(size=(out, image[0], size, size))
    return Convolution(kernels, rng.normal(size=out), image, (stride, stride), (padding, padding))


@st.composite
def chains(draw: st.DrawFn) -> tuple[list[DraftStep], int]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    channels, side = draw(st.integers(1, 3)), draw(st.integers(4, 7))
    image = (channels, side, side)
    inputs, steps, width = channels * side * side, [], channels * side * side
    for _ in range(draw(st.integers(1, 6))):
        kind = draw(st.sampled_from(["convolution", "channels", "features", "matrix", "square"]))
        if kind == "convolution" and image is not None and min(image[1:]) >= 2:
            step: DraftStep = convolution(
                rng, image, draw(st.integers(1, 2)), draw(st.integers(1, 2)), draw(st.integers(0, 1))
            )
            image = (3, *step.windows)
            width = step.outputs
        elif kind == "channels" and image is not None:
            step = Channelwise(rng.normal(size=image[0]), rng.normal(size=image[0]), image[1] * image[2])
        elif kind in ("channels", "features"):
            step = Channelwise(rng.normal(size=width), rng.normal(size=width))
        elif kind == "square":
            step = SQUARE
        else:
            step, image = Linear(rng.normal(size=(4, width)) / width, rng.normal(size=4)), None
            width = 4
        steps.append(step)
    return steps, inputs


@settings(max_examples=80, deadline=None)
@given(chains())
def test_merged_steps_take_turns_and_give_the_same(chain: tuple[list[DraftStep], int]) -> None:
    steps, inputs = chain
    rows = np.random.default_rng(0).normal(size=(5, inputs))
    wanted = run(steps, rows)
    done = circuit_steps(steps, inputs) if not _leads(steps, inputs) else tuple(merged(steps, inputs))
    np.testing.assert_allclose(run(done, rows), wanted, rtol=1e-9, atol=1e-9 * np.abs(wanted).max())
    turns = [isinstance(step, Polynomial) for step in done]
    assert not turns[0]
    assert not turns[-1]
    if not _leads(steps, inputs):
        assert all(one != next_ for one, next_ in pairwise(turns))


def _leads(steps: list[DraftStep], inputs: int) -> bool:
    """Whether scaled channels come before a convolution that comes first."""
    return isinstance(merged(steps, inputs)[0], Channelwise)


def test_two_convolutions_stay_one_where_the_second_has_no_padding() -> None:
    rng = np.random.default_rng(0)
    first = convolution(rng, (2, 9, 9), size=3, stride=2, padding=1)
    second = convolution(rng, (3, *first.windows), size=2, stride=2)
    (one,) = circuit_steps([first, second], first.inputs)
    assert isinstance(one, Convolution)
    assert (one.kernels.shape[2:], one.stride, one.padding) == ((5, 5), (4, 4), (1, 1))
    rows = rng.normal(size=(3, first.inputs))
    np.testing.assert_allclose(one(rows), second(first(rows)), atol=1e-12)


def test_a_shift_before_padding_makes_a_matrix_and_a_factor_does_not() -> None:
    rng = np.random.default_rng(0)
    step = convolution(rng, (2, 4, 4), padding=1)
    before = [SQUARE, Channelwise(np.array([2.0, 3.0]), np.zeros(2), 16), step]
    assert isinstance(circuit_steps(before, 32)[2], Convolution)
    before[1] = Channelwise(np.array([2.0, 3.0]), np.ones(2), 16)
    assert isinstance(circuit_steps(before, 32)[2], Linear)


def test_channels_scaled_before_the_first_convolution_are_left_to_the_client() -> None:
    scaled = Channelwise(np.array([2.0]), np.array([1.0]), 16)
    step = convolution(np.random.default_rng(0), (1, 4, 4), padding=1)
    assert merged([scaled, step], 16) == [scaled, step]


@pytest.mark.parametrize("steps", [[SQUARE], []])
def test_what_has_no_linear_step_gets_one_that_changes_nothing(steps: list[DraftStep]) -> None:
    rows = np.random.default_rng(0).normal(size=(3, 4))
    done = circuit_steps(steps, 4)
    assert isinstance(done[0], Linear)
    assert isinstance(done[-1], Linear)
    np.testing.assert_array_equal(run(done, rows), run(steps, rows))
