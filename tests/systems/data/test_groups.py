"""Coding groups."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from casemate.core.errors import ShapeMismatch, SystemFileError
from casemate.systems.data.groups import group_codes
from casemate.systems.data.table import Table
from casemate.systems.lines import Lines


def table(**columns: list[object]) -> Table:
    return Table("rows.csv", pl.DataFrame(columns), tuple(columns))


def test_a_value_has_one_code_in_all_tables() -> None:
    train, test = group_codes(
        [table(s=["m", "f", None], a=[1, 2, 1]), table(s=["x", "m"], a=[2, 3])], ["s", "a"], Lines()
    )
    assert train["s"].tolist() == [1, 0, -1]
    assert test["s"].tolist() == [2, 1]
    assert (train["a"].tolist(), test["a"].tolist()) == ([0, 1, 0], [1, 2])


def test_without_groupings_there_are_no_codes() -> None:
    assert group_codes([table(s=["m"])], [], Lines()) == [{}]


def test_a_column_without_values_groups_nobody() -> None:
    (codes,) = group_codes([table(s=[None, None])], ["s"], Lines())
    assert codes["s"].tolist() == [-1, -1]


def test_arrays_have_groups_too() -> None:
    rows = Table("a.npz", np.array([[1, 5], [0, 6]]), ("x0", "x1"), np.array([0, 1]))
    (codes,) = group_codes([rows], ["x0"], Lines())
    assert codes["x0"].tolist() == [1, 0]


def test_columns_that_are_absent_or_no_grouping_are_told() -> None:
    with pytest.raises(SystemFileError, match="no column 'sx' to group by"):
        group_codes([table(sex=["m"])], ["sx"], Lines())
    with pytest.raises(ShapeMismatch, match="no column 'sex' to group by"):
        group_codes([table(sex=["m"]), table(other=["m"])], ["sex"], Lines())
    with pytest.raises(SystemFileError, match="100 different values, too many"):
        group_codes([table(age=list(range(100)))], ["age"], Lines())
    with pytest.raises(SystemFileError, match="make no groups"):
        group_codes([table(tags=[[1], [2]])], ["tags"], Lines())
