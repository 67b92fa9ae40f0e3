import hashlib
import hmac

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.controls.pseudonyms import keyed_hash
from casemate.controls.pseudonyms.keyed_hash import KeyedHash
from casemate.core.errors import PseudonymRefused, SecretError

KEY = bytes(range(32))


def test_rfc_4231_case_1():
    found = KeyedHash(bytes([0x0B] * 20)).apply(pl.Series(["Hi There"]))
    assert found.to_list() == ["b0344c61d8db38535ca8afceaf0bf12b"]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.none() | st.text(max_size=80), max_size=20), st.binary(min_size=16, max_size=100))
def test_it_is_python_s_hmac(texts, key):
    found = KeyedHash(key).apply(pl.Series("x", texts, dtype=pl.String))
    assert found.to_list() == [
        None if text is None else hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:32] for text in texts
    ]


def test_only_distinct_values_are_hashed(monkeypatch: pytest.MonkeyPatch):
    hashed = []

    class Counting:
        def __init__(self, key, digestmod):
            self.state = hmac.new(key, digestmod=digestmod)

        def copy(self):
            hashed.append(1)
            return self.state.copy()

    monkeypatch.setattr(keyed_hash, "hmac", type("hmac", (), {"new": Counting}))
    KeyedHash(KEY).apply(pl.Series(["a", "b", "a", None] * 1000))
    assert len(hashed) == 2


def test_the_same_value_in_any_type_has_the_same_pseudonym():
    of = KeyedHash(KEY).apply
    assert of(pl.Series([7], dtype=pl.Int8)).to_list() == of(pl.Series([7])).to_list() == of(pl.Series(["7"])).to_list()


def test_there_is_no_way_back():
    with pytest.raises(PseudonymRefused, match="cannot be turned back"):
        KeyedHash(KEY).reverse(pl.Series("x", ["00" * 16]))


def test_its_name_and_what_it_shows_of_its_key():
    made = KeyedHash(KEY)
    assert (made.name, made.reversible) == ("hmac-sha256", False)
    assert KEY.hex() not in repr(made) and repr(KEY) not in repr(made)


def test_a_short_key_is_refused():
    with pytest.raises(SecretError, match="15 bytes"):
        KeyedHash(bytes(15))
