"""Digests of tables: of their content alone, on every version and in every process."""

from __future__ import annotations

import datetime
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from casemate.core.frames import column_digest, frame_digest

COLUMNS = {
    "whole": pl.Series([1, None, 3]),
    "fraction": pl.Series([1.5, None, -0.5]),
    "word": pl.Series(["x", None, "é"]),
    "truth": pl.Series([True, None, False]),
    "day": pl.Series([datetime.date(2020, 1, 1), None, datetime.date(2021, 1, 1)]),
    "list": pl.Series([[1], None, [2, 3]]),
    "bytes": pl.Series([b"a", None, b"\xff"]),
    "decimal": pl.Series([Decimal("1.5"), None, Decimal(2)]),
    "category": pl.Series(["u", None, "v"], dtype=pl.Categorical),
    "struct": pl.Series([{"a": 1}, None, {"a": 2}]),
}


def test_a_digest_is_the_same_today_and_tomorrow() -> None:
    frame = pl.DataFrame({"a": [1, 2], "b": ["x", None]})
    assert frame_digest(frame) == "0905e644e634a4f943bef7f58fe50fbaf6a41bcd6ce9ecfa91a6e7d813e84882"


@pytest.mark.parametrize("name", COLUMNS)
def test_order_chunks_and_gaps_of_every_type(name: str) -> None:
    column = COLUMNS[name]
    assert column_digest(column) == column_digest(pl.concat([column[:1], column[1:]], rechunk=False))
    assert column_digest(column) != column_digest(column.reverse())
    assert column_digest(column) != column_digest(column[:2])


def test_names_and_types_count() -> None:
    frame = pl.DataFrame({"a": [1, 0]})
    assert frame_digest(frame) != frame_digest(frame.rename({"a": "b"}))
    assert frame_digest(frame) != frame_digest(frame.cast(pl.Int8))
    assert frame_digest(frame) != frame_digest(frame.cast(pl.Boolean))
    assert frame_digest(pl.DataFrame()) != frame_digest(frame)


def test_missing_is_neither_empty_nor_nought() -> None:
    assert column_digest(pl.Series([None, "a"])) != column_digest(pl.Series(["", "a"]))
    assert column_digest(pl.Series([None, 1])) != column_digest(pl.Series([0, 1]))
    assert column_digest(pl.Series([None, None])) != column_digest(pl.Series([None]))


@given(st.lists(st.text(max_size=4), max_size=5), st.lists(st.text(max_size=4), max_size=5))
def test_different_words_have_different_digests(one: list[str], other: list[str]) -> None:
    first, second = (pl.Series(words, dtype=pl.String) for words in (one, other))
    assert (column_digest(first) == column_digest(second)) == (one == other)
