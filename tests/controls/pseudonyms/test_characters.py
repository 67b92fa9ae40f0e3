import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.controls.pseudonyms import characters
from casemate.controls.pseudonyms.characters import Text, TooFew


def next_digit(digits: np.ndarray) -> np.ndarray:
    return (digits + 1) % 10


def expected(text: str) -> str:
    return "".join(str((int(c) + 1) % 10) if c in "0123456789" else c for c in text)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(alphabet="019 -é€x😀", max_size=8), min_size=1, max_size=30), st.integers(1, 7))
def test_characters_of_the_alphabet_change_and_all_others_stay_where_they_are(texts, chunk):
    held, characters.CHUNK = characters.CHUNK, chunk
    try:
        changed = Text(pl.Series("x", texts, dtype=pl.String), "0123456789").changed(next_digit, 0)
    finally:
        characters.CHUNK = held
    assert changed.to_list() == [expected(text) for text in texts]


@pytest.mark.parametrize("texts", [["11-11", "22-22", "33-33"], ["1111", "2222"], ["1-1", "11-"], ["1", "22", ""]])
def test_one_format_or_many_make_no_difference(texts: list[str]):
    changed = Text(pl.Series(texts), "0123456789").changed(next_digit, 0)
    assert changed.to_list() == [expected(text) for text in texts]


def test_a_slice_of_a_column_is_a_column():
    whole = pl.Series(["1-1", "22", "é3", "444"])
    assert Text(whole[1:3], "0123456789").changed(next_digit, 1).to_list() == ["33", "é4"]


@pytest.mark.parametrize("texts", [["111", "1-1"], ["1-1", "1-1"], ["111", "11"], ["111", ""]])
def test_too_few_characters_are_told_with_their_row(texts: list[str]):
    with pytest.raises(TooFew) as caught:
        Text(pl.Series(texts), "0123456789").changed(next_digit, 3)
    assert caught.value.row == [len(t.replace("-", "")) < 3 for t in texts].index(True)
    assert caught.value.found == len(texts[caught.value.row].replace("-", ""))


def test_rows_are_counted_over_chunks(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(characters, "CHUNK", 2)
    with pytest.raises(TooFew) as caught:
        Text(pl.Series(["111"] * 5 + ["1"]), "0123456789").changed(next_digit, 3)
    assert caught.value.row == 5
