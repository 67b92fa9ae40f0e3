"""Label-only responses: labels stay, scores go."""

from __future__ import annotations

import numpy as np

from casemate.controls.hardening.label_only import LabelOnly
from casemate.core.guard import Guard
from casemate.core.request import Prediction, Request
from fakes import fit, points

ROWS = points(30, 1)


def test_withholds_scores_and_nothing_else() -> None:
    given = Prediction(
        np.array([1, -1]), np.array([[0.2, 0.8], [np.nan] * 2]), np.array([0, 1], bool), np.array([1, 0], bool)
    )
    answer = LabelOnly().on_response(Request(np.zeros((2, 2))), given)
    assert answer.scores is None
    for name in ("labels", "refused", "alarmed"):
        np.testing.assert_array_equal(getattr(answer, name), getattr(given, name))
    assert given.scores is not None


def test_is_idempotent_and_changes_no_label_of_a_model() -> None:
    model = fit(points(50), 0)
    bare = Guard(model).ask(Request(ROWS.X))
    twice = Guard(model, (LabelOnly(), LabelOnly())).ask(Request(ROWS.X))  # type: ignore[arg-type]
    assert bare.scores is not None
    assert twice.scores is None
    np.testing.assert_array_equal(twice.labels, bare.labels)
