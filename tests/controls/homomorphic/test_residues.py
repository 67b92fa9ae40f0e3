"""Residues are what SEAL holds, there and back; what is no ciphertext is refused."""

import numpy as np
import pytest

from casemate.controls.homomorphic.chain import ckks_chain
from casemate.controls.homomorphic.context import Context
from casemate.controls.homomorphic.library import library
from casemate.controls.homomorphic.residues import (
    Residues,
    ciphertext_of,
    plain_residues_of,
    plaintext_of,
    residues_of,
)

CONTEXT = Context(ckks_chain(4096, (36, 35, 35)))


def key() -> tuple[object, object]:
    seal = library()
    generator = seal.KeyGenerator(CONTEXT.seal)
    secret = generator.secret_key()
    return seal.Encryptor(CONTEXT.seal, generator.create_public_key(), secret), seal.Decryptor(CONTEXT.seal, secret)


@pytest.mark.parametrize("primes", [1, 2])
def test_there_and_back(primes: int) -> None:
    encryptor, decryptor = key()
    values = np.linspace(-3, 3, 2048)
    fresh = encryptor.encrypt(CONTEXT.encode(values, 2.0**24, primes))  # type: ignore[attr-defined]
    found = residues_of(fresh)
    assert found.values.shape == (2, primes, 4096)
    assert found.level == primes
    assert (found.values.max(axis=(0, 2)) < np.array(CONTEXT.chain.levels[:primes], np.uint64)).all()
    again = ciphertext_of(found, CONTEXT)
    assert again.to_string() == fresh.to_string()
    decoded = CONTEXT.encoder.decode(decryptor.decrypt(again))  # type: ignore[attr-defined]
    np.testing.assert_allclose(decoded, values, atol=1e-2)


def test_plaintexts_there_and_back() -> None:
    plain = CONTEXT.encode(np.arange(8.0), 2.0**20)
    values, scale = plain_residues_of(plain, 4096)
    assert (values.shape, scale) == ((2, 4096), 2.0**20)
    assert plaintext_of(values, scale, CONTEXT).to_bytes() == plain.to_bytes()


def test_what_is_no_ciphertext_is_refused() -> None:
    fine = np.ones((2, 2, 4096), np.uint64)
    above = fine.copy()
    above[1, 0, 7] = CONTEXT.chain.primes[0]
    for values in (above, np.ones((2, 2, 2048), np.uint64), np.ones((1, 2, 4096), np.uint64)):
        with pytest.raises(ValueError, match="data is invalid|not valid"):
            ciphertext_of(Residues(values, 2.0**20), CONTEXT)
    assert ciphertext_of(Residues(fine, 2.0**20), CONTEXT).size() == 2
