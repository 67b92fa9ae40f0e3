"""Secret keys of those who can decrypt: a part each, or the whole. What touches a secret is done by SEAL.

SEAL's decryptor for BFV rounds, and what a holder of a part has to tell is not rounded yet. Its decryptor for CKKS
gives c0 + c1 s itself, exactly, modulo every prime. So a part of the key lives in a CKKS context with the same ring and
primes, and both things that it is needed for are decryptions there:

- a holder's part of the joint key, -(a s + e): take a fresh encryption of zero under s, (-(a' s + e), a'), subtract a
  from its second polynomial, and decrypt. The error e is SEAL's own;
- a holder's part of a decryption, c1 s: decrypt (0, c1).

SEAL keeps the last prime of a context to itself, and decrypts nothing that is modulo it; the joint key is modulo all
primes of the chain. So the context has one more prime. Nothing modulo that prime is ever told to anybody, and it takes
nothing from the security of what is: samples of learning with errors modulo the primes of the chain.
"""

from __future__ import annotations

import secrets
from typing import Any, Protocol

import numpy as np

from casemate.controls.encrypted_aggregation.failure import Errors
from casemate.controls.encrypted_aggregation.residue_arrays import added, subtracted
from casemate.controls.encrypted_aggregation.seal_objects import public_residues
from casemate.controls.homomorphic.chain import Chain
from casemate.controls.homomorphic.context import Context
from casemate.controls.homomorphic.library import library
from casemate.controls.homomorphic.residues import Residues, ciphertext_of, plain_residues_of, residues_of
from casemate.core.errors import KeyStoreUnreadable, OutOfRange

_FURTHER = 60
"""Bits of the further prime; the primes of a plan have fewer."""


class SecretPart(Protocol):
    """What a holder keeps secret."""

    def key(self, common: np.ndarray) -> np.ndarray:
        """Return its public counterpart, uint64: (1 or 2 polynomials, all primes, degree), as values (NTT)."""
        ...

    def opened(self, total: np.ndarray, errors: Errors, noise: np.ndarray | None) -> np.ndarray:
        """Return what it can tell of a total.

        Args:
            total: (ciphertexts, 2, primes, degree) uint64.
            errors: of the total.
            noise: slots, (ciphertexts x degree,) int64, to be added to what is told.
        """
        ...

    def data(self) -> bytes:
        """Return the secret itself, to be stored where nobody else can read it."""
        ...


class _ProductContext(Context):
    """A CKKS context over a chain's primes and a further one, for exact products with a secret."""

    def __init__(self, chain: Chain) -> None:
        seal = library()
        self.chain = chain
        further = seal.CoeffModulus.Create(chain.degree, [_FURTHER])
        asked = seal.EncryptionParameters(seal.scheme_type.ckks)
        asked.set_poly_modulus_degree(chain.degree)
        asked.set_coeff_modulus([*(seal.Modulus(prime) for prime in chain.primes), *further])
        self.seal = seal.SEALContext(asked, True, seal.sec_level_type.none)
        if not self.seal.parameters_set():
            raise OutOfRange(f"SEAL refuses these parameters: {self.seal.parameter_error_message()}")
        self.evaluator = seal.Evaluator(self.seal)


class SharedSecret:
    """One of several parts of a key.

    Args:
        context: the public one of the plan.
        data: the secret, as `data` gave it; a new one where it is None.

    Raises:
        KeyStoreUnreadable: these bytes are no secret of this plan.
    """

    def __init__(self, context: Context, data: bytes | None = None) -> None:
        self._public, self._context = context, _ProductContext(context.chain)
        self._secret, self._decryptor = _secret(self._context, data)

    def __reduce__(self) -> str:
        raise TypeError("a secret part of a key is not pickled; store its data")

    def data(self) -> bytes:
        """Return the secret itself."""
        return bytes(self._secret.to_string())

    def key(self, common: np.ndarray) -> np.ndarray:
        """Return -(a s + e) for the common polynomial a, (1, all primes, degree), as values (NTT)."""
        seal, primes = library(), self._public.chain.primes
        zero = self._context.encode(np.zeros(1), 1.0)
        fresh = residues_of(seal.Encryptor(self._context.seal, self._secret).encrypt_symmetric(zero)).values
        moved = np.stack([fresh[0], subtracted(fresh[1], common, primes)])
        # `fresh` must not outlive this: with what is returned, it would give the secret away.
        return self._product(moved)[None]

    def opened(self, total: np.ndarray, errors: Errors, noise: np.ndarray | None) -> np.ndarray:
        """Return c1 s, smudged, for every ciphertext: (ciphertexts, primes, degree), as coefficients."""
        parts = []
        for place, ciphertext in enumerate(total):
            part = self._part(ciphertext, errors.smudging_bits)
            if noise is not None:
                degree = self._public.chain.degree
                part = self._noisy(part, ciphertext[1], noise[place * degree : (place + 1) * degree])
            parts.append(part)
        return np.stack(parts)

    def _part(self, ciphertext: np.ndarray, smudging_bits: int) -> np.ndarray:
        public, primes = self._public, self._public.chain.levels
        transformed = public.evaluator.transform_to_ntt(ciphertext_of(Residues(ciphertext, 1.0, False), public))
        second = residues_of(transformed).values[1]
        product = self._product(np.stack([np.zeros_like(second), second]))
        held = ciphertext_of(Residues(np.stack([product, second]), 1.0, True), public)
        coefficients = residues_of(public.evaluator.transform_from_ntt(held)).values[0]
        return added(coefficients, even_residues(smudging_bits, primes, public.chain.degree), primes)

    def _noisy(self, part: np.ndarray, second: np.ndarray, noise: np.ndarray) -> np.ndarray:
        """A part to which q / t times the noise is added, by SEAL's addition of a plaintext."""
        public = self._public
        encoded = public.batcher.encode((noise % public.chain.plain).astype(np.uint64))
        held = ciphertext_of(Residues(np.stack([part, second]), 1.0, False), public)
        return np.asarray(residues_of(public.evaluator.add_plain(held, encoded)).values[0])

    def _product(self, values: np.ndarray) -> np.ndarray:
        """c0 + c1 s of values at roots of unity, (2, primes, degree)."""
        decrypted = self._decryptor.decrypt(ciphertext_of(Residues(values, 1.0, True), self._context))
        return plain_residues_of(decrypted, self._public.chain.degree)[0]


