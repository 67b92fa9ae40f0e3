"""Link functions against scipy, at the extremes and in float32."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.special import expit
from scipy.special import softmax as scipy_softmax

from casemate.core.links import Width, sigmoid, softmax


@given(arrays(np.float64, st.tuples(st.integers(0, 5), st.just(1)), elements=st.floats(-1e4, 1e4)))
def test_sigmoid_equals_scipy(margins: np.ndarray) -> None:
    scores = sigmoid(margins)
    np.testing.assert_allclose(scores[:, 1], expit(margins[:, 0]), rtol=1e-14, atol=1e-300)
    np.testing.assert_array_equal(scores[:, 0], 1 - scores[:, 1])


@given(arrays(np.float64, st.tuples(st.integers(0, 5), st.integers(2, 4)), elements=st.floats(-1e4, 1e4)))
def test_softmax_equals_scipy(margins: np.ndarray) -> None:
    np.testing.assert_allclose(softmax(margins), scipy_softmax(margins, axis=1), rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize(("width", "least"), [("float32", 1e-8), ("float64", 1e-17)])
def test_a_margin_below_the_width_is_a_tie(width: Width, least: float) -> None:
    assert sigmoid(np.array([[least]]), width).tolist() == [[0.5, 0.5]]
    assert softmax(np.array([[0.0, least]]), width).tolist() == [[0.5, 0.5]]


def test_float32_answers_are_float32_numbers() -> None:
    margins = np.linspace(-90, 90, 61)[:, None].astype(np.float32).astype(np.float64)
    for scores in (sigmoid(margins, "float32"), softmax(np.hstack((margins, -margins)), "float32")):
        np.testing.assert_array_equal(scores, scores.astype(np.float32))
        assert ((scores >= 0) & (scores <= 1)).all()
