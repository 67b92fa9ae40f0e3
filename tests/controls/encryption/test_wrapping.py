from base64 import b64decode, b64encode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.controls.encryption.wrapping import unwrap, version_of, wrap
from casemate.core.errors import SealBroken

SECRET = bytes(range(32))


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=200), st.binary(max_size=40), st.integers(1, 99))
def test_what_is_wrapped_comes_back(plain: bytes, context: bytes, version: int) -> None:
    wrapped = wrap(SECRET, "k", version, plain, context)
    assert version_of(wrapped, "k") == version
    assert unwrap(SECRET, "k", version, wrapped, context) == plain
    assert wrap(SECRET, "k", version, plain, context) != wrapped


def test_only_for_its_key_version_and_context() -> None:
    wrapped = wrap(SECRET, "k", 1, b"plain", b"context")
    for secret, name, version, context in (
        (bytes(32), "k", 1, b"context"),
        (SECRET, "l", 1, b"context"),
        (SECRET, "k", 2, b"context"),
        (SECRET, "k", 1, b"other"),
    ):
        with pytest.raises(SealBroken, match="does not open"):
            unwrap(secret, name, version, wrapped, context)


def test_every_altered_bit_is_found() -> None:
    start, _, rest = wrap(SECRET, "k", 1, b"plain", b"").partition(":")
    raw = bytearray(b64decode(rest))
    for bit in range(len(raw) * 8):
        raw[bit // 8] ^= 1 << bit % 8
        with pytest.raises(SealBroken):
            unwrap(SECRET, "k", 1, f"{start}:{b64encode(raw).decode()}", b"")
        raw[bit // 8] ^= 1 << bit % 8


@pytest.mark.parametrize(
    "text", ["", "v1", "v1:", "1:AAAA", "vx:AAAA", "v-1:AAAA", "v²:AAAA", "v" + "9" * 20 + ":AAAA"]
)
def test_what_was_never_wrapped(text: str) -> None:
    with pytest.raises(SealBroken):
        version_of(text, "k")


@pytest.mark.parametrize("text", ["v1:AAAA", "v1:!", "v1:é", "v1:" + "A" * 40])
def test_what_is_no_ciphertext(text: str) -> None:
    with pytest.raises(SealBroken):
        unwrap(SECRET, "k", 1, text, b"")
