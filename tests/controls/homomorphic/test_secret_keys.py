"""Secret keys: a seed stands for half of a ciphertext, errors are those that were drawn, and no seed serves twice."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest

from casemate.controls.homomorphic import seeds
from casemate.controls.homomorphic.chain import Chain, bfv_chain, ckks_chain
from casemate.controls.homomorphic.context import Context
from casemate.controls.homomorphic.errors_sampling import ERROR_VARIANCE
from casemate.controls.homomorphic.library import library
from casemate.controls.homomorphic.residues import Residues, ciphertext_of, plain_residues_of, residues_of
from casemate.controls.homomorphic.secret_keys import SecretKeys
from casemate.controls.homomorphic.seeds import Coefficients, SeedChain, following, uniform
from casemate.controls.homomorphic.transforms import to_coefficients
from casemate.core.errors import KeyStoreUnreadable, LevelMismatch, OutOfRange

SINGLE = ckks_chain(2048, (51,))
LONGER = ckks_chain(4096, (40, 40, 26))
SCALE = 2.0**30


@pytest.fixture(scope="module", params=[SINGLE, LONGER], ids=["one prime", "three primes"])
def keys(request) -> SecretKeys:
    return SecretKeys.generate(Context(request.param))


@pytest.fixture(scope="module")
def single() -> SecretKeys:
    return SecretKeys.generate(Context(SINGLE))


def signed(values: np.ndarray, chain: Chain) -> np.ndarray:
    """Residues of the first prime as numbers around 0."""
    prime, numbers = chain.levels[0], values.astype(np.int64)
    return np.where(numbers > prime // 2, numbers - prime, numbers)


def numbers_of(chain: Chain, polynomials: int = 1, seed: int = 0) -> Coefficients:
    drawn = np.random.default_rng(seed).integers(-(2**40), 2**40, (polynomials, chain.degree))
    return Coefficients(drawn, 2.0**20)


def test_slots_come_back(keys):
    values = np.random.default_rng(0).normal(size=keys.chain.slots)
    sent = keys.encrypt(keys.context.encode(values, SCALE))
    assert sent.transformed and sent.scale == SCALE and sent.c0.shape == (len(keys.chain.levels), keys.chain.degree)
    plain = keys.decrypt(sent.checked(keys.chain).expand(keys.chain))
    assert np.abs(keys.context.encoder.decode(plain) - values).max() < 1e-5


def test_plaintexts_of_lower_levels_are_encrypted_there():
    keys = SecretKeys.generate(Context(LONGER))
    values = np.random.default_rng(0).normal(size=LONGER.slots)
    sent = keys.encrypt(keys.context.encode(values, 2.0**26, 1))
    assert sent.c0.shape == (1, LONGER.degree)
    plain = keys.decrypt(sent.expand(LONGER))
    assert np.abs(keys.context.encoder.decode(plain) - values).max() < 1e-4


def test_the_second_half_is_what_the_seed_tells(keys):
    sent = keys.encrypt(keys.context.encode(np.ones(4), SCALE))
    whole = sent.expand(keys.chain)
    assert (whole.values[1] == uniform(sent.seed, keys.chain.levels, keys.chain.degree)[0]).all()
    evaluator = keys.context.evaluator
    twice = evaluator.add(ciphertext_of(whole, keys.context), ciphertext_of(whole, keys.context))
    assert np.abs(keys.context.encoder.decode(keys.decrypt(residues_of(twice)))[:4] - 2).max() < 1e-5


def test_moved_to_a_seed_a_ciphertext_keeps_the_error_that_seal_drew(single):
    """Decrypted and less its message, it leaves whole numbers that are SEAL's errors, and nothing else."""
    plain = single.context.encode(np.random.default_rng(0).normal(size=SINGLE.slots), SCALE)
    message = plain_residues_of(plain, SINGLE.degree)[0]
    left = []
    for _ in range(40):
        held = single.decrypt(single.encrypt(plain).expand(SINGLE))
        rest = plain_residues_of(held, SINGLE.degree)[0] + (np.uint64(SINGLE.primes[0]) - message)
        left.append(signed(to_coefficients((rest % np.uint64(SINGLE.primes[0]))[None], single.context), SINGLE).ravel())
    errors = np.concatenate(left)
    assert np.abs(errors).max() <= 21
    assert errors.var() == pytest.approx(ERROR_VARIANCE, rel=0.05)


