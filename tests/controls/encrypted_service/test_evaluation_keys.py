import dataclasses

import numpy as np
import pytest

from casemate.controls.encrypted_service.evaluation_keys import KeyForm, loaded_keys, packed_keys
from casemate.controls.homomorphic.chain import ckks_chain
from casemate.controls.homomorphic.library import library
from casemate.controls.homomorphic.residues import ciphertext_of, plain_residues_of, residues_of
from casemate.controls.homomorphic.seeds import Coefficients
from casemate.controls.homomorphic.transforms import to_coefficients
from casemate.core.errors import BadEnvelope, NotCanonical
from controls.encrypted_service.small import context, secret

CHAIN = ckks_chain(4096, (36, 36, 34))
FORM = KeyForm(CHAIN, (1, 4, -2, 2047), relinearise=True, encrypt=True)


@pytest.fixture(scope="module")
def keys() -> dict[str, bytes]:
    return made(FORM)


@pytest.fixture(scope="module")
def data(keys: dict[str, bytes]) -> bytes:
    return packed_keys(keys, FORM)


def made(form: KeyForm) -> dict[str, bytes]:
    """New keys of the shared secret key, as SEAL serialises them."""
    return secret(form.chain).evaluation_keys(form.rotations, relinearise=form.relinearise, public=form.encrypt)


def test_the_size_is_known_before(data: bytes) -> None:
    assert len(data) == FORM.bytes == (1 + (4 + 1) * 2) * 2 * 3 * 4096 * 5
    assert len(FORM.elements) == 4
    assert KeyForm(CHAIN).bytes == 0


def test_keys_come_back_as_seal_made_them(keys: dict[str, bytes], data: bytes) -> None:
    found = loaded_keys(memoryview(data), FORM, context(CHAIN))
    assert found.rotation.to_string() == keys["rotation"]
    assert found.relinearisation.to_string() == keys["relinearisation"]
    assert found.public.to_string() == keys["public"]
    assert len(keys) == 3


def test_elements_are_those_that_seal_uses(keys: dict[str, bytes]) -> None:
    rotation = context(CHAIN).seal.from_galois_str(keys["rotation"])
    assert all(rotation.has_key(element) for element in FORM.elements)
    assert FORM.elements == tuple(sorted(FORM.elements))


def test_rotations_products_and_zeros_alone() -> None:
    for form in (KeyForm(CHAIN, (1,)), KeyForm(CHAIN, relinearise=True), KeyForm(CHAIN, encrypt=True)):
        found = loaded_keys(memoryview(packed_keys(made(form), form)), form, context(CHAIN))
        assert (found.rotation is None) == (not form.rotations)
        assert (found.relinearisation is None) == (not form.relinearise)
        assert (found.public is None) == (not form.encrypt)


def test_a_chain_of_one_prime_has_a_public_key() -> None:
    form = KeyForm(ckks_chain(2048, (53,)), encrypt=True)
    assert form.bytes == 2 * 2048 * 7
    where = context(form.chain)
    keys = loaded_keys(memoryview(packed_keys(made(form), form)), form, where)
    zero = library().Encryptor(where.seal, keys.public).encrypt_zero()
    decrypted = secret(form.chain).decrypt(residues_of(zero))
    assert np.abs(residues_of_plain(decrypted)).max() < 1000


def residues_of_plain(plain: object) -> np.ndarray:
    """The coefficients of a plaintext modulo one prime, less than half of it in size."""
    values, _ = plain_residues_of(plain, 2048)
    chain = ckks_chain(2048, (53,))
    first = to_coefficients(values[None], context(chain))[0, 0].astype(np.int64)
    return np.where(first > chain.primes[0] // 2, first - chain.primes[0], first)


def test_a_public_key_may_be_a_seeded_zero() -> None:
    form = KeyForm(ckks_chain(2048, (51,)), encrypt=True, seeded=True)
    zero = secret(form.chain).encrypt_coefficients(Coefficients(np.zeros((1, 2048), np.int64), 1.0))
    data = packed_keys({"public": zero}, form)
    assert len(data) == form.bytes == 32 + 2048 * 7
    found = loaded_keys(memoryview(data), form, context(form.chain)).public
    assert (found.seed, found.transformed) == (zero.seed, False)
    assert np.array_equal(found.c0, zero.c0)
    with pytest.raises(NotCanonical):
        loaded_keys(memoryview(data[:-7] + b"\xff" * 7), form, context(form.chain))
    for other in ({}, {"public": bytes(form.bytes)}, {"public": dataclasses.replace(zero, transformed=True)}):
        with pytest.raises(BadEnvelope):
            packed_keys(other, form)


def test_keys_of_another_program_are_not_packed(keys: dict[str, bytes]) -> None:
    with pytest.raises(BadEnvelope):
        packed_keys(keys, KeyForm(CHAIN, (1, 4), relinearise=True))
    with pytest.raises(BadEnvelope):
        packed_keys({}, FORM)
    with pytest.raises(BadEnvelope):
        packed_keys({**keys, "rotation": keys["rotation"][:-1]}, FORM)


@pytest.mark.parametrize("change", [-1, 1, -5])
def test_another_length_is_refused(data: bytes, change: int) -> None:
    bad = data[:change] if change < 0 else data + bytes(change)
    with pytest.raises(BadEnvelope):
        loaded_keys(memoryview(bad), FORM, context(CHAIN))


def test_residues_beyond_their_prime_are_refused(data: bytes) -> None:
    for at in (0, len(data) // 2, len(data) - 5):
        bad = bytearray(data)
        bad[at // 5 * 5 : at // 5 * 5 + 5] = b"\xff" * 5
        with pytest.raises(NotCanonical):
            loaded_keys(memoryview(bytes(bad)), FORM, context(CHAIN))


def test_keys_that_hide_nothing_are_refused(data: bytes) -> None:
    half = 3 * 4096 * 5
    bad = bytearray(data)
    bad[half : 2 * half] = bytes(half)
    with pytest.raises(NotCanonical):
        loaded_keys(memoryview(bytes(bad)), FORM, context(CHAIN))


def test_garbage_that_looks_like_keys_is_loaded_and_harms_only_its_owner() -> None:
    """A server cannot tell keys from noise; it must only not fall."""
    form = KeyForm(CHAIN, (1,))
    noise = np.random.default_rng(0).integers(1, min(CHAIN.primes), form.bytes // 5, dtype=np.uint64)
    data = noise.view(np.uint8).reshape(-1, 8)[:, :5].tobytes()
    found = loaded_keys(memoryview(data), form, context(CHAIN))
    where = context(CHAIN)
    taken = ciphertext_of(secret(CHAIN).encrypt(where.encode(np.ones(4), 2.0**20)).expand(CHAIN), where)
    assert where.evaluator.rotate_vector(taken, 1, found.rotation).size() == 2
