"""Rows: bounds of columns whatever the layout."""

import numpy as np
import pytest

from casemate.controls.anonymity.rows import bounds, checked


@pytest.mark.parametrize("n", [1, 5, 2048, 5000])
@pytest.mark.parametrize("layout", ["C", "F"])
def test_bounds_are_those_of_each_column(n, layout):
    table = np.random.default_rng(n).integers(-9, 9999, (n, 5)).astype(np.int16, order=layout)
    low, high = bounds(table)
    np.testing.assert_array_equal(low, table.min(axis=0))
    np.testing.assert_array_equal(high, table.max(axis=0))


def test_one_sensitive_column_may_be_flat():
    rows = checked(np.zeros((3, 2), np.int16), np.array([0, 1, 2]))
    assert rows.sensitive.shape == (3, 1) and len(rows) == 3
