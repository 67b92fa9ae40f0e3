import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.controls.pseudonyms.limbs import Base, added, from_digits, from_words, subtracted, to_digits, to_words

RADICES = [2, 3, 10, 26, 36, 62, 255, 256]


@st.composite
def columns(draw):
    """A base, a number of digits that its rounds meet, and two columns of numbers below radix^digits."""
    base = Base(draw(st.sampled_from(RADICES)), draw(st.integers(1, 60)))
    m = draw(st.integers(max(base.digits - 1, 1), base.digits))
    number = st.integers(0, base.radix**m - 1)
    rows = draw(st.integers(1, 4))
    pairs = draw(st.lists(st.tuples(number, number), min_size=rows, max_size=rows))
    return base, m, [one for one, _ in pairs], [two for _, two in pairs]


def digits_of(numbers: list[int], m: int, radix: int) -> np.ndarray:
    return np.array([[n // radix ** (m - 1 - place) % radix for n in numbers] for place in range(m)], dtype=np.uint8)


def number_of(limbs: list[np.ndarray], base: Base) -> list[int]:
    return [
        sum(int(limb[row]) * base.modulus**place for place, limb in enumerate(limbs)) for row in range(len(limbs[0]))
    ]


@settings(max_examples=150, deadline=None)
@given(columns())
def test_digits_words_sums_and_differences_are_those_of_python(case):
    base, m, a, b = case
    one, two = (from_digits(digits_of(numbers, m, base.radix), base) for numbers in (a, b))
    assert number_of(one, base) == a
    assert np.array_equal(to_digits(one, m, base), digits_of(a, m, base.radix))
    count = -(-(base.radix**base.digits).bit_length() // 32)
    words = to_words(one, count, base)
    assert [sum(int(word[row]) << 32 * place for place, word in enumerate(words)) for row in range(len(a))] == a
    assert number_of(from_words(reversed(words), base), base) == a
    whole = base.radix**m
    assert number_of(added(one, two, m, base), base) == [(x + y) % whole for x, y in zip(a, b, strict=True)]
    assert number_of(subtracted(one, two, m, base), base) == [(x - y) % whole for x, y in zip(a, b, strict=True)]


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(RADICES), st.integers(1, 40), st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=12))
def test_long_numbers_are_reduced_exactly(radix, digits, words):
    base = Base(radix, digits)
    arrays = [np.array([word], dtype=np.uint64) for word in words]
    number = int.from_bytes(b"".join(word.to_bytes(4, "big") for word in words), "big")
    assert number_of(from_words(arrays, base), base) == [number % base.modulus**base.count]


@pytest.mark.parametrize("radix", RADICES)
def test_a_limb_is_the_most_that_fits_32_bits(radix: int):
    base = Base(radix, 20)
    assert base.modulus <= 2**32 < base.modulus * radix
    assert base.count * base.width >= 20 > (base.count - 1) * base.width
