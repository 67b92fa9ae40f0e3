import hashlib
import hmac
from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.controls.pseudonyms import derive_key
from casemate.core.errors import SecretError

MASTER = bytes(range(32))
FIELDS = {"dataset": "crm.people", "column": "card", "purpose": "train", "epoch": "2026Q4", "use": "pseudonym:hmac"}


def rfc5869(secret: bytes, info: bytes, length: int) -> bytes:
    """HKDF-SHA256 without salt, as RFC 5869 writes it down."""
    key = hmac.digest(bytes(32), secret, "sha256")
    block, out = b"", b""
    for number in range(1, -(-length // 32) + 1):
        block = hmac.digest(key, block + info + bytes([number]), "sha256")
        out += block
    return out[:length]


def test_it_is_hkdf_over_fields_that_each_carry_their_length():
    parts = ["casemate key v1", *(text for pair in FIELDS.items() for text in pair)]
    info = b"".join(len(part).to_bytes(4, "big") + part.encode() for part in parts)
    for length in (16, 32, 64, 100):
        assert derive_key(MASTER, **FIELDS, length=length) == rfc5869(MASTER, info, length)


def test_the_reference_is_rfc_5869_itself():
    # Test case 3 of appendix A: no salt, no info.
    found = rfc5869(bytes([0x0B] * 22), b"", 42).hex()
    assert found.startswith("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d")


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_makes_another_key(field: str):
    assert derive_key(MASTER, **FIELDS) != derive_key(MASTER, **{**FIELDS, field: "other"})


def test_nothing_can_slip_from_one_field_into_the_next():
    shifted = [
        {**FIELDS, "dataset": "ab", "column": "c"},
        {**FIELDS, "dataset": "a", "column": "bc"},
        {**FIELDS, "dataset": "abcolumnc", "column": "c"},
        {**FIELDS, "dataset": "b", "column": "ca"},
    ]
    for one, two in combinations(shifted, 2):
        assert derive_key(MASTER, **one) != derive_key(MASTER, **two)


words = st.text(min_size=1, max_size=5)


@settings(max_examples=50, deadline=None)
@given(st.tuples(words, words, words, words, words), st.tuples(words, words, words, words, words))
def test_keys_are_the_same_only_where_all_fields_are(one, two):
    keys = [derive_key(MASTER, **dict(zip(FIELDS, fields, strict=True))) for fields in (one, two)]
    assert (keys[0] == keys[1]) == (one == two)


def test_a_longer_key_is_no_secret_from_a_shorter_one_but_other_uses_are():
    assert derive_key(MASTER, **FIELDS, length=64)[:32] == derive_key(MASTER, **FIELDS)
    assert hashlib.sha256(MASTER).digest() != derive_key(MASTER, **FIELDS)


@pytest.mark.parametrize("field", FIELDS)
def test_an_empty_field_is_refused(field: str):
    with pytest.raises(SecretError, match=f"without its {field}"):
        derive_key(MASTER, **{**FIELDS, field: ""})


def test_a_short_master_and_an_impossible_length_are_refused():
    with pytest.raises(SecretError, match="15 bytes"):
        derive_key(bytes(15), **FIELDS)
    for length in (0, 8161):
        with pytest.raises(SecretError, match="8160"):
            derive_key(MASTER, **FIELDS, length=length)
