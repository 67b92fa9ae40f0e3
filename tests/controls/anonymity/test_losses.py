"""Losses by hand, and against their definitions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.controls.anonymity.grouping import Grouping
from casemate.controls.anonymity.losses import (
    average_size,
    discernibility,
    group_bounds,
    ncp_hierarchy,
    ncp_range,
    ncp_set,
)
from casemate.core.errors import ShapeMismatch

CODES = np.array([[0, 0], [4, 0], [4, 3], [2, 1], [1, 4]], np.int16)
GROUPS = Grouping(np.array([0, 0, 0, 1, 1], np.int32), 2)
TREE = np.array([[0, 0, 1, 1, 1]])


def test_by_hand():
    assert ncp_range(CODES, GROUPS) == pytest.approx([(3 * 1 + 2 * 0.25) / 5, (3 * 0.75 + 2 * 0.75) / 5])
    assert ncp_set(CODES, GROUPS) == pytest.approx([(3 * 1 / 3 + 2 * 1 / 3) / 5, (3 * 1 / 3 + 2 * 1 / 3) / 5])
    assert ncp_hierarchy(CODES, GROUPS, [TREE, None]) == pytest.approx([(3 * 1 + 2 * 1) / 5, 0.75])
    assert discernibility(GROUPS) == 13
    assert average_size(GROUPS) == 2.5


def test_a_suppressed_row_loses_everything():
    groups = Grouping(np.array([0, 0, -1, -1, 0], np.int32), 1)
    same = np.full((5, 1), 3)
    assert ncp_range(np.array([[1], [1], [0], [5], [1]]), groups) == pytest.approx([0.4])
    assert ncp_set(np.array([[1], [1], [0], [5], [1]]), groups) == pytest.approx([0.4])
    assert ncp_hierarchy(same, groups, [np.arange(5)[None]]) == pytest.approx([0.4])
    assert discernibility(groups) == 9 + 2 * 5
    nothing = Grouping(np.full(5, -1, np.int32), 0)
    assert ncp_range(same, nothing) == pytest.approx([1.0]) and ncp_set(same, nothing) == pytest.approx([1.0])
    assert average_size(nothing) == 0.0


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10**6), st.integers(1, 50), st.integers(1, 6))
def test_against_the_definitions(seed, n, count):
    rng = np.random.default_rng(seed)
    codes = rng.integers(0, 7, (n, 2))
    _, ids = np.unique(rng.integers(-1, count, n), return_inverse=True)
    groups = Grouping((ids - 1).astype(np.int32), max(int(ids.max()), 0))
    by_range, by_set = np.zeros(2), np.zeros(2)
    for row in range(n):
        mine = codes[groups.ids == groups.ids[row]] if groups.ids[row] >= 0 else None
        for j in range(2):
            span, values = np.ptp(codes[:, j]), len(np.unique(codes[:, j]))
            if mine is None:
                by_range[j] += 1 / n
                by_set[j] += 1 / n
            else:
                by_range[j] += np.ptp(mine[:, j]) / max(span, 1) / n
                by_set[j] += (len(np.unique(mine[:, j])) - 1) / max(values - 1, 1) / n
    assert ncp_range(codes, groups) == pytest.approx(by_range)
    assert ncp_set(codes, groups) == pytest.approx(by_set)


def test_bad_input():
    with pytest.raises(ShapeMismatch, match="groups of 5 rows"):
        ncp_range(CODES[:4], GROUPS)
    with pytest.raises(ShapeMismatch, match="group 1 has no rows"):
        group_bounds(CODES, Grouping(np.array([0, 0, 2, 2, 2], np.int32), 3))
