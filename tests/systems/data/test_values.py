"""Coding values, and what is said of those that do not fit."""

from __future__ import annotations

import datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.core.errors import CasemateError, NotFinite, OutOfRange, ShapeMismatch
from casemate.core.schema import Column
from casemate.systems.data.table import Table
from casemate.systems.data.values import check_ranges, matrix, with_ranges


def table(**columns: list[object]) -> Table:
    frame = pl.DataFrame(columns)
    return Table("rows.csv", frame, tuple(frame.columns))


def test_columns_are_taken_in_the_schemas_order_as_floats() -> None:
    rows = table(b=[1, 2], skipped=["x", "y"], a=[True, False], c=["u", "v"])
    columns = (
        Column("a", kind="boolean"),
        Column("b", kind="integer"),
        Column("c", kind="category", categories=("v", "u")),
    )
    X = matrix(rows, columns)
    assert (X.dtype, X.flags.c_contiguous) == (np.float64, True)
    np.testing.assert_array_equal(X, [[1, 1, 1], [0, 2, 0]])


def test_an_array_is_taken_without_a_frame() -> None:
    values = np.arange(6, dtype=np.float32).reshape(2, 3)
    rows = Table("a.npz", values, ("a", "b", "c"))
    np.testing.assert_array_equal(matrix(rows, (Column("a"), Column("b"), Column("c"))), values)
    np.testing.assert_array_equal(matrix(rows, (Column("c"), Column("a"))), values[:, [2, 0]])


def test_a_float64_array_is_not_copied_and_not_changed_by_codes() -> None:
    values = np.array([[5.0, 1.0], [7.0, 2.0]])
    rows = Table("a.npz", values, ("a", "b"))
    assert np.shares_memory(matrix(rows, (Column("a"), Column("b"))), values)
    coded = matrix(rows, (Column("a", kind="category", categories=("5.0", "7.0")), Column("b")))
    np.testing.assert_array_equal(coded, [[0, 1], [1, 2]])
    np.testing.assert_array_equal(values, [[5, 1], [7, 2]])


@settings(deadline=None)
@given(st.lists(st.sampled_from(["red", "green", "", "blé"]), min_size=1))
def test_codes_stand_for_their_categories(words: list[str]) -> None:
    categories = tuple(sorted(set(words)))
    codes = matrix(table(c=list(words)), (Column("c", kind="category", categories=categories),))[:, 0]
    assert [categories[int(code)] for code in codes] == words


@pytest.mark.parametrize("dtype", [pl.Categorical, pl.Enum(["a", "b"])])
def test_categorical_types_are_words(dtype: pl.DataType) -> None:
    frame = pl.DataFrame({"c": pl.Series(["b", "a"], dtype=dtype)})
    codes = matrix(Table("t", frame, ("c",)), (Column("c", kind="category", categories=("a", "b")),))
    np.testing.assert_array_equal(codes, [[1], [0]])


def test_words_for_truth_and_numbers_in_quotes_are_understood() -> None:
    X = matrix(table(t=["True", " false"], n=["1.5", "-2"]), (Column("t", kind="boolean"), Column("n")))
    np.testing.assert_array_equal(X, [[1, 1.5], [0, -2]])


@pytest.mark.parametrize(
    ("values", "column", "kind", "message"),
    [
        ([1.0, None], Column("v"), NotFinite, "a value is missing"),
        ([1.0, float("nan")], Column("v"), NotFinite, "nan is not a finite number"),
        ([1.0, float("-inf")], Column("v"), NotFinite, "-inf is not a finite number"),
        (["a", None], Column("v", kind="category", categories=("a",)), NotFinite, "a value is missing"),
        (["abc", "abd"], Column("v", kind="category", categories=("abc",)), OutOfRange, "'abd' is no known category"),
        (["1", "two"], Column("v"), OutOfRange, "'two' is no number"),
        (["true", "perhaps"], Column("v", kind="boolean"), OutOfRange, "'perhaps' is no truth value"),
        ([1.0, 1.5], Column("v", kind="integer"), OutOfRange, "1.5 is not a whole number"),
        ([1, 2], Column("v", kind="boolean"), OutOfRange, "2 is not 0 or 1"),
    ],
)
def test_what_does_not_fit_is_told_with_its_row(
    values: list[object], column: Column, kind: type[CasemateError], message: str
) -> None:
    with pytest.raises(kind, match=message) as caught:
        matrix(table(v=values), (column,))
    assert caught.value.where == "rows.csv, column 'v', row 2"
    assert caught.value.fix


def test_an_absent_column_is_told() -> None:
    with pytest.raises(ShapeMismatch, match=r"no column 'age'.*Did you mean 'agee'\?"):
        matrix(table(agee=[1]), (Column("age"),))


@pytest.mark.parametrize("value", [[1.0], datetime.date(2020, 1, 1)])
def test_test_rows_of_another_type_are_told(value: object) -> None:
    with pytest.raises(OutOfRange, match="which no model takes") as caught:
        matrix(table(v=[value]), (Column("v"),))
    assert caught.value.where == "rows.csv, column 'v'"


def test_ranges_are_those_seen_where_none_is_known() -> None:
    X = np.array([[1.0, 5.0], [3.0, 4.0]])
    seen = with_ranges((Column("a"), Column("b", low=0, high=9)), X, {"a": False, "b": True})
    assert [(c.low, c.high) for c in seen] == [(1.0, 3.0), (0, 9)]


@settings(deadline=None)
@given(st.lists(st.floats(-10, 10), min_size=1), st.floats(-5, 5), st.floats(0, 5))
def test_a_known_range_holds_or_the_first_row_outside_is_told(values: list[float], low: float, width: float) -> None:
    column = Column("v", low=low, high=low + width)
    X = np.array(values)[:, None]
    outside = [row for row, value in enumerate(values) if not column.low <= value <= column.high]
    if not outside:
        check_ranges(X, table(v=values), (column,), {"v": True})
        return
    with pytest.raises(OutOfRange, match="outside the range of 'v'") as caught:
        check_ranges(X, table(v=values), (column,), {"v": True})
    assert caught.value.where == f"rows.csv, column 'v', row {outside[0] + 1}"


def test_a_range_that_is_only_seen_binds_nobody() -> None:
    check_ranges(np.array([[99.0]]), table(v=[99.0]), (Column("v", low=0, high=1),), {"v": False})


def test_one_hot_groups_hold_one() -> None:
    columns = (Column("a", one_hot="g", kind="boolean"), Column("b", one_hot="g", kind="boolean"))
    known = {"a": True, "b": True}
    rows = table(a=[1, 0], b=[0, 1])
    check_ranges(matrix(rows, columns), rows, columns, known)
    for wrong in ([0, 0], [1, 1]):
        rows = table(a=[1, wrong[0]], b=[0, wrong[1]])
        with pytest.raises(OutOfRange, match="one-hot group 'g'") as caught:
            check_ranges(matrix(rows, columns), rows, columns, known)
        assert caught.value.where == "rows.csv, row 2"
