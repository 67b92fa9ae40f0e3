import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.controls.pseudonyms.feistel import permute
from controls.pseudonyms.ff1_reference import encrypt

# NIST, "Examples with Intermediate Values", FF1 samples 1 to 9 (SP 800-38G).
KEY = "2B7E151628AED2A6ABF7158809CF4F3C", "EF4359D8D580AA4F", "7F036D6F04FC6A94"
TWEAK_10, TWEAK_36 = "39383736353433323130", "3737373770717273373737"
TEN, THIRTYSIX = "0123456789", "0123456789abcdefghi"
SAMPLES = [
    (1, 10, "", TEN, "2433477484"),
    (1, 10, TWEAK_10, TEN, "6124200773"),
    (1, 36, TWEAK_36, THIRTYSIX, "a9tv40mll9kdu509eum"),
    (2, 10, "", TEN, "2830668132"),
    (2, 10, TWEAK_10, TEN, "2496655549"),
    (2, 36, TWEAK_36, THIRTYSIX, "xbj3kv35jrawxv32ysr"),
    (3, 10, "", TEN, "6657667009"),
    (3, 10, TWEAK_10, TEN, "1001623463"),
    (3, 36, TWEAK_36, THIRTYSIX, "xs8a0azh2avyalyzuwd"),
]


def column(*texts: str) -> np.ndarray:
    return np.array([[int(character, 36) for character in text] for text in texts], dtype=np.uint8).T


@pytest.mark.parametrize(("parts", "radix", "tweak", "plain", "expected"), SAMPLES)
def test_all_samples_of_nist(parts: int, radix: int, tweak: str, plain: str, expected: str):
    key = bytes.fromhex("".join(KEY[:parts]))
    sealed = permute(key, column(plain), radix, bytes.fromhex(tweak))
    assert np.array_equal(sealed, column(expected))
    assert np.array_equal(permute(key, sealed, radix, bytes.fromhex(tweak), back=True), column(plain))
    assert encrypt(key, column(plain)[:, 0].tolist(), radix, bytes.fromhex(tweak)) == column(expected)[:, 0].tolist()


@settings(max_examples=120, deadline=None)
@given(
    st.sampled_from([2, 5, 10, 26, 36, 62, 128, 256]),
    st.integers(2, 90),
    st.binary(max_size=50),
    st.sampled_from([16, 24, 32]),
    st.integers(0, 2**32),
)
def test_whole_columns_are_as_one_numeral_at_a_time(radix, n, tweak, key_bytes, seed):
    rng = np.random.default_rng(seed)
    digits = rng.integers(0, radix, (n, 3)).astype(np.uint8)
    digits[:, 0] = rng.choice([0, radix - 1])  # the ends of the range
    key = rng.bytes(key_bytes)
    sealed = permute(key, digits, radix, tweak)
    for row in range(3):
        assert list(sealed[:, row]) == encrypt(key, [int(d) for d in digits[:, row]], radix, tweak)
    assert np.array_equal(permute(key, sealed, radix, tweak, back=True), digits)


def test_no_two_numerals_share_a_pseudonym():
    digits = np.array([[number // 10 ** (3 - place) % 10 for number in range(10**4)] for place in range(4)], np.uint8)
    sealed = permute(bytes(16), digits, 10, b"")
    assert len(np.unique(sealed, axis=1).T) == 10**4
