"""Errors: distributed as SEAL's are, ternary numbers and flooding noise as they say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from casemate.controls.homomorphic.chain import ckks_chain
from casemate.controls.homomorphic.context import Context
from casemate.controls.homomorphic.errors_sampling import (
    ERROR_BITS,
    ERROR_VARIANCE,
    error_bound,
    errors,
    flooding,
    ternary,
)
from casemate.controls.homomorphic.library import library
from casemate.controls.homomorphic.residues import Residues, ciphertext_of, plain_residues_of
from casemate.controls.homomorphic.transforms import to_coefficients

SURE = 1e-6
"""Draws are of the operating system's: a test may fail by chance once in a million runs."""


def binned(values: np.ndarray) -> np.ndarray:
    """How often each value from -10 to 10 is there, with all beyond at the ends."""
    return np.bincount(np.clip(values.astype(int), -10, 10) + 10, minlength=21)


def expected() -> np.ndarray:
    chance = stats.binom(2 * ERROR_BITS, 0.5)
    inner = [chance.pmf(ERROR_BITS + value) for value in range(-9, 10)]
    return np.array([chance.cdf(ERROR_BITS - 10), *inner, chance.sf(ERROR_BITS + 9)])


def test_errors_are_centred_binomial():
    drawn = errors(64, 4096)
    assert drawn.dtype == np.int8 and drawn.shape == (64, 4096)
    assert np.abs(drawn.astype(int)).max() <= ERROR_BITS
    assert stats.chisquare(binned(drawn.ravel()), expected() * drawn.size).pvalue > SURE
    assert drawn.astype(float).var() == pytest.approx(ERROR_VARIANCE, rel=0.03)


def test_errors_are_independent_of_their_neighbours():
    drawn = errors(1 << 18).astype(float)
    for step in (1, 2, 7, 2048):
        assert abs(np.corrcoef(drawn[:-step], drawn[step:])[0, 1]) < 6 / len(drawn) ** 0.5


def test_they_are_distributed_as_those_of_seal():
    context = Context(ckks_chain(2048, (51,)))
    seal = library()
    key = seal.KeyGenerator(context.seal).secret_key()
    encryptor, decryptor = seal.Encryptor(context.seal, key), seal.Decryptor(context.seal, key)
    nothing = context.encode(np.zeros(1024), 2.0**20)
    (prime,) = context.chain.primes
    found = []
    for _ in range(64):
        held = plain_residues_of(decryptor.decrypt(encryptor.encrypt_symmetric(nothing)), 2048)[0]
        signed = to_coefficients(held[None], context)[0, 0].astype(np.int64)
        found.append(np.where(signed > prime // 2, signed - prime, signed))
    theirs, ours = binned(np.concatenate(found)), binned(errors(64, 2048).ravel())
    assert stats.chi2_contingency([theirs, ours]).pvalue > SURE


def test_no_two_draws_are_alike():
    assert not (errors(2048) == errors(2048)).all() and not (ternary(2048) == ternary(2048)).all()


def test_ternary_numbers_are_as_likely():
    drawn = ternary(32, 4096)
    counts = np.bincount(drawn.ravel().astype(int) + 1)
    assert drawn.dtype == np.int8 and drawn.shape == (32, 4096) and len(counts) == 3
    assert stats.chisquare(counts).pvalue > SURE


@pytest.mark.parametrize("bits", [1, 5, 30, 61])
def test_flooding_noise_is_uniform_between_its_bounds(bits):
    drawn = flooding(bits, 40, 1000)
    assert drawn.dtype == np.int64 and drawn.shape == (40, 1000)
    assert drawn.min() >= -(1 << bits) and drawn.max() < 1 << bits
    part = (drawn.ravel().astype(np.float64) / 2.0**bits + 1) / 2
    halves = np.bincount((part * min(32, 2 << bits)).astype(int), minlength=min(32, 2 << bits))
    assert stats.chisquare(halves).pvalue > SURE


def test_no_flooding_is_none():
    assert not flooding(0, 5, 7).any()


def test_weighted_sums_of_errors_stay_far_below_their_bound():
    weights = np.random.default_rng(0).normal(size=512)
    sums = errors(2000, 512) @ weights
    deviation = np.sqrt(ERROR_VARIANCE * (weights**2).sum())
    bound = error_bound(float((weights**2).sum()))
    assert sums.std() == pytest.approx(deviation, rel=0.1)
    assert np.abs(sums).max() < bound
    assert 2 * np.exp(-(bound**2) / (2 * deviation**2)) == pytest.approx(2.0**-64, rel=1e-6)


def test_what_is_decrypted_of_a_ciphertext_is_exact():
    """That (0, d) decrypts to d·s, without an error, is what moving ciphertexts to a seed rests on."""
    context = Context(ckks_chain(2048, (51,)))
    seal = library()
    key = seal.KeyGenerator(context.seal).secret_key()
    decryptor = seal.Decryptor(context.seal, key)
    (prime,) = context.chain.primes
    polynomial = np.frombuffer(key.to_string(), "<u8", offset=88)
    d = np.random.default_rng(1).integers(0, prime, 2048, np.uint64)
    pair = np.stack([np.zeros_like(d), d])[:, None]
    found = plain_residues_of(decryptor.decrypt(ciphertext_of(Residues(pair, 1.0), context)), 2048)[0][0]
    assert found.tolist() == [int(a) * int(s) % prime for a, s in zip(d, polynomial, strict=True)]
