import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from casemate.controls.minimisation.boundaries import boundaries
from casemate.controls.minimisation.detail import Bands, Detail, stand_in
from casemate.controls.minimisation.uniqueness import known_columns, unique_share
from casemate.core.schema import Column, Schema
from controls.minimisation.population import made

tables = st.integers(1, 3).flatmap(
    lambda d: st.lists(st.lists(st.integers(0, 3), min_size=d, max_size=d), min_size=1, max_size=30)
)


@given(tables)
def test_uniqueness_is_exact(rows: list[list[int]]):
    alone = sum(rows.count(row) == 1 for row in rows)
    assert unique_share(np.array(rows, dtype=float)) == alone / len(rows)


def test_nobody_is_unique_in_nothing():
    assert unique_share(np.empty((0, 2))) == 0
    assert unique_share(np.empty((3, 0))) == 0


def test_known_columns_are_the_quasi_identifiers_or_all():
    schema = made().train.schema
    assert known_columns(schema).tolist() == [0, 1, 2]
    assert known_columns(Schema((Column("a"), Column("b")), ("x",))).tolist() == [0, 1]


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=20), st.lists(st.floats(-5, 5), max_size=4, unique=True))
def test_every_value_has_one_band_and_order_is_kept(values: list[float], cuts: list[float]):
    bands = Bands(np.sort(np.array(cuts, dtype=float)), np.arange(len(cuts) + 1.0))
    band = bands.of(np.sort(np.array(values)))
    assert (np.diff(band) >= 0).all()
    assert band.min() >= 0
    assert band.max() < len(bands)


def test_bands_are_told_in_words():
    assert Bands(np.array([3.0, 7.5]), np.zeros(3)).told(Column("x")) == ("up to 3", "3 to 7.5", "above 7.5")
    assert Bands(np.array([]), np.zeros(1)).told(Column("x")) == ("any",)
    place = np.array([2.0, 0.0, 1.0])
    column = Column("x", kind="category", categories=("a", "b", "c"))
    assert Bands(np.array([0.5]), np.zeros(2), place).told(column) == ("b", "a | c")


def test_boundaries_are_where_the_model_changes_its_mind():
    data = made().train
    scores = np.column_stack([data.y == 0, data.y == 1]).astype(float)
    bands = boundaries(data, scores, [0, 1, 2], 4)
    assert 39.5 < bands["age"].cuts[0] < 41.5
    assert len(bands["income"]) == 1
    assert len(bands["city"]) == 2


def test_a_stand_in_occurs():
    assert stand_in(np.array([5.0, 1.0, 9.0, 2.0]), Column("x")) == 2
    assert stand_in(np.array([1.0, 1.0, 0.0]), Column("x", kind="category", categories=("a", "b"))) == 1


def test_dropped_columns_hold_one_value():
    data = made().train
    detail = Detail(data.schema).without("income", 0.5)
    assert detail.kept == ("age", "city", "size")
    assert set(detail.apply(data).X[:, 1]) == {0.5}
    assert data.X[0, 1] != 0.5  # the rows themselves are untouched
