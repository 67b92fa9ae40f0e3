"""Guesses from names and values."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.core.errors import TargetMissing
from casemate.systems.data.table import Table
from casemate.systems.guesses import immutable, one_hot_groups, role_of, target_of, words


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("customerZip_code2", ["customer", "zip", "code"]),
        ("SSN", ["ssn"]),
        ("patientID", ["patient", "id"]),
        ("e-mail address", ["e", "mail", "address"]),
        ("x0", ["x"]),
        ("", []),
    ],
)
def test_words_of_a_name(name: str, parts: list[str]) -> None:
    assert words(name) == parts


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("id", "identifier"),
        ("customer_id", "identifier"),
        ("Email", "identifier"),
        ("ssn", "identifier"),
        ("phoneNumber", "identifier"),
        ("age", "quasi-identifier"),
        ("Sex", "quasi-identifier"),
        ("zip", "quasi-identifier"),
        ("home_postcode", "quasi-identifier"),
        ("race", "sensitive"),
        ("religion", "sensitive"),
        ("annual income", "sensitive"),
        ("mean radius", "feature"),
        ("width", "feature"),  # holds "id", but not as a word
        ("average", "feature"),  # holds "age", but not as a word
        ("grace_period", "feature"),  # holds "race", but not as a word
    ],
)
def test_roles_by_whole_words(name: str, role: str) -> None:
    assert role_of(name) == role


def test_what_nobody_can_change() -> None:
    assert all(immutable(name) for name in ("age", "sex", "race", "birth_date", "native-country"))
    assert not any(immutable(name) for name in ("income", "zip", "average", "hours"))


def table(**columns: list[object]) -> Table:
    return Table("rows.csv", pl.DataFrame(columns), tuple(columns))


def test_the_target_is_found_by_its_name_wherever_it_stands() -> None:
    assert target_of(table(Label=[0, 1, 2], b=[0, 1, 0])) == ("Label", "guessed by its name")


def test_the_target_is_otherwise_the_last_column_with_few_values() -> None:
    found, why = target_of(table(a=[0, 1, 0], b=["x", "y", "x"], c=[1.5, 2.5, 3.5]))
    assert found == "b"
    assert "few values" in why
    assert target_of(table(a=[1, 2, 3], b=[0, 1, 0])) == ("b", "guessed: the last column, with 2 values")


@pytest.mark.parametrize("values", [[[1], [2], [1]], [0.5, 1.5, 0.5], ["x", None, "x"]])
def test_what_cannot_be_a_label_is_passed_over(values: list[object]) -> None:
    assert target_of(table(a=["x", "y", "x"], b=values))[0] == "a"


def test_where_nothing_looks_like_a_target_it_is_asked_for() -> None:
    with pytest.raises(TargetMissing, match=r"no column of rows\.csv looks like a label") as caught:
        target_of(table(a=[1, 1, 1], b=[1.5, 2.5, 3.5]))
    assert caught.value.fix == "name the target column"


@settings(deadline=None)
@given(st.lists(st.integers(0, 2), min_size=1, max_size=20), st.sampled_from(["_", "=", ".", "-", "__"]))
def test_a_one_hot_group_is_found(values: list[int], separator: str) -> None:
    names = [f"eye{separator}{colour}" for colour in ("blue", "light_brown", "green")]
    X = np.column_stack([np.eye(3)[values], np.ones(len(values))])
    assert one_hot_groups([*names, "adult"], X) == dict.fromkeys(names, "eye")


def test_two_groups_with_one_stem_are_two() -> None:
    eyes, hair = np.eye(2)[[0, 1, 1]], np.eye(2)[[1, 1, 0]]
    names = ["is_eye_blue", "is_eye_brown", "is_hair_red", "is_hair_black"]
    assert one_hot_groups(names, np.hstack([eyes, hair])) == {
        "is_eye_blue": "is_eye",
        "is_eye_brown": "is_eye",
        "is_hair_red": "is_hair",
        "is_hair_black": "is_hair",
    }


@pytest.mark.parametrize(
    "rows",
    [[[1, 1], [0, 1]], [[0, 0], [1, 0]], [[2, -1], [0, 1]], [[0.5, 0.5], [1, 0]]],
)
def test_columns_of_which_not_exactly_one_is_1_are_no_group(rows: list[list[float]]) -> None:
    assert one_hot_groups(["a_x", "a_y"], np.array(rows, dtype=float)) == {}


def test_a_single_column_is_no_group() -> None:
    assert one_hot_groups(["a_x", "b_y"], np.array([[1.0, 0.0]])) == {}
