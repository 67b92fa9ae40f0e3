import polars as pl
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.cmac import CMAC
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_series_equal

from casemate.controls.pseudonyms.siv import Siv
from casemate.core.errors import SealBroken, SecretError

KEY = bytes(range(64))


def cmac(key: bytes, text: bytes) -> bytes:
    state = CMAC(algorithms.AES(key))
    state.update(text)
    return state.finalize()


def doubled(block: bytes) -> bytes:
    number = int.from_bytes(block, "big") << 1
    return ((number ^ 0x87 if number >> 128 else number) & (2**128 - 1)).to_bytes(16, "big")


def xor(a: bytes, b: bytes) -> bytes:
    return bytes(x ^ y for x, y in zip(a, b, strict=True))


def rfc5297(key: bytes, plain: bytes, beside: list[bytes]) -> bytes:
    """AES-SIV as RFC 5297 writes it down, from CMAC and CTR."""
    mac, ctr = key[: len(key) // 2], key[len(key) // 2 :]
    d = cmac(mac, bytes(16))
    for text in beside:
        d = xor(doubled(d), cmac(mac, text))
    if len(plain) >= 16:
        t = plain[:-16] + xor(plain[-16:], d)
    else:
        t = xor(doubled(d), plain + b"\x80" + bytes(15 - len(plain)))
    v = cmac(mac, t)
    q = (int.from_bytes(v, "big") & ~(1 << 63) & ~(1 << 31)).to_bytes(16, "big")
    return v + Cipher(algorithms.AES(ctr), modes.CTR(q)).encryptor().update(plain)


OUT_2 = (
    "7bdb6e3b432667eb06f4d14bff2fbd0fcb900f2fddbe404326601965c889bf17"
    "dba77ceb094fa663b7a3f748ba8af829ea64ad544a272e9c485b62a3fd5c0d"
)
# RFC 5297, appendix A.1 and A.2: key, associated data, plain text, output.
VECTORS = [
    (
        "fffefdfcfbfaf9f8f7f6f5f4f3f2f1f0f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
        ["101112131415161718191a1b1c1d1e1f2021222324252627"],
        "112233445566778899aabbccddee",
        "85632d07c6e8f37f950acd320a2ecc9340c02b9690c4dc04daef7f6afe5c",
    ),
    (
        "7f7e7d7c7b7a79787776757473727170404142434445464748494a4b4c4d4e4f",
        [
            "00112233445566778899aabbccddeeffdeaddadadeaddadaffeeddccbbaa99887766554433221100",
            "102030405060708090a0",
            "09f911029d74e35bd84156c5635688c0",
        ],
        "7468697320697320736f6d6520706c61696e7465787420746f20656e6372797074207573696e67205349562d414553",
        OUT_2,
    ),
]


@pytest.mark.parametrize(("key", "beside", "plain", "out"), VECTORS)
def test_the_reference_meets_the_vectors_of_the_rfc(key: str, beside: list[str], plain: str, out: str):
    found = rfc5297(bytes.fromhex(key), bytes.fromhex(plain), [bytes.fromhex(text) for text in beside])
    assert found.hex() == out


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60), st.binary(max_size=20), st.sampled_from([32, 48, 64]))
def test_a_pseudonym_is_that_of_the_reference_over_the_filled_up_text(text, tweak, size):
    raw = text.encode() + b"\x80"
    filled = raw + bytes(-len(raw) % 16)
    found = Siv(KEY[:size], tweak).apply(pl.Series([text]))
    assert found.to_list() == [rfc5297(KEY[:size], filled, [tweak] if tweak else []).hex()]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.none() | st.text(max_size=40), max_size=20))
def test_values_come_back(texts):
    values = pl.Series("x", texts, dtype=pl.String)
    assert_series_equal(Siv(KEY).reverse(Siv(KEY).apply(values)), values)


def test_values_come_back_in_their_type():
    values = pl.Series("x", [3, None, -70000], dtype=pl.Int32)
    assert_series_equal(Siv(KEY).reverse(Siv(KEY).apply(values), pl.Int32), values)


def test_lengths_show_by_sixteen_only():
    found = Siv(KEY).apply(pl.Series(["", "a", "a" * 15, "a" * 16]))
    assert found.str.len_chars().to_list() == [64, 64, 64, 96]


@pytest.mark.parametrize("bit", range(0, 256, 5))
def test_every_altered_bit_is_found_with_its_row(bit: int):
    values = pl.Series("who", ["ann", "bob", "cem", "bob"])
    tokens = Siv(KEY).apply(values).to_list()
    raw = bytearray(bytes.fromhex(tokens[2]))
    raw[bit // 8] ^= 1 << bit % 8
    tokens[2] = raw.hex()
    with pytest.raises(SealBroken, match="does not open") as caught:
        Siv(KEY).reverse(pl.Series("who", tokens))
    assert caught.value.where == "column 'who', row 2 (counted from 0)"
    assert "another key" in str(caught.value) and "altered" in str(caught.value)


@pytest.mark.parametrize("token", ["", "zz", "00", "ab" * 16, "é", "0" * 63])
def test_what_was_never_a_pseudonym_is_found(token: str):
    with pytest.raises(SealBroken):
        Siv(KEY).reverse(pl.Series("x", [None, token]))


def test_another_key_or_tweak_does_not_open():
    tokens = Siv(KEY, b"1").apply(pl.Series(["ann"]))
    for other in (Siv(KEY), Siv(KEY, b"2"), Siv(KEY[::-1], b"1")):
        with pytest.raises(SealBroken):
            other.reverse(tokens)


def test_a_key_of_another_length_is_refused_and_never_shown():
    with pytest.raises(SecretError, match="33"):
        Siv(bytes(33))
    assert "\\x01\\x02" not in repr(Siv(KEY))