def test_whole_numbers_come_back_but_for_their_errors(keys):
    numbers = numbers_of(keys.chain)
    sent = keys.encrypt_coefficients(numbers)
    assert not sent.transformed and sent.scale == numbers.scale
    found = keys.decrypt_coefficients([sent.checked(keys.chain).expand(keys.chain)])
    for index, prime in enumerate(keys.chain.levels):
        rest = found[0, index].astype(object) - numbers.values[0]
        errors = np.array([(int(one) + prime // 2) % prime - prime // 2 for one in rest])
        assert np.abs(errors).max() <= 21 and errors.any()
        assert errors.var() == pytest.approx(ERROR_VARIANCE, rel=0.25)


def test_one_coefficient_is_read_as_all_are(keys):
    reply = keys.encrypt_coefficients(numbers_of(keys.chain)).expand(keys.chain)
    whole = keys.decrypt_coefficients([reply])
    for at in (0, 1, 29, keys.chain.degree - 1):
        assert (keys.decrypt_coefficients([reply], np.array([at]))[..., 0] == whole[..., at]).all()
    some = np.array([5, 700])
    assert (keys.decrypt_coefficients([reply, reply], some) == whole[..., some]).all()


def test_several_polynomials_share_a_seed(single):
    numbers = numbers_of(SINGLE, 3)
    sent = single.encrypt_coefficients(numbers)
    tails = sent.c1(SINGLE)
    replies = [Residues(np.stack(both), sent.scale, False) for both in zip(sent.c0, tails, strict=True)]
    rest = signed(single.decrypt_coefficients(replies)[:, 0], SINGLE) - numbers.values
    assert np.abs(rest).max() <= 21


def test_half_of_the_modulus_is_the_most(single):
    most = SINGLE.primes[0] // 2
    numbers = np.zeros((1, 2048), np.int64)
    numbers[0, :2] = most - 30, 30 - most
    found = single.decrypt_coefficients([single.encrypt_coefficients(Coefficients(numbers, 1.0)).expand(SINGLE)])
    assert np.abs(signed(found[0, 0], SINGLE) - numbers[0]).max() <= 21
    for beyond in (most + 1, -most - 1):
        numbers[0, 0] = beyond
        with pytest.raises(OutOfRange, match="do not fit"):
            single.encrypt_coefficients(Coefficients(numbers, 1.0))


def test_no_seed_serves_twice(single):
    taken = [single.encrypt_coefficients(numbers_of(SINGLE)).seed for _ in range(20)]
    taken += [single.encrypt_coefficients(numbers_of(SINGLE, 2)).seed for _ in range(3)]
    taken += [single.encrypt(single.context.encode(np.ones(1), SCALE)).seed for _ in range(3)]
    assert len(set(taken)) == len(taken)


def test_a_chain_of_seeds_is_followed_query_after_query():
    keys = SecretKeys.generate(Context(SINGLE), SeedChain().take)
    taken = [keys.encrypt_coefficients(numbers_of(SINGLE)).seed for _ in range(20)]
    assert [following(seed) for seed in taken[:-1]] == taken[1:]


@pytest.mark.parametrize("what", ["process", "clock"])
def test_what_was_prepared_is_not_used_where_it_might_be_used_twice(monkeypatch, what):
    keys = SecretKeys.generate(Context(SINGLE))
    keys.prepare(16)
    known = {seed for seed, _ in keys._masks}
    assert len(known) == 16 and keys.encrypt_coefficients(numbers_of(SINGLE)).seed in known
    now = seeds.time.time()
    if what == "process":
        monkeypatch.setattr(seeds.os, "getpid", lambda: -1)
    else:
        monkeypatch.setattr(seeds.time, "time", lambda: now + 3600)
    assert all(keys.encrypt_coefficients(numbers_of(SINGLE)).seed not in known for _ in range(20))


def test_ciphertexts_look_uniform(single):
    """Whoever has no key sees residues without a pattern, whatever was encrypted."""
    from scipy import stats

    nothing = Coefficients(np.zeros((1, 2048), np.int64), 1.0)
    seen = np.concatenate([single.encrypt_coefficients(nothing).c0.ravel() for _ in range(40)])
    high = np.bincount((seen.astype(np.float64) * 64 / SINGLE.primes[0]).astype(int), minlength=64)
    low = np.bincount((seen & np.uint64(63)).astype(int), minlength=64)
    assert stats.chisquare(high).pvalue > 1e-6 and stats.chisquare(low).pvalue > 1e-6


def test_a_key_is_the_same_after_it_was_stored(keys):
    again = SecretKeys.from_bytes(keys.context, keys.to_bytes())
    assert again.to_bytes() == keys.to_bytes() and again.fingerprint == keys.fingerprint
    assert SecretKeys.generate(keys.context).fingerprint != keys.fingerprint
    sent = keys.encrypt(keys.context.encode(np.ones(3), SCALE)).expand(keys.chain)
    assert np.abs(again.context.encoder.decode(again.decrypt(sent))[:3] - 1).max() < 1e-5


@pytest.mark.parametrize("data", [b"", bytes(100), bytes(88 + 8 * 2048), b"\xff" * (88 + 8 * 2048)])
def test_what_is_no_key_is_refused(single, data):
    with pytest.raises(KeyStoreUnreadable):
        SecretKeys.from_bytes(single.context, data)


def test_altered_heads_of_keys_are_refused(single):
    data = bytearray(single.to_bytes())
    for at in range(88):
        altered = data.copy()
        altered[at] ^= 0x40
        with pytest.raises(KeyStoreUnreadable):
            SecretKeys.from_bytes(single.context, bytes(altered))


def test_a_key_does_not_show_itself_nor_travel(single):
    assert single.fingerprint[:16] in repr(single) and len(repr(single)) < 40
    with pytest.raises(TypeError, match="to_bytes"):
        pickle.dumps(single)


def test_evaluation_keys_rotate_and_multiply():
    chain = ckks_chain(8192, (50, 30, 50))
    keys = SecretKeys.generate(Context(chain))
    made = keys.evaluation_keys((1, -2), relinearise=True, public=True)
    assert set(made) == {"rotation", "relinearisation", "public"}
    seal, context = library(), keys.context
    rotation = context.seal.from_galois_str(made["rotation"])
    relinearisation = context.seal.from_relin_str(made["relinearisation"])
    values = np.random.default_rng(0).normal(size=chain.slots)
    sent = ciphertext_of(keys.encrypt(context.encode(values, 2.0**30)).expand(chain), context)

    def opened(ciphertext) -> np.ndarray:
        return context.encoder.decode(keys.decrypt(residues_of(ciphertext)))

    for step in (1, -2):
        turned = context.evaluator.rotate_vector(sent, step, rotation)
        assert np.abs(opened(turned) - np.roll(values, -step)).max() < 1e-2
    squared = context.evaluator.relinearize(context.evaluator.square(sent), relinearisation)
    assert np.abs(opened(squared) - values**2).max() < 1e-2
    public = context.seal.from_public_str(made["public"])
    fresh = seal.Encryptor(context.seal, public).encrypt(context.encode(values, 2.0**30))
    assert np.abs(opened(fresh) - values).max() < 1e-2


def test_only_the_keys_that_are_asked_for_are_made(single):
    assert single.evaluation_keys((), relinearise=False, public=False) == {}
    assert set(single.evaluation_keys((), relinearise=False, public=True)) == {"public"}


def test_another_key_reads_nothing(single):
    numbers = numbers_of(SINGLE)
    found = SecretKeys.generate(single.context).decrypt_coefficients(
        [single.encrypt_coefficients(numbers).expand(SINGLE)]
    )
    assert np.abs(signed(found[0, 0], SINGLE) - numbers.values[0]).mean() > 2**46


def zeros(*shape: int) -> Residues:
    return Residues(np.zeros(shape, np.uint64), 1.0, transformed=False)


@pytest.mark.parametrize("reply", [zeros(2, 1, 1024), zeros(3, 1, 2048), zeros(2, 2, 2048), zeros(1, 1, 2048)])
def test_what_is_no_reply_is_refused(single, reply):
    with pytest.raises(LevelMismatch):
        single.decrypt_coefficients([reply])


def test_residues_above_their_prime_are_refused(single):
    for half, at in ((0, None), (1, None), (0, np.array([7])), (1, np.array([7]))):
        values = single.encrypt_coefficients(numbers_of(SINGLE)).expand(SINGLE).values.copy()
        values[half, 0, 7] = SINGLE.primes[0]
        with pytest.raises(LevelMismatch):
            single.decrypt_coefficients([Residues(values, 1.0, transformed=False)], at)


def test_slots_of_another_chain_are_refused(single):
    sent = SecretKeys.generate(Context(LONGER)).encrypt(Context(LONGER).encode(np.ones(1), SCALE)).expand(LONGER)
    with pytest.raises(LevelMismatch):
        single.decrypt(sent)


def test_no_replies_hold_nothing(single):
    assert single.decrypt_coefficients([]).shape == (0, 1, 2048)


def test_keys_are_for_ckks_chains_and_others_alike():
    """The key itself does not depend on the scheme; aggregation has its own."""
    keys = SecretKeys.generate(Context(bfv_chain(4096, (50, 50), 20)))
    assert SecretKeys.from_bytes(keys.context, keys.to_bytes()).fingerprint == keys.fingerprint


def test_programs_of_servers_do_not_import_secret_keys():
    code = (
        "import sys; from casemate.controls.homomorphic import coefficient_program, column_program\n"
        "assert not [name for name in sys.modules if 'secret' in name and 'casemate' in name]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
