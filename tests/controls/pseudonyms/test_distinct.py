import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.controls.pseudonyms.canonical import to_text
from casemate.controls.pseudonyms.distinct import encode, over_distinct, row_of
from casemate.core.errors import PseudonymRefused


@settings(max_examples=50, deadline=None)
@given(st.lists(st.none() | st.text(max_size=20), max_size=40))
def test_each_distinct_value_is_changed_once(texts):
    asked = []

    def change(distinct: pl.Series) -> pl.Series:
        asked.extend(distinct.to_list())
        return distinct + "!"

    values = pl.Series("x", texts, dtype=pl.String)
    changed = over_distinct(values, change)
    assert changed.to_list() == [None if text is None else text + "!" for text in texts]
    assert (changed.name, changed.dtype) == ("x", pl.String)
    assert sorted(asked) == sorted({text for text in texts if text is not None})


def test_codes_say_where_the_values_are():
    distinct, codes = encode(pl.Series(["b", None, "a", "b"]))
    assert distinct.to_list() == ["b", "a"]
    assert codes.to_list() == [0, None, 1, 0]


def test_the_first_row_with_a_value():
    assert row_of(pl.Series([None, "a", "b", "b"]), "b") == 2
    assert row_of(pl.Series(["b", "a"]), "b") == 0


@pytest.mark.parametrize("dtype", [pl.Int64, pl.UInt32, pl.Int8, pl.Float64, pl.Categorical, pl.Date], ids=str)
def test_of_any_type_the_texts_are_changed(dtype):
    values = pl.Series("x", [3, None, 7, 3]).cast(pl.String if dtype == pl.Categorical else pl.Int64).cast(dtype)
    assert over_distinct(values, lambda texts: texts + "!").to_list() == [
        None if text is None else text + "!" for text in to_text(values)
    ]


def test_types_without_a_text_are_refused():
    with pytest.raises(PseudonymRefused):
        over_distinct(pl.Series("x", [[1]]), lambda texts: texts)
