"""Seeds: both sides draw the same, what is drawn is uniform, and no seed is taken twice."""

from __future__ import annotations

import hashlib
import pickle

import numpy as np
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from casemate.controls.homomorphic import seeds
from casemate.controls.homomorphic.chain import ckks_chain
from casemate.controls.homomorphic.seeds import Once, SeedChain, Seeded, following, keystream, new_seed, uniform
from casemate.core.errors import OutOfRange, ShapeMismatch

SEED = bytes(range(32))


def counter_mode(key: bytes, size: int, stream: int, piece: int) -> bytes:
    block = stream.to_bytes(4, "big") + piece.to_bytes(8, "big") + (2).to_bytes(4, "big")
    return Cipher(algorithms.AES256(key), modes.CTR(block)).encryptor().update(bytes(size))


def slowly(seed: bytes, prime: int, stream: int, count: int) -> list[int]:
    """What `uniform` says, word by word."""
    word = 4 if prime < 1 << 32 else 8
    mask = (1 << prime.bit_length()) - 1

    def words(number: int) -> list[int]:
        data = counter_mode(seed, 1 << 15, number, 0)
        return [int.from_bytes(data[at : at + word], "little") & mask for at in range(0, len(data), word)]

    others = iter([drawn for drawn in words(stream + 1) if drawn < prime])
    return [drawn if drawn < prime else next(others) for drawn in words(stream)[:count]]


@pytest.mark.parametrize(("size", "stream", "piece"), [(1, 0, 0), (16384, 3, 0), (1 << 18, 7, 2**40)])
def test_the_keystream_is_aes_in_counter_mode(size, stream, piece):
    assert keystream(SEED, size, stream, piece)[:size] == counter_mode(SEED, size, stream, piece)


@settings(deadline=None, max_examples=40)
@given(st.binary(min_size=32, max_size=32), st.integers(2**9, 2**51 - 1), st.integers(1, 700))
def test_each_residue_is_the_word_of_its_place_or_the_next_spare_one(seed, prime, count):
    assert uniform(seed, (prime,), count)[0, 0].tolist() == slowly(seed, prime, 0, count)


def test_several_primes_are_drawn_from_streams_of_their_own():
    primes = (2**50 - 27, 2**31 - 1, 12289)
    drawn = uniform(SEED, primes, 64, 3)
    assert drawn.shape == (3, 3, 64) and drawn.dtype == np.uint64
    for index, prime in enumerate(primes):
        assert drawn[:, index].ravel().tolist() == slowly(SEED, prime, 2 * index, 192)


def test_long_draws_go_on_through_pieces():
    prime, count = 2**44 - 17, 3
    drawn = uniform(SEED, (prime,), 1 << 15, count)[:, 0]
    for piece in range(count):
        words = np.frombuffer(counter_mode(SEED, 1 << 18, 0, piece), "<u8") & np.uint64(2**44 - 1)
        same = drawn[piece] == words
        assert same.sum() >= len(words) - 1 and (words[~same] >= prime).all()


def test_what_a_seed_tells_does_not_change():
    drawn = uniform(SEED, ckks_chain(2048, (51,)).levels, 2048)
    digest = hashlib.sha256(drawn.astype("<u8").tobytes()).hexdigest()
    assert digest == "536a6ab05d6ed33b687c8d262be1b715a2853f35f767e9441e16768cdb355c31"


@pytest.mark.parametrize("prime", [12289, 40961, 2**31 - 1, 2**36 - 5, 2251799813640193])
def test_residues_are_uniform(prime):
    drawn = uniform(SEED, (prime,), 1 << 17)[0, 0]
    assert drawn.max() < prime
    high = np.bincount((drawn.astype(np.float64) * 64 / prime).astype(int), minlength=64)
    low = np.bincount((drawn & np.uint64(63)).astype(int), minlength=64)
    expected = np.array([len(range(part, prime, 64)) for part in range(64)]) / prime * len(drawn)
    assert stats.chisquare(high).pvalue > 1e-4
    assert stats.chisquare(low, expected).pvalue > 1e-4
    pairs = np.corrcoef(drawn[:-1].astype(float), drawn[1:].astype(float))[0, 1]
    assert abs(pairs) < 5 / len(drawn) ** 0.5


