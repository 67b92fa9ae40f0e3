"""Chains are secure by the stricter table, and named by what decides whether ciphertexts can meet."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casemate.controls.homomorphic.chain import Chain, bfv_chain, ckks_chain
from casemate.controls.homomorphic.context import Context
from casemate.controls.homomorphic.security import DEGREES, GUIDELINES_2024, STANDARD_2018, most_bits
from casemate.core.errors import OutOfRange


@pytest.mark.parametrize("degree", DEGREES)
def test_the_stricter_table_counts(degree: int) -> None:
    assert most_bits(degree) == min(STANDARD_2018[degree], GUIDELINES_2024[degree])


@pytest.mark.parametrize("degree", [0, 1000, 3000, 65536])
def test_other_degrees_have_no_estimate(degree: int) -> None:
    with pytest.raises(OutOfRange, match="no security estimate"):
        most_bits(degree)


def test_a_chain_that_is_too_large_says_what_would_do() -> None:
    with pytest.raises(OutOfRange, match="128 bits of security need at most 53 bits"):
        ckks_chain(2048, (54,))
    primes = ckks_chain(4096, (50, 50)).primes
    with pytest.raises(OutOfRange, match="too large for polynomials of degree 2048"):
        Chain("ckks", 2048, primes)


@given(st.sampled_from([(2048, (50,)), (4096, (36, 35, 35)), (8192, (60, 40, 40, 60))]))
def test_primes_have_their_sizes(asked: tuple[int, tuple[int, ...]]) -> None:
    degree, bits = asked
    chain = ckks_chain(degree, bits)
    assert tuple(prime.bit_length() for prime in chain.primes) == bits
    assert all(prime % (2 * degree) == 1 for prime in chain.primes)
    assert chain.levels == (chain.primes[:-1] or chain.primes)
    assert chain.digest == Chain("ckks", degree, chain.primes).digest


def test_digests_differ_with_everything() -> None:
    one = ckks_chain(4096, (40, 40))
    others = [ckks_chain(8192, (40, 40)), ckks_chain(4096, (40, 41)), bfv_chain(4096, (40, 40), 20)]
    assert len({chain.digest for chain in (one, *others)}) == 4
    assert Chain("ckks", 4096, one.primes[::-1]).digest != one.digest


def test_plain_moduli_allow_batching() -> None:
    chain = bfv_chain(4096, (50, 50), 20)
    assert chain.plain.bit_length() == 20
    assert Context(chain).batcher.slot_count() == 4096


def test_a_level_that_is_not_there() -> None:
    with pytest.raises(OutOfRange, match="no level with 3 primes"):
        Context(ckks_chain(4096, (36, 35, 35))).parms_id(3)
