"""Products of matrices of residues equal those of Python's whole numbers, whatever BLAS does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.controls.homomorphic import exact_products
from casemate.controls.homomorphic.exact_products import INPUTS, ExactMatrix, ExactRows, exact_bits, limb_bits
from casemate.core.errors import OutOfRange

PRIMES = [12289, 2**31 - 1, 2**36 - 5, 2251799813640193]


def slowly(weights: np.ndarray, numbers: np.ndarray, prime: int) -> list[list[int]]:
    return ((weights.astype(object) @ numbers.astype(object)) % prime).tolist()


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(PRIMES),
    st.integers(1, 5),
    st.integers(1, 2 * INPUTS + 3),
    st.integers(1, 9),
    st.integers(1, 38),
    st.integers(0, 2**32),
)
def test_any_matrix_is_exact(prime, outputs, inputs, columns, bits, seed):
    rng = np.random.default_rng(seed)
    weights = rng.integers(-(1 << bits), 1 << bits, (outputs, inputs))
    numbers = rng.integers(0, prime, (inputs, columns), np.uint64)
    numbers[rng.random(numbers.shape) < 0.3] = prime - 1
    wanted = slowly(weights, numbers, prime)
    assert ExactMatrix(weights, prime).times(numbers).tolist() == wanted
    plus = rng.integers(-prime, prime, outputs).tolist()
    if exact_bits(float(np.abs(weights).sum(axis=1).max())) >= 4:
        found = ExactRows(weights, prime).times(numbers[:, 0], plus)
        assert found == [(row[0] + more) % prime for row, more in zip(wanted, plus, strict=True)]


@pytest.mark.parametrize(("bits", "limbs"), [(10, 1), (13, 1), (14, 2), (30, 3)])
def test_the_largest_sums_are_exact(bits, limbs):
    prime = 2**36 - 5
    weights = np.full((2, 300), (1 << bits) - 1)
    weights[1] = -weights[1]
    weights[:, ::7] -= 1
    matrix = ExactMatrix(weights, prime)
    numbers = np.full((300, 3), prime - 1, np.uint64)
    assert matrix.times(numbers).tolist() == slowly(weights, numbers, prime)
    block = int(np.abs(weights[:, :INPUTS]).sum(axis=1).max())
    assert block * ((1 << matrix.limb_bits) - 1) < 1 << 53
    assert matrix.limbs >= limbs - 1


def test_columns_are_taken_in_blocks(monkeypatch):
    monkeypatch.setattr(exact_products, "COLUMNS", 4)
    rng = np.random.default_rng(0)
    weights, numbers = rng.integers(-99, 99, (3, 70)), rng.integers(0, PRIMES[2], (70, 11), np.uint64)
    assert ExactMatrix(weights, PRIMES[2]).times(numbers).tolist() == slowly(weights, numbers, PRIMES[2])


def test_views_that_skip_numbers_are_taken():
    rng = np.random.default_rng(0)
    numbers = rng.integers(0, PRIMES[3], (20, 1, 16), np.uint64)
    weights = rng.integers(-(2**13), 2**13, (2, 19))
    found = ExactMatrix(weights, PRIMES[3]).times(numbers[:-1, 0])
    assert found.tolist() == slowly(weights, numbers[:-1, 0], PRIMES[3])


def test_limbs_grow_as_weights_shrink():
    assert limb_bits(np.full((1, INPUTS), 1 << 13)) == 53 - 13 - 6
    assert limb_bits(np.full((1, INPUTS), 1 << 11)) == 53 - 11 - 6
    assert limb_bits(np.zeros((1, 3), int)) == 53
    matrix = ExactMatrix(np.full((1, INPUTS), 1 << 13), 2**51 - 129)
    assert (matrix.limbs, matrix.limb_bits) == (2, 34)


def test_numbers_with_more_bits_than_the_prime_are_refused():
    matrix = ExactMatrix(np.ones((1, 4), int), 2**36 - 5)
    with pytest.raises(OutOfRange, match="below its prime"):
        matrix.times(np.full((4, 2), 1 << 36, np.uint64))
    with pytest.raises(OutOfRange, match="below its prime"):
        matrix.times(np.full((4, 2), 2**64 - 1, np.uint64))


@pytest.mark.parametrize("kind", [ExactMatrix, ExactRows])
def test_weights_beyond_exactness_are_refused(kind):
    with pytest.raises(OutOfRange, match="exact"):
        kind(np.full((1, 64), 1 << 45), 2**36 - 5)