def test_other_seeds_tell_something_else():
    first, second = (uniform(seed, (2**50 - 27,), 256)[0, 0] for seed in (SEED, new_seed()))
    assert not (first == second).any()


@pytest.mark.parametrize("seed", [b"", bytes(31), bytes(33)])
def test_a_seed_has_32_bytes(seed):
    with pytest.raises(ShapeMismatch, match="seed"):
        uniform(seed, (12289,), 8)


def test_a_chain_tells_what_follows_and_never_repeats():
    chain = SeedChain()
    taken = [chain.take() for _ in range(50)]
    assert [following(seed) for seed in taken[:-1]] == taken[1:]
    assert len({*taken, *(SeedChain().take() for _ in range(50))}) == 100


def test_a_chain_begins_anew_after_its_longest_run(monkeypatch):
    monkeypatch.setattr(seeds, "_LONGEST", 2)
    taken = [(chain := SeedChain()).take(), chain.take(), chain.take(), chain.take()]
    assert taken[2] == following(taken[1]) and taken[3] != following(taken[2])


@pytest.mark.parametrize("what", ["process", "later", "earlier"])
def test_a_chain_begins_anew_where_it_might_be_a_copy(monkeypatch, what):
    chain = SeedChain()
    first = chain.take()
    now = seeds.time.time()
    if what == "process":
        monkeypatch.setattr(seeds.os, "getpid", lambda: -1)
    else:
        monkeypatch.setattr(seeds.time, "time", lambda: now + (61 if what == "later" else -61))
    second = chain.take()
    assert second != following(first)
    assert chain.take() == following(second)


@pytest.mark.parametrize("kind", [SeedChain, Once])
def test_what_is_used_once_is_not_copied(kind):
    with pytest.raises(TypeError):
        pickle.dumps(kind())


def test_a_seeded_ciphertext_expands_to_what_the_seed_tells():
    chain = ckks_chain(4096, (40, 40, 26))
    c0 = uniform(new_seed(), chain.levels, 4096)[0]
    whole = Seeded(SEED, c0, 2.0**20).checked(chain).expand(chain)
    assert whole.transformed and whole.scale == 2.0**20
    assert (whole.values[0] == c0).all() and (whole.values[1] == uniform(SEED, chain.levels, 4096)[0]).all()


def test_lower_levels_have_fewer_primes():
    chain = ckks_chain(4096, (40, 40, 26))
    whole = Seeded(SEED, np.zeros((1, 4096), np.uint64), 1.0).checked(chain).expand(chain)
    assert whole.level == 1 and (whole.values[1] == uniform(SEED, chain.levels[:1], 4096)[0]).all()


def test_ciphertexts_that_share_a_seed_expand_together_only():
    chain = ckks_chain(2048, (36,))
    several = Seeded(SEED, np.zeros((3, 1, 2048), np.uint64), 1.0, transformed=False).checked(chain)
    assert (several.c1(chain) == uniform(SEED, chain.levels, 2048, 3)).all()
    with pytest.raises(ShapeMismatch, match="share a seed"):
        several.expand(chain)


@pytest.mark.parametrize(
    ("shape", "dtype", "seed"),
    [
        ((1, 1024), np.uint64, SEED),
        ((2, 2048), np.uint64, SEED),
        ((0, 1, 2048), np.uint64, SEED),
        ((2048,), np.uint64, SEED),
        ((1, 1, 1, 2048), np.uint64, SEED),
        ((1, 2048), np.int64, SEED),
        ((1, 2048), np.uint64, SEED[1:]),
    ],
)
def test_what_is_no_ciphertext_of_the_chain_is_refused(shape, dtype, seed):
    with pytest.raises(ShapeMismatch):
        Seeded(seed, np.zeros(shape, dtype), 1.0).checked(ckks_chain(2048, (36,)))


def test_a_residue_above_its_prime_is_refused():
    chain = ckks_chain(2048, (36,))
    c0 = np.zeros((1, 2048), np.uint64)
    c0[0, -1] = chain.primes[0]
    with pytest.raises(OutOfRange, match="below its prime"):
        Seeded(SEED, c0, 1.0).checked(chain)
