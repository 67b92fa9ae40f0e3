from __future__ import annotations

import numpy as np
import pytest

from casemate.core.dataset import Dataset, to_frame
from casemate.core.errors import ShapeMismatch
from casemate.core.schema import Column, Schema
from fakes import SQUARE, points


def test_rows_cannot_be_changed_in_place():
    data = points(5)
    with pytest.raises(ValueError, match="read-only"):
        data.X[0, 0] = 1.0
    with pytest.raises(ValueError, match="read-only"):
        data.y[0] = 1


def test_the_callers_arrays_stay_writeable():
    X = np.zeros((2, 2))
    Dataset(X, np.zeros(2, int), SQUARE)
    X[0, 0] = 1.0
    assert X[0, 0] == 1.0


@pytest.mark.parametrize(
    ("X", "y", "ids"),
    [
        (np.zeros((3, 3)), np.zeros(3, int), ()),
        (np.zeros((3, 2)), np.zeros(4, int), ()),
        (np.zeros((3, 2)), np.zeros(3, int), np.arange(2)),
        (np.zeros(3), np.zeros(3, int), ()),
    ],
)
def test_arrays_that_disagree_are_refused(X: np.ndarray, y: np.ndarray, ids: np.ndarray):
    with pytest.raises(ShapeMismatch):
        Dataset(X, y, SQUARE, np.asarray(ids, dtype=np.int64))


def test_rows_keep_their_identity():
    data = points(10)
    picked = data.take(np.array([7, 3]))
    np.testing.assert_array_equal(picked.ids, [7, 3])
    np.testing.assert_array_equal(picked.relabel(np.array([0]), np.array([1])).ids, [7, 3])


def test_groups_travel_with_their_rows():
    data = Dataset(np.zeros((3, 2)), np.zeros(3, int), SQUARE, groups={"sex": np.array(["f", "m", "f"])})
    np.testing.assert_array_equal(data.take(np.array([False, True, True])).groups["sex"], ["m", "f"])
    np.testing.assert_array_equal(data.append(np.ones((1, 2)), np.array([1])).groups["sex"], ["f", "m", "f", ""])


def test_changes_are_counted_by_identity():
    data = points(20)
    assert data.changed_from(data) == 0
    assert data.take(np.random.default_rng(0).permutation(20)).changed_from(data) == 0
    assert data.relabel(np.array([1, 2]), 1 - data.y[[1, 2]]).changed_from(data) == 2
    assert data.rewrite(np.array([4]), np.array([[9.0, 9.0]])).changed_from(data) == 1
    assert data.append(np.ones((3, 2)), np.ones(3, int)).changed_from(data) == 3
    assert data.take(np.arange(15)).changed_from(data) == 5


def test_digest_tells_content():
    data = points(8)
    assert data.digest == points(8).digest
    assert data.digest != data.relabel(np.array([0]), 1 - data.y[:1]).digest


def test_frame_speaks_the_columns_language():
    schema = Schema(
        (Column("size"), Column("n", kind="integer"), Column("colour", kind="category", categories=("red", "blue"))),
        ("a", "b"),
    )
    frame = to_frame(schema, np.array([[0.5, 2.0, 1.0], [0.25, 3.0, 0.0]]))
    assert frame.to_dict(as_series=False) == {"size": [0.5, 0.25], "n": [2, 3], "colour": ["blue", "red"]}
