"""Which columns are inputs, and what is told of them."""

from __future__ import annotations

import datetime

import numpy as np
import polars as pl
import pytest

from casemate.core.errors import OutOfRange, SystemFileError, TargetMissing
from casemate.core.schema import Column
from casemate.systems.data.columns import declared_columns, inputs, target_of
from casemate.systems.data.table import Table
from casemate.systems.declaration import ColumnTable, DataTable
from casemate.systems.lines import Lines

FRAME = pl.DataFrame(
    {
        "id": ["a", "b", "c"],
        "age": [30, 40, 50],
        "flag": [0, 1, 1],
        "truth": [True, False, True],
        "height": [1.5, 1.7, 1.6],
        "colour": ["red", None, "blue"],
        "y": ["no", "yes", "no"],
    }
)
TABLE = Table("rows.csv", FRAME, tuple(FRAME.columns))


def told(data: DataTable, table: Table = TABLE) -> dict[str, Column]:
    declared = declared_columns(table.names, data, Lines())
    return {c.name: c for c in inputs(table, target_of(table, data, declared, Lines()), data, declared, Lines())}


def data(**changes: object) -> DataTable:
    return DataTable(**{"train": "rows.csv", "target": "y", **changes})  # type: ignore[arg-type]


def test_kinds_are_told_from_the_values() -> None:
    columns = told(data())
    assert {name: column.kind for name, column in columns.items()} == {
        "id": "category",
        "age": "integer",
        "flag": "boolean",
        "truth": "boolean",
        "height": "number",
        "colour": "category",
    }
    assert columns["colour"].categories == ("blue", "red")
    assert (columns["id"].low, columns["id"].high) == (0.0, 2.0)


def test_roles_decide_what_is_an_input() -> None:
    own = {"id": ColumnTable(role="identifier"), "age": ColumnTable(role="quasi-identifier"), "y": ColumnTable()}
    columns = told(data(columns=own))
    assert "id" not in columns
    assert "y" not in columns
    assert columns["age"].role == "quasi-identifier"
    assert list(told(data(role="ignored", columns={"age": ColumnTable(role="feature")}))) == ["age"]


def test_declarations_go_before_what_is_told() -> None:
    own = {
        "age": ColumnTable(kind="number", range=(0, 120), immutable=True),
        "colour": ColumnTable(categories=("red", "green", "blue")),
        "flag": ColumnTable(kind="category"),
    }
    columns = told(data(columns=own))
    assert columns["age"] == Column("age", "feature", "number", 0.0, 120.0, True)
    assert columns["colour"].kind == "category"
    assert columns["colour"].high == 2.0
    assert columns["flag"].categories == ("0", "1")


def test_a_range_for_all_numbers_leaves_categories_and_truth_alone() -> None:
    columns = told(data(range=(0, 255), columns={"age": ColumnTable(range=(0, 120))}))
    assert (columns["height"].low, columns["height"].high) == (0.0, 255.0)
    assert columns["age"].high == 120.0
    assert columns["colour"].high == 1.0
    assert columns["truth"].high == 1.0
    # Two pixels that happen to hold 0 and 1 are still pixels where a range is declared.
    assert (columns["flag"].kind, columns["flag"].high) == ("integer", 255.0)


def test_patterns_and_names_add_up_and_the_closest_wins() -> None:
    own = {
        "*": ColumnTable(role="sensitive", immutable=True),
        "a*": ColumnTable(kind="number", role="feature"),
        "age": ColumnTable(range=(0, 99), immutable=False),
    }
    columns = told(data(columns=own))
    assert columns["age"] == Column("age", "sensitive", "number", 0.0, 99.0, False)
    assert columns["height"].immutable


def test_a_name_with_brackets_is_a_name_before_it_is_a_pattern() -> None:
    frame = FRAME.rename({"age": "a[0]", "height": "a0"})
    table = Table("t", frame, tuple(frame.columns))
    columns = told(data(columns={"a[0]": ColumnTable(immutable=True)}), table)
    assert columns["a[0]"].immutable
    assert not columns["a0"].immutable


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"agee": ColumnTable()}, "no column 'agee'. Did you mean 'age'"),
        ({"pixel_*": ColumnTable()}, "no column 'pixel_\\*'"),
        ({"age": ColumnTable(range=(5, 1))}, "starts at 5 and ends below"),
        ({"age": ColumnTable(kind="boolean", range=(0, 1))}, "has a range, but"),
        ({"age": ColumnTable(kind="number", categories=("a",))}, "has categories, but its kind is 'number'"),
        ({"a*": ColumnTable(kind="category"), "age": ColumnTable(range=(0, 9))}, "has a range, but"),
        ({"colour": ColumnTable(categories=("a", "a"))}, "names a category twice"),
        ({"*": ColumnTable(role="ignored")}, "no column is left"),
        ({"age": ColumnTable(role="target")}, "both declared as the target"),
    ],
)
def test_contradictions_are_told(own: dict[str, ColumnTable], message: str) -> None:
    with pytest.raises(SystemFileError, match=message):
        told(data(columns=own))


