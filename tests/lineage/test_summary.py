import datetime
import string

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.core.schema import Role
from casemate.lineage.summary import BUCKETS, FEWEST, OTHERS, summarise

AGES = pl.Series(np.random.default_rng(0).integers(17, 90, 1000))


def test_an_identifier_tells_counts_alone() -> None:
    told = summarise(pl.Series(["ana", "ben", None, "ana"] * 50), "identifier")
    assert (told.rows, told.distinct, told.missing) == (200, 2, 50)
    assert not told.shares
    assert told.low == told.high == ""


@pytest.mark.parametrize("role", ["quasi-identifier", "sensitive", "ignored", None])
def test_a_column_about_people_has_no_ends_and_no_small_buckets(role: Role | None) -> None:
    values = pl.concat([AGES, pl.Series([118])])
    told = summarise(values, role)
    assert told.low == told.high == ""
    assert all(round(share * told.rows) >= FEWEST for share in told.shares.values())
    assert not any("11" in label.split(" to ")[0] for label in told.shares)


def test_a_feature_tells_its_ends() -> None:
    told = summarise(AGES, "feature")
    assert (told.low, told.high) == ("17", "89")
    assert list(told.shares) == [f"{ten} to {ten + 9}" for ten in range(10, 90, 10)]
    assert sum(told.shares.values()) == pytest.approx(1)


def test_frequent_words_come_first_and_the_rest_together() -> None:
    words = [letter for i, letter in enumerate(string.ascii_lowercase, start=1) for _ in range(20 * i)]
    told = summarise(pl.Series(words), "sensitive")
    assert len(told.shares) == BUCKETS
    assert list(told.shares)[0] == "z"
    assert OTHERS in told.shares
    assert sum(told.shares.values()) == pytest.approx(1)


def test_text_that_nearly_always_differs_is_an_identifier_whatever_was_declared() -> None:
    assert not summarise(pl.Series([f"p{i}" for i in range(500)]), "feature").shares


def test_rare_words_are_never_shown() -> None:
    told = summarise(pl.Series(["flu"] * 50 + ["kuru"] * 3))
    assert list(told.shares) == ["flu"]


def test_dates_are_counted_by_years() -> None:
    days = [datetime.date(1950, 1, 1) + datetime.timedelta(days=7 * i) for i in range(2000)]
    told = summarise(pl.Series(days), "feature")
    assert told.low == "1950-01-01"
    assert "1950 to 1954" in told.shares


@pytest.mark.parametrize(
    "values",
    [
        pl.Series([], dtype=pl.Int64),
        pl.Series([None, None]),
        pl.Series([1.0, float("nan"), float("inf"), -float("inf")] * 10),
        pl.Series([[1], [2]]),
        pl.Series([{"a": 1}, {"a": 2}]),
        pl.Series([object(), object()], dtype=pl.Object),
        pl.Series([b"x", b"y"]),
        pl.Series([1e308, -1e308] * 20 + list(range(20))),
        pl.Series([i * 5e-324 for i in range(30)]),
        pl.Series([2**63 - 1 - i for i in range(100)]),
        pl.Series(range(2000), dtype=pl.UInt64),
        pl.Series([i / 100 for i in range(200)]).cast(pl.Decimal(10, 2)),
        pl.Series([datetime.timedelta(seconds=i) for i in range(200)]),
        pl.Series([datetime.time(i % 24, i % 60) for i in range(200)]),
        pl.Series(
            [datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(hours=i) for i in range(99)]
        ),
        pl.Series(["a", "b"] * 20, dtype=pl.Categorical),
        pl.Series([True, False, None] * 20),
    ],
    ids=lambda values: str(values.dtype),
)
def test_every_kind_of_column_has_a_summary(values: pl.Series) -> None:
    told = summarise(values, "feature")
    assert told.rows == len(values)
    assert len(told.shares) <= BUCKETS
    assert sum(told.shares.values()) <= 1 + 1e-9


@given(st.lists(st.one_of(st.none(), st.floats(width=32), st.integers(-(2**31), 2**31)), max_size=60))
@settings(max_examples=60, deadline=None)
def test_counts_are_right_and_shares_are_shares(values: list[float | None]) -> None:
    series = pl.Series("x", values, dtype=pl.Float64, strict=False)
    told = summarise(series, "feature")
    assert told.missing == sum(value is None or value != value for value in values)
    assert len(told.shares) <= BUCKETS
    assert all(0 < share <= 1 for share in told.shares.values())
    assert sum(told.shares.values()) <= 1 + 1e-9
