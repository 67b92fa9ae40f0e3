import numpy as np
import pytest

from casemate.controls.encrypted_service.evaluation_keys import EvaluationKeys, KeyForm, loaded_keys, packed_keys
from casemate.controls.homomorphic.chain import ckks_chain
from casemate.controls.homomorphic.library import library
from casemate.controls.homomorphic.residues import plain_residues_of
from casemate.controls.homomorphic.transforms import to_coefficients
from casemate.core.errors import BadEnvelope, NotCanonical
from controls.encrypted_service.small import SmallSecret, context, secret

CHAIN = ckks_chain(4096, (36, 36, 34))
FORM = KeyForm(CHAIN, (1, 4, -2, 2047), relinearise=True, encrypt=True)


@pytest.fixture(scope="module")
def keys() -> EvaluationKeys:
    return secret(CHAIN).evaluation_keys(FORM)


@pytest.fixture(scope="module")
def data(keys: EvaluationKeys) -> bytes:
    return packed_keys(keys, FORM)


def test_the_size_is_known_before(data: bytes) -> None:
    assert len(data) == FORM.bytes == (1 + (4 + 1) * 2) * 2 * 3 * 4096 * 5
    assert len(FORM.elements) == 4
    assert KeyForm(CHAIN).bytes == 0


def test_keys_come_back_as_seal_made_them(keys: EvaluationKeys, data: bytes) -> None:
    found = loaded_keys(memoryview(data), FORM, context(CHAIN))
    assert found.rotation.to_string() == keys.rotation.to_string()
    assert found.relinearisation.to_string() == keys.relinearisation.to_string()
    assert found.public.to_string() == keys.public.to_string()
    assert packed_keys(found, FORM) == data


def test_elements_are_those_that_seal_uses(keys: EvaluationKeys) -> None:
    assert all(keys.rotation.has_key(element) for element in FORM.elements)
    assert FORM.elements == tuple(sorted(FORM.elements))


def test_rotations_products_and_zeros_alone() -> None:
    for form in (KeyForm(CHAIN, (1,)), KeyForm(CHAIN, relinearise=True), KeyForm(CHAIN, encrypt=True)):
        made = secret(CHAIN).evaluation_keys(form)
        found = loaded_keys(memoryview(packed_keys(made, form)), form, context(CHAIN))
        assert (found.rotation is None) == (not form.rotations)
        assert (found.relinearisation is None) == (not form.relinearise)
        assert (found.public is None) == (not form.encrypt)


def test_a_chain_of_one_prime_has_a_public_key() -> None:
    form = KeyForm(ckks_chain(2048, (53,)), encrypt=True)
    assert form.bytes == 2 * 2048 * 7
    where = context(form.chain)
    keys = loaded_keys(memoryview(packed_keys(secret(form.chain).evaluation_keys(form), form)), form, where)
    zero = library().Encryptor(where.seal, keys.public).encrypt_zero()
    decrypted = library().Decryptor(where.seal, secret(form.chain).seal).decrypt(zero)
    assert np.abs(residues_of_plain(decrypted)).max() < 1000


def residues_of_plain(plain: object) -> np.ndarray:
    """The coefficients of a plaintext modulo one prime, less than half of it in size."""
    values, _ = plain_residues_of(plain, 2048)
    chain = ckks_chain(2048, (53,))
    first = to_coefficients(values[None], context(chain))[0, 0].astype(np.int64)
    return np.where(first > chain.primes[0] // 2, first - chain.primes[0], first)


def test_keys_of_another_program_are_not_packed(keys: EvaluationKeys) -> None:
    with pytest.raises(BadEnvelope):
        packed_keys(keys, KeyForm(CHAIN, (1, 4), relinearise=True))
    with pytest.raises(BadEnvelope):
        packed_keys(EvaluationKeys(), FORM)


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
    seal, where = library(), context(CHAIN)
    taken = seal.Encryptor(where.seal, SmallSecret.new(CHAIN).seal).encrypt_symmetric(where.encode(np.ones(4), 2.0**20))
    assert where.evaluator.rotate_vector(taken, 1, found.rotation).size() == 2
