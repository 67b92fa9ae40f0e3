import datetime
from hashlib import blake2b

import hypothesis.strategies as st
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings

from casemate.core.errors import DataUnreadable
from casemate.lineage.tokens import as_text, token, tokens

KEY = b"k" * 32
IDS = st.lists(st.one_of(st.none(), st.text(max_size=3)), max_size=30)


@settings(max_examples=60, deadline=None)
@given(IDS, st.sampled_from([64, 128]))
def test_every_row_of_everybody_is_found_and_nobody_else(ids: list[str | None], bits: int) -> None:
    made = tokens(KEY, pl.Series("id", ids, pl.String), bits)  # type: ignore[arg-type]
    assert (made.total, made.bits) == (len(ids), bits)
    assert np.all(made.high[:-1] <= made.high[1:])
    for id in {*ids, "nobody"} - {None}:
        start, end = made.span(*token(KEY, str(id)))
        assert sorted(made.rows[start:end].tolist()) == [row for row, other in enumerate(ids) if other == id]


@settings(max_examples=60, deadline=None)
@given(IDS, st.data())
def test_rows_are_taken_out(ids: list[str | None], data: st.DataObject) -> None:
    gone = sorted(data.draw(st.sets(st.integers(0, max(len(ids) - 1, 0)), max_size=len(ids))))
    left = [id for row, id in enumerate(ids) if row not in gone]
    series = pl.Series("id", ids, pl.String)
    found = tokens(KEY, series, 128).without(np.array(gone, np.int64))
    wanted = tokens(KEY, pl.Series("id", left, pl.String), 128)
    assert found.total == wanted.total
    for name in ("high", "low", "rows"):
        assert getattr(found, name).tolist() == getattr(wanted, name).tolist()
    silent = tokens(KEY, series).silent(np.array(gone, np.int64))
    assert silent.total == len(ids)
    assert not set(silent.rows.tolist()) & set(gone)


def test_a_token_is_keyed_blake2b() -> None:
    digest = blake2b(b"anna", digest_size=16, key=KEY).digest()
    assert token(KEY, "anna") == (int.from_bytes(digest[:8], "big"), int.from_bytes(digest[8:], "big"))
    assert token(KEY, "anna") != token(b"j" * 32, "anna")
    assert token(KEY, "Andre\u0301") == token(KEY, "Andr\u00e9")


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        (pl.Series([7, None, 42]), ["7", None, "42"]),
        (pl.Series([7.0, None]), ["7", None]),
        (pl.Series([2**60], dtype=pl.UInt64), [str(2**60)]),
        (pl.Series([datetime.date(2020, 1, 2)]), ["2020-01-02"]),
        (pl.Series(["a"], dtype=pl.Categorical), ["a"]),
        (pl.Series([None, None]), [None, None]),
        (pl.Series([], dtype=pl.Float64), []),
    ],
)
def test_ids_are_the_same_whatever_the_type_of_their_column(values: pl.Series, texts: list[str | None]) -> None:
    assert as_text(values).to_list() == texts


@pytest.mark.parametrize(
    "values",
    [pl.Series([1.5]), pl.Series([float("nan")]), pl.Series([float("inf")]), pl.Series([True]), pl.Series([[1]])],
)
def test_what_cannot_be_an_id_is_refused(values: pl.Series) -> None:
    with pytest.raises(DataUnreadable, match="cannot say who"):
        tokens(KEY, values)
