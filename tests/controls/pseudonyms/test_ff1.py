import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_series_equal

from casemate.controls.pseudonyms.ff1 import ALPHABETS, Ff1
from casemate.core.errors import PseudonymRefused, SecretError
from controls.pseudonyms.ff1_reference import encrypt

KEY = bytes(range(32))


def one_by_one(text: str, alphabet: str, tweak: bytes) -> str:
    inside = [character for character in text if character in alphabet]
    sealed = iter(encrypt(KEY, [alphabet.index(c) for c in inside], len(alphabet), tweak))
    return "".join(alphabet[next(sealed)] if character in alphabet else character for character in text)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([*ALPHABETS]),
    st.lists(st.none() | st.text(alphabet="0189azAZ -é", max_size=25), max_size=10),
    st.binary(max_size=20),
)
def test_columns_are_as_one_value_at_a_time(name, texts, tweak):
    cipher = Ff1(KEY, ALPHABETS[name], tweak)
    enough = [t for t in texts if t is None or sum(c in cipher.alphabet for c in t) >= cipher.fewest]
    values = pl.Series("x", enough, dtype=pl.String)
    found = cipher.apply(values)
    assert found.to_list() == [None if t is None else one_by_one(t, cipher.alphabet, tweak) for t in enough]
    assert_series_equal(cipher.reverse(found), values)


@pytest.mark.parametrize("repeats", [1, 3])
def test_many_rows_alike_or_not_come_back(repeats: int):
    values = pl.Series("card", [f"{n * 7919 % 10**16:016}" for n in range(5000)] * repeats)
    cipher = Ff1(KEY)
    found = cipher.apply(values)
    assert found.n_unique() == 5000
    assert found[4321] == one_by_one(values[4321], cipher.alphabet, b"")
    assert_series_equal(cipher.reverse(found), values)


def test_the_format_stays():
    found = Ff1(KEY).apply(pl.Series(["4111-1111-1111-1111"]))[0]
    assert [character if character == "-" else "d" for character in found] == list("dddd-dddd-dddd-dddd")
    assert found != "4111-1111-1111-1111"


def test_numbers_come_back_as_numbers():
    values = pl.Series("x", [12345678, None, -99999999])
    cipher = Ff1(KEY)
    assert cipher.apply(values).dtype == pl.String
    assert_series_equal(cipher.reverse(cipher.apply(values), pl.Int64), values)


@pytest.mark.parametrize(("name", "fewest"), [("digits", 6), ("lower", 5), ("upper", 5), ("alphanumeric", 4)])
def test_a_million_values_at_least(name: str, fewest: int):
    cipher = Ff1(KEY, ALPHABETS[name])
    assert cipher.fewest == fewest
    assert len(cipher.alphabet) ** fewest >= 10**6 > len(cipher.alphabet) ** (fewest - 1)


@pytest.mark.parametrize("texts", [["123456", "12345", "1"], ["123456", None, "12-34 5x"], ["123456", ""]])
def test_short_values_are_refused_with_row_and_remedy_but_not_shown(texts: list[str | None]):
    with pytest.raises(PseudonymRefused) as caught:
        Ff1(KEY).apply(pl.Series("card", texts))
    said = str(caught.value)
    row = next(i for i, t in enumerate(texts) if t is not None and sum(c.isdigit() for c in t) < 6)
    assert f"column 'card', row {row} (counted from 0)" in said
    assert "at least 6" in said and "1,000,000" in said and "aes-siv" in said
    assert "12345" not in said.replace("1,000,000", "")


def test_another_key_turns_back_into_something_else_and_nothing_shows_it():
    values = pl.Series(["4111111111111111"])
    assert Ff1(KEY[::-1]).reverse(Ff1(KEY).apply(values)).to_list() != values.to_list()


@pytest.mark.parametrize("alphabet", ["", "0", "00", "01é"])
def test_an_alphabet_that_is_none_is_refused(alphabet: str):
    with pytest.raises(SecretError, match="alphabet"):
        Ff1(KEY, alphabet)


def test_a_key_of_another_length_is_refused_and_never_shown():
    with pytest.raises(SecretError, match="16, 24 or 32"):
        Ff1(bytes(20))
    assert "\\x01\\x02" not in repr(Ff1(KEY))


def test_an_empty_column():
    assert Ff1(KEY).apply(pl.Series("x", [], dtype=pl.String)).to_list() == []
    assert Ff1(KEY).apply(pl.Series("x", [None, None], dtype=pl.String)).to_list() == [None, None]