def test_the_target_may_be_named_by_its_role() -> None:
    assert "y" not in told(data(target=None, columns={"y": ColumnTable(role="target")}))


def test_a_missing_target_names_the_nearest_and_all() -> None:
    with pytest.raises(TargetMissing, match=r"no target column 'yy'\. Did you mean 'y'\?") as caught:
        told(data(target="yy"))
    assert "id, age, flag" in str(caught.value.fix)
    with pytest.raises(TargetMissing, match="does not say which column"):
        told(data(target=None))


def test_labels_that_stand_apart_need_no_column() -> None:
    table = Table("a.npz", np.ones((3, 2)), ("x0", "x1"), np.array([0, 1, 0]))
    assert list(told(data(target=None), table)) == ["x0", "x1"]
    assert list(told(data(target="x0"), table)) == ["x0", "x1"]  # names the labels, not the column


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.ones((3, 1), dtype=np.float32), "number"),
        (np.array([[0], [255], [7]], dtype=np.uint8), "integer"),
        (np.array([[True], [False], [True]]), "boolean"),
    ],
)
def test_arrays_tell_kinds_by_their_type(values: np.ndarray, kind: str) -> None:
    table = Table("a.npz", values, ("x0",), np.array([0, 1, 0]))
    assert told(data(target=None), table)["x0"].kind == kind


def test_dates_are_refused_with_what_to_write() -> None:
    frame = FRAME.with_columns(when=pl.lit(datetime.date(2020, 1, 1)))
    table = Table("rows.csv", frame, tuple(frame.columns))
    with pytest.raises(OutOfRange, match="values of type Date in column 'when'") as caught:
        told(data(), table)
    assert 'role = "ignored" under [data.columns.when]' in str(caught.value.fix)
    assert "when" not in told(data(columns={"when": ColumnTable(role="ignored")}), table)


@pytest.mark.parametrize("value", [[1, 2], {"a": 1}, b"x", datetime.date(2020, 1, 1), datetime.timedelta(1)])
def test_what_is_no_number_and_no_word_is_refused_whatever_is_declared(value: object) -> None:
    frame = pl.DataFrame({"a": [value] * 4, "y": [0, 1] * 2})
    table = Table("rows.csv", frame, ("a", "y"))
    for kind in (None, "number"):
        with pytest.raises(OutOfRange, match="which no model takes"):
            told(data(columns={"a": ColumnTable(kind=kind)}), table)


def test_a_date_can_be_a_category() -> None:
    frame = pl.DataFrame({"a": [datetime.date(2020, 1, 2), datetime.date(2020, 1, 1)], "y": [0, 1]})
    columns = told(data(columns={"a": ColumnTable(kind="category")}), Table("rows.csv", frame, ("a", "y")))
    assert columns["a"].categories == ("2020-01-01", "2020-01-02")


def test_words_that_tell_rows_apart_are_refused_unless_declared() -> None:
    frame = pl.DataFrame({"name": [f"n{i}" for i in range(300)], "y": [0, 1] * 150})
    table = Table("rows.csv", frame, ("name", "y"))
    with pytest.raises(OutOfRange, match="300 different words in 300 rows"):
        told(data(), table)
    assert len(told(data(columns={"name": ColumnTable(kind="category")}), table)["name"].categories) == 300


@pytest.mark.parametrize("stray", ["?", "NA", "age", "12,5"])
def test_numbers_are_not_taken_for_words_because_a_row_holds_one(stray: str) -> None:
    frame = pl.DataFrame({"age": [str(i % 50) for i in range(100)], "y": [0, 1] * 50})
    frame[3, "age"] = frame[7, "age"] = stray
    table = Table("rows.csv", frame, ("age", "y"))
    with pytest.raises(OutOfRange) as raised:
        told(data(), table)
    assert f"holds numbers, but {stray!r} in row 4, and 1 more like it" in str(raised.value)
    assert "rows.csv, column 'age', row 4" in str(raised.value)
    assert told(data(columns={"age": ColumnTable(kind="category")}), table)["age"].kind == "category"


@pytest.mark.parametrize("values", [["1", "2", "3+"] * 20, [f"{i}" for i in range(30)] + ["a", "b"] * 5])
def test_categories_that_look_like_numbers_stay_categories(values: list[str]) -> None:
    frame = pl.DataFrame({"rooms": values, "y": [i % 2 for i in range(len(values))]})
    assert told(data(), Table("rows.csv", frame, ("rooms", "y")))["rooms"].kind == "category"
