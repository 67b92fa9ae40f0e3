"""Guarantees and groupings: what they refuse, and what they count."""

import numpy as np
import pytest

from casemate.controls.anonymity.grouping import Grouping, Guarantee, check_rows
from casemate.core.errors import DataError, EmptyData, ShapeMismatch


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("k is 0", {"k": 0}),
        ("l is 0", {"l": 0}),
        ("l is nan", {"l": float("nan")}),
        ("l is 1.5", {"l": 1.5}),
        ("t is 1.1", {"t": 1.1}),
        ("t is -0.1", {"t": -0.1}),
        ("t is nan", {"t": float("nan")}),
    ],
)
def test_a_guarantee_that_means_nothing_is_refused(text, wrong):
    with pytest.raises(DataError, match=text):
        Guarantee(**wrong)


def test_a_guarantee_says_whether_sensitive_values_matter():
    assert not Guarantee(5).sensitive
    assert Guarantee(5, 2).sensitive and Guarantee(5, t=0.0).sensitive and Guarantee(5, 1.5, entropy=True).sensitive


def test_sizes_leave_suppressed_rows_out():
    grouping = Grouping(np.array([0, -1, 1, 1, -1], np.int32), 3)
    assert grouping.sizes.tolist() == [1, 2, 0]
    assert grouping.suppressed == 2 and len(grouping) == 5
    assert Grouping(np.array([0, 0], np.int32), 1).sizes.tolist() == [2]


@pytest.mark.parametrize("ids", [[0, 2], [-2, 0]])
def test_group_numbers_outside_the_count_are_refused(ids):
    with pytest.raises(DataError, match="group numbers reach"):
        Grouping(np.array(ids, np.int32), 2)


@pytest.mark.parametrize("ids", [np.zeros(3, np.int64), np.zeros((3, 1), np.int32)])
def test_group_numbers_of_another_shape_or_width_are_refused(ids):
    with pytest.raises(ShapeMismatch, match="int32"):
        Grouping(ids, 1)


def test_too_few_rows():
    check_rows(5, Guarantee(5))
    with pytest.raises(DataError, match="k is 5, but the table has 4 rows"):
        check_rows(4, Guarantee(5))
    with pytest.raises(EmptyData):
        check_rows(0, Guarantee(1))
