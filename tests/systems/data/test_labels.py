"""Coding labels."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.core.errors import CasemateError, NotFinite, OutOfRange, ShapeMismatch, SingleClass, SystemFileError
from casemate.systems.data.labels import Coding, code, coding_of
from casemate.systems.data.table import Table
from casemate.systems.lines import Lines


def table(values: list[object] | pl.Series) -> Table:
    return Table("rows.csv", pl.DataFrame({"y": values}), ("y",))


def coded(values: list[object] | pl.Series, classes: tuple[str | int, ...] = ()) -> tuple[list[int], tuple[str, ...]]:
    rows = table(values)
    coding = coding_of(rows, "y", classes, Lines())
    return code(rows, "y", coding).tolist(), coding.names


@pytest.mark.parametrize(
    ("values", "classes", "codes", "names"),
    [
        (["b", "a", "b"], (), [1, 0, 1], ("a", "b")),
        ([10, 9, 10], (), [1, 0, 1], ("9", "10")),
        ([1.0, 0.0], (), [1, 0], ("0", "1")),
        ([True, False], (), [1, 0], ("false", "true")),
        ([-1, 1], (), [0, 1], ("-1", "1")),
        (["yes", "no"], ("yes", "no"), [0, 1], ("yes", "no")),
        ([2, 1], (2, 1), [0, 1], ("2", "1")),
        ([0, 1, 0], ("ham", "spam"), [0, 1, 0], ("ham", "spam")),
        ([0, 1], ("ham", "spam", "eggs"), [0, 1], ("ham", "spam", "eggs")),
        ([1, 2], (1, 2), [0, 1], ("1", "2")),
        ([0, 1], (1, 0), [1, 0], ("1", "0")),
    ],
)
def test_labels_are_coded_by_declared_or_sorted_classes(
    values: list[object], classes: tuple[str | int, ...], codes: list[int], names: tuple[str, ...]
) -> None:
    assert coded(values, classes) == (codes, names)


@settings(deadline=None)
@given(st.lists(st.sampled_from(["x", "yy", "z z", "é"]), min_size=2).filter(lambda words: len(set(words)) > 1))
def test_every_code_stands_for_its_value(words: list[str]) -> None:
    codes, names = coded(list(words))
    assert [names[code] for code in codes] == words
    assert names == tuple(sorted(set(words)))


def test_categorical_labels_are_words() -> None:
    assert coded(pl.Series(["b", "a"], dtype=pl.Categorical)) == ([1, 0], ("a", "b"))


def test_names_that_the_source_gives_stand_for_its_numbers() -> None:
    rows = Table("sklearn:x", np.ones((3, 1)), ("a",), np.array([1, 0, 1]), ("malignant", "benign"))
    coding = coding_of(rows, "target", (), Lines())
    assert coding == Coding(("0", "1"), ("malignant", "benign"))
    assert code(rows, "target", coding).tolist() == [1, 0, 1]


def test_python_objects_as_labels_are_read() -> None:
    rows = Table("openml:1", np.ones((2, 1)), ("a",), np.array(["b", "a"], dtype=object))
    assert code(rows, "y", coding_of(rows, "y", (), Lines())).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("values", "classes", "kind", "message"),
    [
        (["a", "a"], (), SingleClass, "all 2 training rows belong to the class 'a'"),
        (["a", None], (), NotFinite, "the label is missing"),
        ([1.0, float("nan")], (), NotFinite, "the label is missing"),
        ([1.0, float("inf")], (), NotFinite, "the label is missing"),
        ([[1], [2]], (), OutOfRange, "the labels are of type List"),
        ([1.0, 2.5], (), OutOfRange, "the label 2.5 is a fraction"),
        (list(range(2000)), (), OutOfRange, "2000 different values in 2000 rows; is it a measurement"),
        (["a", "b"], ("a", "a"), SystemFileError, "a class is declared twice"),
        (["cat", "dog"], ("cat", "dug"), OutOfRange, "'dog' is no known class. Did you mean 'dug'"),
    ],
)
def test_targets_that_are_no_classes_are_refused(
    values: list[object], classes: tuple[str | int, ...], kind: type[CasemateError], message: str
) -> None:
    with pytest.raises(kind, match=message):
        coded(values, classes)


def test_a_label_that_training_never_saw_is_told_with_its_row() -> None:
    coding = coding_of(table(["a", "b"]), "y", (), Lines())
    with pytest.raises(OutOfRange, match="'c' is no known class") as caught:
        code(table(["a", "b", "c"]), "y", coding)
    assert caught.value.where == "rows.csv, column 'y', row 3"


def test_rows_without_the_target_are_told() -> None:
    rows = Table("test.csv", pl.DataFrame({"yy": [1]}), ("yy",))
    with pytest.raises(ShapeMismatch, match=r"no target column 'y'.*Did you mean 'yy'"):
        code(rows, "y", Coding(("0", "1"), ("0", "1")))
