from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from casemate.controls.encrypted_aggregation.layout import Layout, Span
from casemate.controls.encrypted_aggregation.parameters import (
    Demand,
    check_parameters,
    choose_chain,
    ciphertexts_for,
    residue_bytes,
)
from casemate.controls.homomorphic.chain import bfv_chain
from casemate.controls.homomorphic.context import Context
from casemate.controls.homomorphic.security import most_bits
from casemate.core.errors import OutOfRange


@settings(max_examples=25, deadline=None)
@given(
    count=st.integers(1, 30_000),
    base=st.integers(3, 1 << 40),
    clients=st.integers(2, 10_000),
    holders=st.integers(1, 5),
)
def test_what_is_chosen_is_secure_and_decrypts(count: int, base: int, clients: int, holders: int) -> None:
    demand = Demand((Span(count, base), Span(1, 3)), clients, holders, 40 if holders > 1 else 0)
    chain = choose_chain(demand)
    assert sum(prime.bit_length() for prime in chain.primes) <= most_bits(chain.degree)
    assert demand.failure_bits(chain) >= 64
    assert 2 * base <= chain.plain
    assert math.gcd(chain.plain, math.prod(chain.primes)) == 1


def test_the_smallest_that_suffices_is_chosen() -> None:
    def size(demand: Demand) -> tuple[int, int]:
        chain = choose_chain(demand)
        slots = Layout(demand.spans, chain.plain).slots
        count = ciphertexts_for(slots, chain.degree)
        return chain.degree, count * 2 * len(chain.levels) * chain.degree * residue_bytes(chain.levels)

    assert size(Demand((Span(1, 51),), 50, 1, 0)) == (2048, 16_384)
    assert size(Demand((Span(4096, 51),), 50, 1, 0))[1] < 2 * 16_384  # digits share slots
    assert size(Demand((Span(1, 51),), 50, 3, 40))[0] == 4096  # smudging takes a larger modulus
    assert size(Demand((Span(100_000, 1 << 25),), 50, 1, 0))[1] / 100_000 < 10


def test_a_sum_that_would_wrap_is_refused_with_what_to_change() -> None:
    with pytest.raises(OutOfRange, match="totals reach 36,028,797,018,963,969") as raised:
        choose_chain(Demand((Span(1, (1 << 55) + 1),), 50, 1, 0))
    assert "coarser step" in str(raised.value)


def test_what_no_secure_parameters_hold_is_refused_with_what_to_change() -> None:
    with pytest.raises(OutOfRange, match="no parameters with 128 bits") as raised:
        choose_chain(Demand((Span(1 << 28, 1 << 54),), 50, 1, 0))
    assert "fewer numbers" in str(raised.value)


@pytest.mark.parametrize(
    ("primes", "plain"), [((), 17), ((17, 17), 5), ((17,), 17), ((1 << 56,), 17), ((0, 17), 5), ((17,), -3)]
)
def test_moduli_that_are_none_are_refused(primes: tuple[int, ...], plain: int) -> None:
    with pytest.raises(OutOfRange):
        check_parameters(primes, plain)


def test_levels_are_found_by_their_primes_where_the_plaintext_modulus_ends_the_chain() -> None:
    context = Context(bfv_chain(4096, (32, 32, 16), 50))
    encrypted = context.seal.first_parms_id()
    assert list(context.parms_id(2)) == list(encrypted)
    with pytest.raises(OutOfRange, match="no level with 1 primes"):
        context.parms_id(1)
