"""Grouping rows by a column."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from casemate.core.errors import ShapeMismatch, SystemFileError
from casemate.systems.data.groups import group_values
from casemate.systems.data.table import Table
from casemate.systems.lines import Lines


def table(**columns: list[object]) -> Table:
    return Table("rows.csv", pl.DataFrame(columns), tuple(columns))


def test_values_are_text_and_what_is_missing_is_empty() -> None:
    train, test = group_values(
        [table(s=["m", "f", None], a=[1, 2, 1]), table(s=["x", "m"], a=[2, 3])], ["s", "a"], Lines()
    )
    assert train["s"].tolist() == ["m", "f", ""]
    assert test["s"].tolist() == ["x", "m"]
    assert (train["a"].tolist(), test["a"].tolist()) == (["1", "2", "1"], ["2", "3"])


def test_without_groupings_there_are_no_values() -> None:
    assert group_values([table(s=["m"])], [], Lines()) == [{}]


def test_a_column_without_values_groups_nobody() -> None:
    (values,) = group_values([table(s=[None, None])], ["s"], Lines())
    assert values["s"].tolist() == ["", ""]


def test_arrays_have_groups_too() -> None:
    rows = Table("a.npz", np.array([[1, 5], [0, 6]]), ("x0", "x1"), np.array([0, 1]))
    (values,) = group_values([rows], ["x0"], Lines())
    assert values["x0"].tolist() == ["1", "0"]


def test_columns_that_are_absent_or_no_grouping_are_told() -> None:
    with pytest.raises(SystemFileError, match="no column 'sx' to group by"):
        group_values([table(sex=["m"])], ["sx"], Lines())
    with pytest.raises(ShapeMismatch, match="no column 'sex' to group by"):
        group_values([table(sex=["m"]), table(other=["m"])], ["sex"], Lines())
    with pytest.raises(SystemFileError, match="100 different values, too many"):
        group_values([table(age=list(range(100)))], ["age"], Lines())
    with pytest.raises(SystemFileError, match="make no groups"):
        group_values([table(tags=[[1], [2]])], ["tags"], Lines())
