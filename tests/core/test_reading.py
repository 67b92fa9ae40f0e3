"""What published labels may stand for, and which values they fit."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.core.reading import as_they_are, group_rows, places, read
from casemate.core.release import Meanings, Release

DOMAIN = np.array([1.0, 2.0, 5.0, 9.0])
WORDS = np.array(["b", "a", "c"], dtype=object)


def test_numbers_in_the_domain_are_at_their_codes_and_others_between() -> None:
    left, right = places(pl.Series([1, 5, 3, 0, 10, None]), DOMAIN)
    assert left.tolist() == [0, 2, 2, 0, 3, -1]
    assert right.tolist() == [0, 2, 1, 0, 3, -1]


def test_a_missing_value_is_at_its_code_where_the_domain_holds_it() -> None:
    left, right = places(pl.Series([None, 9.0]), np.append(DOMAIN, np.nan))
    assert left.tolist() == right.tolist() == [4, 3]
    left, _ = places(pl.Series([None, "a", "z"]), np.append(WORDS, ""))
    assert left.tolist() == [3, 1, -1]


def test_ranges_hold_what_lies_between_their_ends_and_single_values_do_not() -> None:
    made = Meanings(DOMAIN, ("1..5", "2", "5"), np.array([0, 1, 2], np.int32), np.array([2, 1, 2], np.int32))
    table = pl.DataFrame({"x": ["1..5", "2", "5"]})
    (reading,) = read(Release(table, {"x": "quasi-identifier"}, np.arange(3), {"x": made}), ["x"])
    (left,), (right,) = places(pl.Series([3.0]), DOMAIN)
    assert reading.fits(int(left), int(right))[:3].tolist() == [True, False, False]


def test_sets_fit_their_members_and_a_word_that_nobody_knows_fits_nothing() -> None:
    members = np.array([[True, False, True], [False, True, False]])
    made = Meanings(WORDS, ("b|c", "a"), np.array([0, 1], np.int32), np.array([2, 1], np.int32), members)
    table = pl.DataFrame({"x": ["b|c", "a"]})
    (reading,) = read(Release(table, {"x": "quasi-identifier"}, np.arange(2), {"x": made}), ["x"])
    assert reading.fits(1, 1)[:2].tolist() == [False, True]
    assert reading.fits(2, 2)[:2].tolist() == [True, False]
    assert not reading.fits(-1, -1).any()


def test_a_published_gap_and_a_label_without_meaning_say_nothing() -> None:
    made = Meanings(DOMAIN, ("1..2",), np.array([0], np.int32), np.array([1], np.int32))
    table = pl.DataFrame({"x": ["1..2", None, "who knows"]})
    (reading,) = read(Release(table, {"x": "quasi-identifier"}, np.arange(3), {"x": made}), ["x"])
    assert reading.meanings.sizes[reading.label].tolist() == [2, 4, 4]
    assert reading.generalised


def test_pseudonyms_and_columns_that_are_not_published_are_not_read() -> None:
    table = pl.DataFrame({"x": [1], "y": ["p"]})
    release = Release(table, {}, np.arange(1), pseudonyms={"y": "hmac"})
    assert [reading.name for reading in read(release, ["x", "y", "z"])] == ["x"]


@pytest.mark.parametrize("values", [[3, 1, 3, None], ["c", "a", "c", None], [True, False, True, None]])
def test_raw_values_stand_for_themselves(values: list[object]) -> None:
    column = pl.Series(values)
    meanings, label = as_they_are(column)
    assert len(meanings.labels) == 3
    assert meanings.sizes.tolist() == [1, 1, 1]
    assert label[0] == label[2] != label[1]
    left, right = places(column, meanings.domain)
    assert left.tolist() == right.tolist() == label.tolist()


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), min_size=1, max_size=30))
def test_groups_are_the_rows_that_look_alike(rows: list[tuple[int, int]]) -> None:
    table = pl.DataFrame(rows, schema=["x", "y"], orient="row")
    readings = read(Release(table, {}, np.arange(len(rows))), ["x", "y"])
    groups = group_rows(readings, len(rows))
    for one in range(len(rows)):
        for other in range(one):
            assert (groups.of[one] == groups.of[other]) == (rows[one] == rows[other])
    assert groups.sizes.sum() == len(rows)
    assert sorted(np.concatenate([groups.rows(at) for at in range(len(groups.sizes))])) == list(range(len(rows)))


def test_without_columns_all_rows_are_one_group() -> None:
    assert group_rows((), 3).of.tolist() == [0, 0, 0]


def test_many_columns_of_many_values_do_not_run_over() -> None:
    rng = np.random.default_rng(0)
    table = pl.DataFrame({f"c{at}": rng.integers(1 << 40, size=200) for at in range(12)})
    readings = read(Release(table, {}, np.arange(200)), table.columns)
    assert len(group_rows(readings, 200).sizes) == 200
