"""What a release loses, against cases worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from casemate.assess.loss import dropped, information_loss, penalty, suppressed
from casemate.core.release import Meanings, Release
from releases import people, ranges

TABLE = pl.DataFrame({"age": [20, 30, 40, 60], "town": ["a", "b", "c", "c"]})
RAW = Release(TABLE, {"age": "quasi-identifier", "town": "quasi-identifier"}, np.arange(4))


def test_the_raw_table_loses_nothing_and_no_rows_everything() -> None:
    assert information_loss(RAW, RAW) == 0.0
    assert information_loss(RAW, replace(RAW, table=TABLE[:0], rows=RAW.rows[:0])) == 1.0
    assert information_loss(people().drop("age", "town"), people()) == 0.0


def test_ranges_count_by_width_and_words_by_number() -> None:
    age = ranges([20, 30, 40, 60], {"20..30": (20, 30), "40..60": (40, 60)})
    assert penalty(age).tolist() == [0.25, 0.5]
    town = Meanings(np.array(["a", "b", "c"], dtype=object), ("a|b", "c"), np.array([0, 2], np.int32),
                    np.array([1, 2], np.int32))  # fmt: skip
    assert penalty(town).tolist() == [0.5, 0.0]
    labels = TABLE.with_columns(age=pl.Series(["20..30"] * 2 + ["40..60"] * 2), town=pl.Series(["a|b"] * 2 + ["c"] * 2))
    made = Release(labels, RAW.roles, RAW.rows, {"age": age, "town": town})
    assert information_loss(RAW, made) == pytest.approx((0.375 + 0.25) / 2)


def test_suppressed_rows_dropped_columns_and_pseudonyms_tell_nothing() -> None:
    half = replace(RAW, table=TABLE[:2], rows=RAW.rows[:2])
    assert suppressed(RAW, half) == 0.5
    assert information_loss(RAW, half) == pytest.approx(0.5)
    assert dropped(RAW, RAW.drop("town")) == ("town",)
    assert information_loss(RAW, RAW.drop("town")) == pytest.approx(0.5)
    assert information_loss(RAW, replace(RAW, pseudonyms={"town": "hmac"})) == pytest.approx(0.5)


def test_one_value_loses_nothing() -> None:
    one = ranges([5], {"5": (5, 5)})
    assert penalty(one).tolist() == [0.0]
