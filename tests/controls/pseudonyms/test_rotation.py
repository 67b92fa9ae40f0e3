import polars as pl
import pytest
from polars.testing import assert_series_equal

from casemate.controls.pseudonyms import (
    column_pseudonymiser,
    frequency_warning,
    rekey,
    rekey_map,
    rekey_pairs,
    swapped,
)
from casemate.core.errors import PseudonymRefused, SealBroken, ShapeMismatch

MASTER = bytes(range(32))
RAW = pl.Series("card", ["4111111111111111", None, "4012888888881881", "4111111111111111"])


def of(kind: str, epoch: str):
    return column_pseudonymiser(kind, MASTER, dataset="d", column="card", purpose="train", epoch=epoch)


@pytest.mark.parametrize("kind", ["hmac", "aes-siv", "ff1"])
def test_the_new_epoch_takes_the_place_of_the_old(kind: str):
    old, new = of(kind, "1"), of(kind, "2")
    raw = None if old.reversible else RAW
    published = old.apply(RAW)
    pairs = rekey_map(published, old, new, raw=raw)
    assert pairs.columns == ["old", "new"] and pairs.height == 2
    assert pairs["old"].to_list() == sorted(pairs["old"])
    assert_series_equal(rekey(published, old, new, raw=raw), new.apply(RAW))


def test_from_a_way_back_to_none():
    old, new = of("aes-siv", "1"), of("hmac", "2")
    assert_series_equal(rekey(old.apply(RAW), old, new), new.apply(RAW))


def test_hashes_need_the_raw_column():
    with pytest.raises(PseudonymRefused, match="cannot be re-keyed"):
        rekey_map(of("hmac", "1").apply(RAW), of("hmac", "1"), of("hmac", "2"))


def test_the_raw_column_of_other_rows_is_refused():
    published = of("hmac", "1").apply(RAW)
    with pytest.raises(PseudonymRefused, match="2 of 4") as caught:
        rekey_map(published, of("hmac", "1"), of("hmac", "2"), raw=RAW.reverse().rename("card")[[0, 1, 2, 3]])
    assert "row 1" in str(caught.value)
    with pytest.raises(ShapeMismatch):
        rekey_map(published, of("hmac", "1"), of("hmac", "2"), raw=RAW[:2])


def test_the_wrong_old_epoch_is_refused():
    with pytest.raises(SealBroken):
        rekey_map(of("aes-siv", "1").apply(RAW), of("aes-siv", "0"), of("aes-siv", "2"))


@pytest.mark.parametrize("kind", ["hmac", "aes-siv", "ff1"])
def test_the_values_may_come_in_any_order(kind: str):
    old, new = of(kind, "1"), of(kind, "2")
    pairs = rekey_pairs(pl.Series("card", ["9999999999999995", *RAW.reverse()]), old, new)
    assert pairs.height == 3 and pairs["old"].to_list() == sorted(pairs["old"])
    assert_series_equal(swapped(old.apply(RAW), pairs), new.apply(RAW))


def test_a_pseudonym_of_none_of_the_values_is_refused():
    old, new = of("hmac", "1"), of("hmac", "2")
    with pytest.raises(PseudonymRefused, match="1 pseudonyms stand for none") as caught:
        swapped(old.apply(RAW), rekey_pairs(RAW[:1], old, new))
    assert "column 'card'" in str(caught.value)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (["f", "m"] * 50, "2 different values in 100 rows, the most common in 50.0% of them"),
        ([*map(str, range(5000)), *["x"] * 100], "the most common in 2.0% of them"),
        (list(range(500)) * 2, "500 different values in 1,000 rows"),
    ],
)
def test_few_or_frequent_values_are_flagged(values, told: str):
    assert told in str(frequency_warning(pl.Series("sex", values)))


@pytest.mark.parametrize("values", [list(range(100)), list(range(2000)) * 2, [], [None, None]])
def test_others_are_not(values):
    assert frequency_warning(pl.Series("id", values)) is None


def test_the_warning_holds_for_pseudonyms_as_for_values():
    raw = pl.Series("sex", ["f", "m", "m"] * 20)
    assert frequency_warning(raw) == frequency_warning(of("aes-siv", "1").apply(raw))