class SoleSecret:
    """The whole key, of a single holder: SEAL's own key generation and decryption.

    Args:
        context, data: see `SharedSecret`.
    """

    def __init__(self, context: Context, data: bytes | None = None) -> None:
        self._context = context
        self._secret, self._decryptor = _secret(context, data)

    def __reduce__(self) -> str:
        raise TypeError("a secret part of a key is not pickled; store its data")

    def data(self) -> bytes:
        """Return the secret itself."""
        return bytes(self._secret.to_string())

    def key(self, common: np.ndarray) -> np.ndarray:
        """Return SEAL's public key, (2, all primes, degree), as values (NTT)."""
        generator = library().KeyGenerator(self._context.seal, self._secret)
        return public_residues(generator.create_public_key(), self._context)

    def opened(self, total: np.ndarray, errors: Errors, noise: np.ndarray | None) -> np.ndarray:
        """Return the decrypted slots with noise, (ciphertexts x degree,) uint64 below t."""
        context, slots = self._context, []
        for ciphertext in total:
            plain = self._decryptor.decrypt(ciphertext_of(Residues(ciphertext, 1.0, False), context))
            slots.append(context.batcher.decode_uint64(plain))
        told = np.concatenate(slots)
        if noise is None:
            return told
        return np.asarray((told.astype(np.int64) + noise) % context.chain.plain, np.uint64)


def even_residues(bits: int, primes: tuple[int, ...], count: int) -> np.ndarray:
    """Return whole numbers drawn evenly from [-2^bits, 2^bits) by the operating system, modulo each prime.

    Args:
        bits: 0 to 190; with 0, there is nothing to draw, and zeros are returned.
        primes: of at most 60 bits.
        count: how many.

    Returns:
        (primes, count) uint64.
    """
    values = np.zeros((len(primes), count), np.uint64)
    if not bits:
        return values
    words = np.frombuffer(secrets.token_bytes(24 * count), "<u8").reshape(3, count)
    drawn = bits + 1
    for row, prime in zip(values, primes, strict=True):
        step = 64 - prime.bit_length()  # so many bits at a time, the remainder stays within 64
        p = np.uint64(prime)
        for place in reversed(range(0, drawn, step)):
            taken = min(step, drawn - place)
            row[:] = (row << np.uint64(taken) | _bits(words, place, taken)) % p
        row[:] = (row + np.uint64(-(1 << bits) % prime)) % p
    return values


def _bits(words: np.ndarray, place: int, count: int) -> np.ndarray:
    """Bits from a place on, of numbers in words of 64 bits, (words, n)."""
    word, offset = divmod(place, 64)
    low = words[word] >> np.uint64(offset)
    if offset + count > 64:
        low = low | words[word + 1] << np.uint64(64 - offset)
    return np.asarray(low & np.uint64((1 << count) - 1))


def _secret(context: Context, data: bytes | None) -> tuple[Any, Any]:
    """SEAL's secret key and decryptor."""
    seal = library()
    if data is None:
        secret = seal.KeyGenerator(context.seal).secret_key()
    else:
        try:
            secret = context.seal.from_secret_str(data)
        except (RuntimeError, ValueError) as error:
            raise KeyStoreUnreadable(
                "the stored part of the key is none of this plan",
                details=str(error),
                fix="restore it from a copy; without it, nothing can be decrypted",
            ) from None
    return secret, seal.Decryptor(context.seal, secret)
