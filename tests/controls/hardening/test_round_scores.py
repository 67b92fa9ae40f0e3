"""Rounded scores: near the exact ones, never contradicting their label, coarse enough to hide small steps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from casemate.controls.hardening.round_scores import RoundScores
from casemate.core.request import REFUSED, Prediction, Request


def answered(scores: np.ndarray) -> Prediction:
    none = np.zeros(len(scores), dtype=bool)
    return Prediction(scores.argmax(axis=1), scores, none, none)


def rounded(scores: np.ndarray, decimals: int) -> Prediction:
    return RoundScores(decimals=decimals).on_response(Request(np.zeros((len(scores), 1))), answered(scores))


@given(
    arrays(np.float64, st.tuples(st.integers(1, 8), st.integers(2, 6)), elements=st.floats(1e-3, 1)),
    st.integers(0, 15),
)
def test_argmax_agrees_with_the_label_and_scores_stay_near_and_in_range(weights: np.ndarray, decimals: int) -> None:
    scores = weights / weights.sum(axis=1, keepdims=True)
    answer = rounded(scores, decimals)
    assert answer.scores is not None
    np.testing.assert_array_equal(answer.labels, scores.argmax(axis=1))
    np.testing.assert_array_equal(answer.scores.argmax(axis=1), answer.labels)
    step = 10.0**-decimals
    assert (np.abs(answer.scores - scores) <= 1.5 * step + 1e-12).all()
    assert (answer.scores >= 0).all()
    assert (answer.scores <= 1 + 1e-12).all()
    np.testing.assert_array_equal(np.round(answer.scores, decimals), answer.scores)


@pytest.mark.parametrize(
    ("scores", "decimals", "expected"),
    [
        ([0.496, 0.504], 1, [0.5, 0.6]),  # the tie would name class 0
        ([0.504, 0.496], 1, [0.5, 0.5]),  # the tie names the right class already
        ([0.3, 0.3, 0.4], 0, [0.0, 0.0, 1.0]),
        ([0.4, 0.3, 0.3], 0, [0.0, 0.0, 0.0]),
        ([0.1234, 0.8766], 2, [0.12, 0.88]),
        ([1.0, 0.0], 0, [1.0, 0.0]),
    ],
)
def test_ties(scores: list[float], decimals: int, expected: list[float]) -> None:
    answer = rounded(np.array([scores]), decimals)
    assert answer.scores is not None
    np.testing.assert_array_equal(answer.scores[0], expected)


def test_exact_scores_are_not_changed_in_place() -> None:
    scores = np.array([[0.496, 0.504]])
    kept = scores.copy()
    rounded(scores, 1)
    np.testing.assert_array_equal(scores, kept)


def test_refused_rows_stay_refused_and_withheld_scores_withheld() -> None:
    request = Request(np.zeros((2, 1)))
    given_ = answered(np.array([[0.496, 0.504], [0.3, 0.7]])).refuse(np.array([True, False]))
    answer = RoundScores(decimals=1).on_response(request, given_)
    assert answer.scores is not None
    assert answer.labels.tolist() == [REFUSED, 1]
    assert np.isnan(answer.scores[0]).all()
    assert answer.scores[1].tolist() == [0.3, 0.7]
    assert RoundScores().on_response(request, given_.labels_only()).scores is None


def test_a_label_that_disagreed_with_its_scores_is_left_to_disagree() -> None:
    # Another control may answer with another label; rounding is not the one to give its scores away.
    none = np.zeros(1, dtype=bool)
    answer = RoundScores(decimals=1).on_response(
        Request(np.zeros((1, 1))), Prediction(np.array([1]), np.array([[0.9, 0.1]]), none, none)
    )
    assert answer.scores is not None
    assert answer.scores.tolist() == [[0.9, 0.1]]


def test_steps_below_half_a_unit_of_the_last_place_do_not_show() -> None:
    low, high = (rounded(np.array([[0.70 + step, 0.30 - step]]), 1).scores for step in (0.0, 0.04))
    np.testing.assert_array_equal(low, high)
