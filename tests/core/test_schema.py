from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from casemate.core.schema import Column, Schema, distance

MIXED = Schema(
    (
        Column("height", low=100.0, high=220.0),
        Column("age", kind="integer", low=0, high=99, immutable=True),
        Column("visits", kind="integer", low=0, high=10),
        Column("red", kind="boolean", one_hot="colour"),
        Column("blue", kind="boolean", one_hot="colour"),
        Column("fixed", low=3.0, high=3.0),
    ),
    ("a", "b"),
)
ORIGIN = np.array([[180.0, 40.0, 3.0, 1.0, 0.0, 3.0]])
rows = hnp.arrays(np.float64, (1, 6), elements=st.floats(-1e3, 1e3))


def test_unit_box_and_back():
    unit = MIXED.to_unit(ORIGIN)
    assert unit[0, 0] == pytest.approx(80 / 120)
    np.testing.assert_allclose(MIXED.from_unit(unit), ORIGIN)


@given(rows)
def test_projection_is_possible_and_stays(X: np.ndarray):
    landed = MIXED.project(X, ORIGIN)
    assert MIXED.possible(landed, ORIGIN).all()
    np.testing.assert_array_equal(MIXED.project(landed, ORIGIN), landed)


@given(rows)
def test_projection_restores_what_cannot_change(X: np.ndarray):
    landed = MIXED.project(X, ORIGIN)
    assert landed[0, 1] == ORIGIN[0, 1]
    assert landed[0, 5] == ORIGIN[0, 5]
    assert landed[0, 3:5].sum() == 1


@pytest.mark.parametrize(
    ("column", "value"),
    [(0, 99.0), (0, 221.0), (1, 41.0), (2, 2.5), (3, 0.0), (4, 1.0), (5, 3.1), (0, np.nan), (0, np.inf)],
)
def test_impossible_rows_are_told(column: int, value: float):
    X = ORIGIN.copy()
    X[0, column] = value
    assert MIXED.possible(ORIGIN, ORIGIN).all()
    assert not MIXED.possible(X, ORIGIN).any()


def test_an_immutable_member_fixes_its_whole_group():
    schema = Schema((Column("r", one_hot="c", immutable=True), Column("b", one_hot="c")), ("a", "b"))
    np.testing.assert_array_equal(schema.project(np.array([[0.0, 1.0]]), np.array([[1.0, 0.0]])), [[1.0, 0.0]])


def test_distances_in_the_unit_box():
    X = ORIGIN.copy()
    X[0, 0] += 12
    X[0, 2] += 2
    assert distance(MIXED, X, ORIGIN, "linf")[0] == pytest.approx(0.2)
    assert distance(MIXED, X, ORIGIN, "l2")[0] == pytest.approx(np.hypot(0.1, 0.2))
    assert distance(MIXED, X, ORIGIN, "l0")[0] == 2
    with pytest.raises(ValueError, match="l7"):
        distance(MIXED, X, ORIGIN, "l7")


def test_shape_tells_images_from_tables():
    pixels = tuple(Column(str(i)) for i in range(4))
    assert Schema(pixels, ("a", "b"), (2, 2)).is_image
    assert Schema(pixels, ("a", "b"), (1, 2, 2)).is_image
    assert not Schema(pixels, ("a", "b")).is_image
    assert Schema(pixels, ("a", "b")).shape == (4,)
