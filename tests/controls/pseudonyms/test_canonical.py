import datetime
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_series_equal

from casemate.controls.pseudonyms.canonical import from_text, to_text
from casemate.core.errors import PseudonymRefused

DAY = datetime.date(2024, 2, 29)
MOMENT = datetime.datetime(2024, 2, 29, 23, 59, 58, 70000)
PLAIN = st.datetimes(datetime.datetime(1, 1, 1), datetime.datetime(9999, 12, 31))
COLUMNS = {
    pl.Int64: st.integers(-(2**63), 2**63 - 1),
    pl.UInt8: st.integers(0, 255),
    pl.Float64: st.floats(),
    pl.Boolean: st.booleans(),
    pl.String: st.text(),
    pl.Date: st.dates(),
    pl.Time: st.times(),
    pl.Datetime("us"): PLAIN,
    pl.Datetime("ms", "Europe/Berlin"): st.datetimes(datetime.datetime(1900, 1, 1), datetime.datetime(2100, 1, 1)).map(
        lambda m: m.replace(microsecond=0, tzinfo=datetime.UTC)
    ),
    pl.Decimal(20, 3): st.decimals(-(10**9), 10**9, places=3),
}


@pytest.mark.parametrize("dtype", COLUMNS, ids=str)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_values_come_back_as_they_were(dtype, data):
    values = pl.Series("x", data.draw(st.lists(st.none() | COLUMNS[dtype], max_size=8)), dtype=dtype)
    assert_series_equal(from_text(to_text(values), values.dtype), values)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (pl.Series([7], dtype=pl.UInt8), "7"),
        (pl.Series([7], dtype=pl.Int64), "7"),
        (pl.Series(["7"]), "7"),
        (pl.Series([0.1]), "0.1"),
        (pl.Series([True]), "true"),
        (pl.Series([DAY]), "2024-02-29"),
        (pl.Series([MOMENT], dtype=pl.Datetime("ms")), "2024-02-29T23:59:58.070"),
        (pl.Series([MOMENT], dtype=pl.Datetime("ns")), "2024-02-29T23:59:58.070"),
        (
            pl.Series([MOMENT]).dt.replace_time_zone("UTC").dt.convert_time_zone("Asia/Tokyo"),
            "2024-02-29T23:59:58.070Z",
        ),
        (pl.Series(["b"], dtype=pl.Categorical), "b"),
        (pl.Series(["b"], dtype=pl.Enum(["a", "b"])), "b"),
        (pl.Series([Decimal("1.50")]), "1.50"),
    ],
)
def test_there_is_one_way_to_write_a_value_whatever_its_width_or_unit(values: pl.Series, text: str):
    assert to_text(values).to_list() == [text]
    assert to_text(values).dtype == pl.String


@pytest.mark.parametrize("values", [[[1]], [{"a": 1}], [b"x"], [datetime.timedelta(1)]], ids=str)
def test_kinds_without_one_are_refused(values):
    with pytest.raises(PseudonymRefused, match="no pseudonyms") as caught:
        to_text(pl.Series("who", values))
    assert "'who'" in str(caught.value)


@pytest.mark.parametrize("dtype", [pl.Int8, pl.Date, pl.Boolean, pl.Time, pl.Datetime("us")], ids=str)
def test_text_that_is_no_value_of_the_type_is_refused_without_showing_it(dtype):
    with pytest.raises(PseudonymRefused, match="of type") as caught:
        from_text(pl.Series("who", ["secret"]), dtype)
    assert "secret" not in str(caught.value)
