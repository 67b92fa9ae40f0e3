from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from casemate.core.errors import ShapeMismatch
from casemate.core.evidence import Evidence


def test_paired_evidence_names_what_was_lost():
    evidence = Evidence.paired("accuracy", before=np.array([True, True]), after=np.array([True, False]))
    assert (evidence.metric, evidence.kind) == ("accuracy lost", "difference")
    assert evidence.figures == {"accuracy before": 1.0, "accuracy after": 0.5}


def test_undetected_wins_are_those_without_an_alarm():
    won, alarmed = np.array([True, True, False]), np.array([True, False, False])
    evidence = Evidence.rate("x", won=won, detected=alarmed)
    np.testing.assert_array_equal(evidence.undetected().outcome, [False, True, False])
    unwatched = Evidence.rate("x", won=won)
    assert unwatched.undetected() is unwatched


def test_samples_are_picked_by_identity():
    evidence = Evidence.paired(
        "x", before=np.array([True, False, True]), after=np.array([False, False, True]), ids=np.array([5, 3, 9])
    )
    picked = evidence.on(np.array([9, 5]))
    np.testing.assert_array_equal(picked.outcome, [True, False])
    np.testing.assert_array_equal(picked.ids, [9, 5])
    with pytest.raises(KeyError):
        evidence.on(np.array([4]))


@pytest.mark.parametrize(
    "arrays",
    [
        {"outcome": np.zeros(3)},
        {"outcome": np.zeros((3, 1), bool)},
        {"outcome": np.zeros(3, bool), "baseline": np.zeros(2, bool)},
        {"outcome": np.zeros(3, bool), "detected": np.zeros(4, bool)},
        {"outcome": np.zeros(3, bool), "ids": np.zeros(1, int)},
    ],
)
def test_arrays_that_disagree_are_refused(arrays: dict[str, np.ndarray]):
    with pytest.raises(ShapeMismatch, match="evidence 'x'"):
        Evidence("x", "rate", **arrays)  # type: ignore[arg-type]


def test_figures_that_are_not_finite_are_left_out():
    evidence = Evidence.rate("x", won=np.ones(1, bool), figures={"a": float("nan"), "b": float("inf"), "c": 1})
    assert evidence.figures == {"c": 1.0}


def test_what_is_uncertain_follows_its_samples():
    won = np.array([True, False, True, False])
    evidence = replace(
        Evidence.rate("x", won=won, detected=np.array([True, False, False, False]), ids=np.array([7, 3, 9, 1])),
        surely=np.array([True, False, False, False]),
        perhaps=np.array([True, True, True, False]),
    )
    picked = evidence.on(np.array([3, 9]))
    assert picked.surely is not None and picked.surely.tolist() == [False, False]
    assert picked.perhaps is not None and picked.perhaps.tolist() == [True, True]
    unseen = evidence.undetected()
    assert unseen.surely is not None and not unseen.surely.any()
    assert unseen.perhaps is not None and unseen.perhaps.tolist() == [False, True, True, False]
    with pytest.raises(ShapeMismatch, match="perhaps"):
        replace(evidence, perhaps=np.ones(3, bool))
    with pytest.raises(KeyError):
        evidence.on(np.array([3, 4]))
