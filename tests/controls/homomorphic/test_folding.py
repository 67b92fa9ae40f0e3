"""Folding: polynomials with a leading coefficient of 1, and scores as they were."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.controls.homomorphic.circuits import Circuit, Convolution, Linear, Polynomial, Scaled
from casemate.controls.homomorphic.folding import balanced, folded


def circuit(
    degrees: list[int],
    seed: int = 0,
    padding: int = 0,
    images: bool = False,
    interval: tuple[float, float] | None = None,
) -> Circuit:
    rng = np.random.default_rng(seed)
    steps: list[Linear | Convolution | Polynomial] = []
    shape = (2, 5, 5)
    width = 50
    for degree in degrees:
        if images:
            step: Linear | Convolution = Convolution(
                rng.normal(size=(2, 2, 3, 3)) / 9, rng.normal(size=2), shape, (1, 1), (padding, padding)
            )
            shape = (2, *step.windows)
        else:
            step = Linear(rng.normal(size=(7, width)) / width, rng.normal(size=7))
        steps += [step, Polynomial(rng.normal(size=degree + 1), interval, "relu")]
        width = step.outputs
    steps.append(Linear(rng.normal(size=(3, width)), rng.normal(size=3)))
    one = np.ones(50)
    return Circuit(Scaled(0 * one, one, -one, one), tuple(steps), "multiclass", ("a", "b", "c"))


ROWS = np.random.default_rng(1).uniform(-1, 1, (20, 50))


def near(one: Circuit, other: Circuit) -> None:
    wanted = one.scores(ROWS)
    np.testing.assert_allclose(other.scores(ROWS), wanted, rtol=1e-7, atol=1e-8 * np.abs(wanted).max())


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(2, 6), min_size=1, max_size=3),
    st.integers(0, 10**6),
    st.integers(0, 1),
    st.booleans(),
    st.sampled_from([None, (-1.0, 1.0), (-3.0, 5.0)]),
)
def test_scores_stay_and_leading_coefficients_are_one(
    degrees: list[int], seed: int, padding: int, images: bool, interval: tuple[float, float] | None
) -> None:
    before = circuit(degrees[: 2 if images else 3], seed, padding, images, interval)
    after = folded(before)
    near(before, after)
    near(before, folded(after))
    near(before, balanced(after, ROWS))
    for step in after.steps:
        if isinstance(step, Polynomial):
            assert step.coefficients[-1] == 1
            assert np.abs(step.coefficients[1:]).max() <= 16 * (1 + 1e-9)
            assert step.replaces == "relu"


def test_every_parabola_becomes_a_square() -> None:
    after = folded(circuit([2, 2]))
    for step in after.steps[1::2]:
        assert step.coefficients.tolist() == [0, 0, 1]


@pytest.mark.parametrize(("degree", "gone"), [(3, [0, 2]), (4, [0, 3]), (5, [0, 4])])
def test_the_second_power_and_the_constant_go_to_the_steps_beside(degree: int, gone: list[int]) -> None:
    coefficients = folded(circuit([degree])).steps[1].coefficients
    assert not coefficients[gone].any()


def test_before_padding_the_constant_stays() -> None:
    before = circuit([2, 2], images=True, padding=1)
    after = folded(before)
    near(before, after)
    assert isinstance(after.steps[2], Convolution)
    assert after.steps[1].coefficients[0] != 0
    assert after.steps[1].coefficients[1:].tolist() == [0, 1]


def test_a_straight_line_becomes_part_of_the_linear_steps() -> None:
    before = circuit([2])
    line = Circuit(
        before.preparation, (before.steps[0], Polynomial(np.array([1.0, 2.0, 1e-17])), before.steps[2]), "number"
    )
    after = folded(line)
    assert len(after.steps) == 1
    near(line, after)


def test_a_parabola_with_a_far_vertex_stays_where_it_is() -> None:
    before = circuit([2])
    flat = Polynomial(np.array([0.0, 1.0, 1e-6]), (-1.0, 1.0))
    far = Circuit(before.preparation, (before.steps[0], flat, before.steps[2]), "number")
    after = folded(far)
    near(far, after)
    assert after.steps[1].coefficients[1] != 0


def test_squares_reach_one_in_every_channel() -> None:
    after = balanced(folded(circuit([2, 2])), ROWS)
    values = after.preparation(ROWS)
    for step in after.steps[:4]:
        if isinstance(step, Polynomial):
            np.testing.assert_allclose(np.abs(values).max(axis=0), 1)
        values = step(values)


def test_convolutions_stay_ones_when_squares_are_balanced() -> None:
    before = folded(circuit([2, 2], images=True))
    after = balanced(before, ROWS)
    near(before, after)
    assert [type(step) for step in after.steps] == [type(step) for step in before.steps]
    assert isinstance(after.steps[2], Convolution)
