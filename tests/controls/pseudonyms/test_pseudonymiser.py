import polars as pl
import pytest
from polars.testing import assert_series_equal

from casemate.controls.pseudonyms import column_pseudonymiser, derive_key, pseudonymiser
from casemate.controls.pseudonyms.pseudonymiser import KEY_BYTES
from casemate.core.errors import SecretError, UnknownName

MASTER = bytes(range(32))
FIELDS = {"dataset": "crm.people", "column": "card", "purpose": "train", "epoch": "1"}
VALUES = pl.Series("card", ["4111111111111111", None, "4012888888881881"])


@pytest.mark.parametrize("kind", KEY_BYTES)
def test_values_of_two_purposes_cannot_be_joined(kind: str):
    one = column_pseudonymiser(kind, MASTER, **FIELDS).apply(VALUES)
    two = column_pseudonymiser(kind, MASTER, **{**FIELDS, "purpose": "report"}).apply(VALUES)
    assert not set(one.drop_nulls()) & set(two.drop_nulls())
    assert one.name == "card" and one.null_count() == 1


@pytest.mark.parametrize("kind", KEY_BYTES)
def test_the_same_words_make_the_same_pseudonyms(kind: str):
    one = column_pseudonymiser(kind, MASTER, **FIELDS)
    key = derive_key(MASTER, **FIELDS, use=f"pseudonym:{kind}" + ":digits" * (kind == "ff1"), length=KEY_BYTES[kind])
    assert_series_equal(one.apply(VALUES), pseudonymiser(kind, key).apply(VALUES))
    if one.reversible:
        assert_series_equal(one.reverse(one.apply(VALUES)), VALUES)


def test_names():
    names = [column_pseudonymiser(kind, MASTER, **FIELDS).name for kind in ("hmac", "aes-siv", "ff1")]
    assert names == ["hmac-sha256", "aes-siv", "ff1"]


def test_another_alphabet_is_another_key():
    upper = [column_pseudonymiser("ff1", MASTER, **FIELDS, alphabet=name) for name in ("upper", "alphanumeric")]
    values = pl.Series(["ABCDEFGH"])
    assert upper[0].apply(values)[0] != upper[1].apply(values)[0]


@pytest.mark.parametrize(
    ("kind", "options", "told"),
    [
        ("hmc", {}, "Did you mean 'hmac'?"),
        ("ff3-1", {}, "no kind of pseudonym 'ff3-1'"),
        ("ff1", {"alphabet": "digit"}, "Did you mean 'digits'?"),
    ],
)
def test_unknown_names(kind: str, options: dict[str, str], told: str):
    with pytest.raises(UnknownName) as caught:
        pseudonymiser(kind, MASTER, **options)
    assert told in str(caught.value)


def test_a_tweak_is_no_way_to_tell_keyed_hashes_apart():
    with pytest.raises(SecretError, match="no tweak"):
        pseudonymiser("hmac", MASTER, tweak=b"x")


def test_a_tweak_matters_to_the_others():
    for kind, key in (("aes-siv", bytes(64)), ("ff1", bytes(32))):
        one, two = (pseudonymiser(kind, key, tweak=tweak).apply(VALUES) for tweak in (b"1", b"2"))
        assert one[0] != two[0]
