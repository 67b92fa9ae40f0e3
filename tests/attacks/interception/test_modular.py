from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.attacks.interception.modular import BLOCK, product, solve, times

PRIMES = (3, 101, 68_719_476_731, 2_251_799_813_640_193, 4_503_599_627_370_449)  # the last is the largest below 2^52


@given(st.sampled_from(PRIMES), st.integers(0, 2**32), st.integers(1, 200))
def test_products_are_those_of_whole_numbers(prime: int, seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = rng.integers(0, prime, n), rng.integers(0, prime, n)
    one[0] = other[0] = prime - 1
    assert times(one, other, prime).tolist() == [int(a) * int(b) % prime for a, b in zip(one, other, strict=True)]


@given(st.sampled_from(PRIMES), st.integers(0, 2**32), st.integers(1, BLOCK))
def test_matrix_products_are_those_of_whole_numbers(prime: int, seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    one, other = rng.integers(0, prime, (3, k)), rng.integers(0, prime, (k, 4))
    one[0], other[:, 0] = prime - 1, prime - 1
    wanted = one.astype(object) @ other.astype(object) % prime
    assert (product(one, other, prime) == wanted).all()


@settings(max_examples=30)
@given(st.sampled_from(PRIMES[1:]), st.integers(0, 2**32), st.sampled_from((1, 2, 63, 64, 65, 130)))
def test_solutions_solve(prime: int, seed: int, n: int) -> None:
    rng = np.random.default_rng(seed)
    matrix, wanted = rng.integers(0, prime, (n, n)), rng.integers(0, prime, n)
    right = (matrix.astype(object) @ wanted.astype(object) % prime).astype(np.int64)
    found = solve(matrix, right, prime)
    if found is None:  # one matrix in a prime's number is singular
        assert prime == 101
    else:
        assert (matrix.astype(object) @ found.astype(object) % prime == right).all()


@pytest.mark.parametrize("n", [2, 70])
def test_singular_matrices_have_none(n: int) -> None:
    matrix = np.random.default_rng(0).integers(0, 101, (n, n))
    matrix[-1] = matrix[0]
    assert solve(matrix, np.zeros(n, np.int64), 101) is None


def test_rows_are_exchanged_where_a_pivot_is_missing() -> None:
    matrix = np.array([[0, 1], [1, 0]])
    found = solve(matrix, np.array([5, 7]), 101)
    assert found is not None and found.tolist() == [7, 5]
