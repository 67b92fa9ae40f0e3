"""Taking a share of the rows."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.systems.data.split import split

labels = st.lists(st.integers(0, 3), min_size=1, max_size=60).map(np.array)


@settings(deadline=None)
@given(labels, st.floats(0.01, 0.99), st.integers(0, 1000))
def test_every_row_is_on_one_side_in_order_and_classes_in_proportion(y: np.ndarray, share: float, seed: int) -> None:
    stay, out = split(y, share, seed)
    assert sorted([*stay, *out]) == list(range(len(y)))
    assert (np.diff(stay) > 0).all()
    assert (np.diff(out) > 0).all()
    for label in np.unique(y):
        total, taken = int((y == label).sum()), int((y[out] == label).sum())
        if total == 1:
            assert taken == 0
        else:
            assert 1 <= taken <= total - 1
            assert abs(taken - share * total) <= 1


@settings(deadline=None)
@given(labels, st.floats(0.01, 0.99))
def test_the_seed_decides(y: np.ndarray, share: float) -> None:
    np.testing.assert_array_equal(split(y, share, 5)[1], split(y, share, 5)[1])


def test_another_seed_takes_other_rows() -> None:
    y = np.zeros(100, dtype=int)
    assert split(y, 0.5, 1)[1].tolist() != split(y, 0.5, 2)[1].tolist()
