"""Near-keys: packed keys count exactly, samples find the sets that keep rows apart."""

from __future__ import annotations

import datetime
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.controls.profiling.coding import Codes, class_sizes, encode
from casemate.controls.profiling.near_keys import minimal, rank


def people(rows: int) -> pl.DataFrame:
    rng = np.random.default_rng(5)
    return pl.DataFrame(
        {
            "age": rng.integers(18, 90, rows),
            "sex": rng.choice(["f", "m"], rows),
            "postcode": rng.integers(0, 700, rows).astype(str),
            "job": rng.integers(0, 40, rows),
            "day": pl.Series(rng.integers(0, 9000, rows)).cast(pl.Date),
        }
    )


cells = st.one_of(st.none(), st.integers(-3, 3), st.sampled_from(["a", "b", ""]), st.booleans(), st.floats(-1, 1))


@given(
    st.lists(
        st.one_of(
            st.lists(st.one_of(st.none(), st.integers(-(2**62), 2**62)), min_size=9, max_size=9),
            st.lists(st.one_of(st.none(), st.integers(-3, 3)), min_size=9, max_size=9),
            st.lists(st.one_of(st.none(), st.text(max_size=2)), min_size=9, max_size=9),
            st.lists(st.one_of(st.none(), st.booleans()), min_size=9, max_size=9),
            st.lists(st.one_of(st.none(), st.sampled_from([0.5, float("nan"), -1.0])), min_size=9, max_size=9),
            st.lists(st.one_of(st.none(), st.dates()), min_size=9, max_size=9),
        ),
        min_size=1,
        max_size=5,
    )
)
@settings(max_examples=150, deadline=None)
def test_classes_are_those_of_a_group_by(columns: list[list[Any]]) -> None:
    series = [pl.Series(f"c{place}", values) for place, values in enumerate(columns)]
    frame = pl.DataFrame([s.fill_nan(None) if s.dtype.is_float() else s for s in series])
    wanted = sorted(frame.group_by(frame.columns).len()["len"].to_list())
    codes = encode(series)
    assert sorted(class_sizes(*codes.key(range(len(series)))).tolist()) == wanted


def test_keys_that_would_outgrow_63_bits_are_numbered_anew() -> None:
    rng = np.random.default_rng(0)
    columns = [pl.Series(f"c{i}", rng.integers(0, 2**62, 500)) for i in range(12)]
    columns.append(columns[0].alias("again"))
    codes = Codes(tuple(encode(columns).columns), (1 << 40,) * 13, 500)
    assert class_sizes(*codes.key(range(13))).tolist() == [1] * 500


def test_large_keys_are_sorted_and_small_ones_counted_alike() -> None:
    packed = np.random.default_rng(1).integers(0, 50, 4000)
    small, large = class_sizes(packed, 50), class_sizes(packed * (1 << 40), 50 << 40)
    assert sorted(small.tolist()) == sorted(large.tolist())
    assert sorted(class_sizes(packed * 1_000_000, 50_000_000).tolist()) == sorted(small.tolist())


def test_types() -> None:
    day = datetime.datetime(2020, 1, 1)
    columns = [
        pl.Series("t", [day, day, None]),
        pl.Series("c", ["x", "y", None], dtype=pl.Categorical),
        pl.Series("u", [2**64 - 1, 0, 0], dtype=pl.UInt64),
        pl.Series("w", [5, 5, 5], dtype=pl.Int8),
    ]
    assert [len(class_sizes(*encode([one]).key([0]))) for one in columns] == [2, 3, 2, 1]


def test_the_sample_finds_every_key_and_estimates_every_share() -> None:
    codes = encode(people(60_000).get_columns())
    exact = {}
    for size in range(1, 5):
        for one in combinations(range(5), size):
            sizes = class_sizes(*codes.key(one))
            exact[one] = float((sizes * (sizes - 1.0)).sum() / (60_000 * 59_999.0))
    ranked = rank(codes, epsilon=1e-4, seed=1)
    assert {one.columns for one in ranked} == set(exact)
    assert [one.unseparated for one in ranked] == sorted(one.unseparated for one in ranked)
    for one in ranked:
        assert one.unseparated == pytest.approx(exact[one.columns], rel=0.2, abs=2e-5)
    far = {one for one, share in exact.items() if abs(share - 1e-4) > 1e-5}
    assert {one.columns for one in ranked if one.unseparated <= 1e-4} & far == {o for o in far if exact[o] <= 1e-4}


def test_a_small_table_is_counted_whole() -> None:
    frame = people(300)
    codes = encode(frame.get_columns())
    for one in rank(codes, largest=3):
        sizes = class_sizes(*codes.key(one.columns))
        assert one.unseparated == pytest.approx((sizes * (sizes - 1)).sum() / (300 * 299))


def test_the_same_seed_gives_the_same_ranking() -> None:
    codes = encode(people(30_000).get_columns())
    assert rank(codes, seed=4) == rank(codes, seed=4)


@pytest.mark.parametrize("rows", [1, 2])
def test_hardly_any_rows(rows: int) -> None:
    ranked = rank(encode(people(rows).get_columns()))
    assert len(ranked) == 30
    assert all(0 <= one.unseparated <= 1 for one in ranked)


def test_columns_of_very_many_values_still_fit() -> None:
    rng = np.random.default_rng(2)
    columns = [pl.Series(f"c{i}", rng.random(70_000)) for i in range(5)]
    assert {one.unseparated for one in rank(encode(columns))} == {0.0}


def test_more_than_four_columns_are_refused() -> None:
    with pytest.raises(ValueError, match="1 to 4"):
        rank(encode(people(10).get_columns()), largest=5)


def test_minimal() -> None:
    assert minimal([(0, 1), (0,), (1, 2), (0, 2, 3), (1, 2, 3)]) == [(0,), (1, 2)]
    assert minimal([]) == []
