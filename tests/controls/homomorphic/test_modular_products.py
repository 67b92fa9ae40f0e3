"""Modular products equal those of Python's whole numbers, at every edge."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.controls.homomorphic.modular_products import (
    MOST_BITS,
    Factors,
    added,
    awaiting,
    moved,
    residues,
    small_residues,
    subtracted,
)
from casemate.core.errors import OutOfRange

PRIMES = [2, 3, 12289, 2**31 - 1, 2**36 - 5, 2251799813640193, 2**51 - 129]
LARGE = PRIMES[-1]


def near_edges(prime: int) -> st.SearchStrategy[int]:
    return st.one_of(
        st.integers(0, prime - 1), st.sampled_from(sorted({0, 1 % prime, prime // 2, max(0, prime - 2), prime - 1}))
    )


@st.composite
def triples(draw):
    prime = draw(st.one_of(st.sampled_from(PRIMES), st.integers(2, 2**MOST_BITS - 1)))
    size = draw(st.integers(1, 12))
    return prime, [draw(st.lists(near_edges(prime), min_size=size, max_size=size)) for _ in range(3)]


def array(numbers: list[int]) -> np.ndarray:
    return np.array(numbers, np.uint64)


@settings(max_examples=300, deadline=None)
@given(triples())
def test_products_and_sums_are_exact(drawn):
    prime, (x, w, z) = drawn
    factors = Factors(array(w), prime)
    wanted = [(a * b + c) % prime for a, b, c in zip(x, w, z, strict=True)]
    assert factors.times(array(x), array(z)).tolist() == wanted
    assert factors.times(array(x)).tolist() == [a * b % prime for a, b in zip(x, w, strict=True)]
    waiting = awaiting(array(z), prime)
    factors.multiply(array(x), waiting)
    assert waiting.tolist() == wanted
    assert factors.dot(array(x)) == sum(a * b for a, b in zip(x, w, strict=True)) % prime


@settings(max_examples=200, deadline=None)
@given(triples())
def test_sums_differences_and_shifts_are_exact(drawn):
    prime, (x, w, z) = drawn
    assert added(array(x), array(w), prime).tolist() == [(a + b) % prime for a, b in zip(x, w, strict=True)]
    assert subtracted(array(x), array(w), prime).tolist() == [(a - b) % prime for a, b in zip(x, w, strict=True)]
    signed = [a - prime // 2 if a < 2 * (prime // 2) + 1 else 0 for a in z]
    found = moved(array(x), np.array(signed), prime)
    assert found.tolist() == [(a + b) % prime for a, b in zip(x, signed, strict=True)]
    assert small_residues(np.array(signed), prime).tolist() == [a % prime for a in signed]
    assert residues(np.array(signed) * 3, prime).tolist() == [3 * a % prime for a in signed]


@pytest.mark.parametrize("prime", PRIMES)
def test_many_products_are_exact(prime):
    rng = np.random.default_rng(prime)
    x, w, z = (rng.integers(0, prime, 20_000, np.uint64) for _ in range(3))
    wanted = (x.astype(object) * w.astype(object) + z.astype(object)) % prime
    assert (Factors(w, prime).times(x, z) == wanted.astype(np.uint64)).all()


@pytest.mark.parametrize("size", [1, 2048, 4096])
def test_the_largest_scalar_product_does_not_overflow(size):
    most = array([LARGE - 1] * size)
    assert Factors(most, LARGE).dot(most) == size * (LARGE - 1) ** 2 % LARGE


def test_products_broadcast():
    prime = PRIMES[-2]
    w = np.random.default_rng(0).integers(0, prime, (3, 1, 4), np.uint64)
    x = np.random.default_rng(1).integers(0, prime, (2, 4), np.uint64)
    found = Factors(w, prime).times(x)
    assert found.shape == (3, 2, 4)
    assert int(found[2, 1, 3]) == int(w[2, 0, 3]) * int(x[1, 3]) % prime


def test_larger_primes_are_refused():
    with pytest.raises(OutOfRange, match="52 bits"):
        Factors(array([1]), 2**51 + 1)


def test_signed_bytes_have_residues():
    assert residues(np.array([-1, 0, 5], np.int8), 7).tolist() == [6, 0, 5]
    assert small_residues(np.array([-1, 0, 5], np.int8), 7).tolist() == [6, 0, 5]
