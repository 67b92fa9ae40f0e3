from __future__ import annotations

import secrets

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from casemate.controls.encrypted_aggregation import secret_parts
from casemate.controls.encrypted_aggregation.joint_key import common_polynomial
from casemate.controls.encrypted_aggregation.secret_parts import SharedSecret, SoleSecret, even_residues
from casemate.controls.homomorphic.context import Context
from casemate.controls.homomorphic.residues import Residues, ciphertext_of, residues_of
from casemate.core.errors import KeyStoreUnreadable
from encrypted_rounds import new_round


@given(bits=st.integers(1, 190), seed=st.integers(0, 9))
def test_even_numbers_are_the_same_modulo_every_prime(bits: int, seed: int) -> None:
    primes = (17592186028033, 114689, (1 << 56) - 5)
    drawn = np.random.default_rng(seed).bytes(24 * 20)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(secret_parts.secrets, "token_bytes", lambda size: drawn)
        found = even_residues(bits, primes, 20)
    words = np.frombuffer(drawn, "<u8").reshape(3, 20).tolist()
    whole = [sum(words[place][number] << 64 * place for place in range(3)) for number in range(20)]
    expected = [number % (1 << bits + 1) - (1 << bits) for number in whole]
    assert found.tolist() == [[number % prime for number in expected] for prime in primes]


def test_smudging_spreads_evenly_over_its_whole_range() -> None:
    prime = (1 << 55) - 55
    found = even_residues(20, (prime,), 100_000)[0].astype(np.int64)
    centred = np.where(found > prime // 2, found - prime, found)
    assert -(1 << 20) <= centred.min() < -0.999 * (1 << 20)
    assert (1 << 20) > centred.max() > 0.999 * (1 << 20)
    counts, _ = np.histogram(centred, 16)
    assert ((counts - 6250) ** 2 / 6250).sum() < 60  # chi-squared with 15 degrees of freedom: 2e-7


def test_a_share_is_a_sample_of_learning_with_errors() -> None:
    """b + a s has SEAL's errors as coefficients, modulo every prime the same."""
    people = new_round(2, 2)
    plan = people.plan
    secret = SharedSecret(plan.context)
    common = common_polynomial(plan)
    share = secret.key(common)[0]
    primes = np.array(plan.chain.primes, np.uint64)[:, None]
    product = secret._product(np.stack([share, common]))
    errors = _coefficients(product[: len(plan.chain.levels)], plan.context)
    centred = [
        np.where(row > prime // 2, row.astype(np.int64) - prime, row.astype(np.int64))
        for row, prime in zip(errors, plan.chain.levels, strict=True)
    ]
    assert all(np.array_equal(centred[0], other) for other in centred)
    assert 9 < centred[0].var() < 12  # 10.5
    assert np.abs(centred[0]).max() <= 21
    assert not np.array_equal(share, secret.key(common)[0] % primes)  # every time with new errors


def _coefficients(values: np.ndarray, context: Context) -> np.ndarray:
    held = ciphertext_of(Residues(np.stack([values, np.ones_like(values)]), 1.0, True), context)
    return residues_of(context.evaluator.transform_from_ntt(held)).values[0]


def test_products_with_a_secret_are_exact() -> None:
    plan = new_round(2, 2).plan
    secret = SharedSecret(plan.context)
    rng = np.random.default_rng(0)
    levels = plan.chain.levels
    one, other = (
        np.stack([rng.integers(0, prime, plan.degree, dtype=np.uint64) for prime in levels]) for _ in range(2)
    )
    zero, primes = np.zeros_like(one), np.array(levels, np.uint64)[:, None]
    product = secret._product
    both = (product(np.stack([zero, one])) + product(np.stack([zero, other]))) % primes
    assert np.array_equal(product(np.stack([zero, (one + other) % primes])), both)
    assert np.array_equal(product(np.stack([one, other])), (one + product(np.stack([zero, other]))) % primes)


@pytest.mark.parametrize("kind", [SharedSecret, SoleSecret])
def test_a_secret_survives_being_bytes_and_no_other_bytes_are_one(kind: type[SharedSecret] | type[SoleSecret]) -> None:
    context = new_round(2, 2).plan.context
    secret = kind(context)
    again = kind(context, secret.data())
    assert again.data() == secret.data()
    for data in (b"", b"x" * 100, secret.data()[:-1], secrets.token_bytes(len(secret.data()))):
        with pytest.raises(KeyStoreUnreadable):
            kind(context, data)


def test_two_secrets_are_never_alike() -> None:
    context = new_round(2, 2).plan.context
    assert SharedSecret(context).data() != SharedSecret(context).data()
