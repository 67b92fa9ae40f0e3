"""Secret keys: what only a client has. The secret polynomial enters SEAL alone, and no server imports this file.

SEAL's binding returns fresh ciphertexts whole. To send a seed in place of the uniform half, its symmetric encryption
(b, a') is moved to the half a that the seed tells: with (a' - a)·s, which decrypting (0, a' - a) gives exactly, the
pair (b + (a' - a)·s, a) has the message and the error that SEAL drew. Whole numbers in coefficients are encrypted as
m - e - a·s, with a·s from SEAL and e from `casemate.controls.homomorphic.errors_sampling`.
docs/decisions tells why both are safe.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections import deque
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from casemate.controls.homomorphic.coefficient_encryption import hidden, shifted
from casemate.controls.homomorphic.library import library
from casemate.controls.homomorphic.modular_products import Factors, added, subtracted
from casemate.controls.homomorphic.residues import (
    Residues,
    ciphertext_of,
    plain_residues_of,
    plaintext_of,
    residues_of,
)
from casemate.controls.homomorphic.seeds import Coefficients, Once, Seeded, new_seed, uniform
from casemate.controls.homomorphic.transforms import AT_ONCE, padded, to_values
from casemate.core.errors import KeyStoreUnreadable, LevelMismatch, OutOfRange

if TYPE_CHECKING:
    from casemate.controls.homomorphic.chain import Chain
    from casemate.controls.homomorphic.context import Context

_LABEL = b"casemate key fingerprint"
_OVERHEAD = 88
"""Bytes of SEAL's serialisation of a secret key that are not residues."""


class SecretKeys:
    """A secret key, ready to encrypt and decrypt.

    Args:
        context: of the chain that it is for.
        key: as SEAL holds it.
        seeds: what seeds are taken from; the operating system by default. A `SeedChain` lets servers prepare.
    """

    def __init__(self, context: Context, key: Any, seeds: Callable[[], bytes] = new_seed) -> None:
        seal = library()
        self.context = context
        self._key = key
        self._encryptor = seal.Encryptor(context.seal, key)
        self._decryptor = seal.Decryptor(context.seal, key)
        self._seeds = seeds
        self._readings: dict[int, list[Factors]] = {}
        self._masks: deque[tuple[bytes, np.ndarray]] = deque()
        self._allowed = Once()
        self._lock = threading.Lock()

    @classmethod
    def generate(cls, context: Context, seeds: Callable[[], bytes] = new_seed) -> SecretKeys:
        """Return a new key."""
        return cls(context, library().KeyGenerator(context.seal).secret_key(), seeds)

    @classmethod
    def from_bytes(cls, context: Context, data: bytes, seeds: Callable[[], bytes] = new_seed) -> SecretKeys:
        """Return the key that `to_bytes` told.

        Raises:
            KeyStoreUnreadable: another length, or what SEAL takes for no key of this chain.
        """
        expected = _OVERHEAD + 8 * context.chain.degree * len(context.chain.primes)
        if len(data) != expected:
            raise KeyStoreUnreadable(f"a secret key of {len(data):,} bytes, where {expected:,} are expected")
        usual = library().KeyGenerator(context.seal).secret_key().to_string()[:_OVERHEAD]
        if data[:_OVERHEAD] != usual:
            raise KeyStoreUnreadable("not a secret key of this chain: it begins otherwise")
        try:
            return cls(context, context.seal.from_secret_str(data), seeds)
        except (RuntimeError, ValueError) as error:
            raise KeyStoreUnreadable(f"not a secret key of this chain: {error}") from error

    def to_bytes(self) -> bytes:
        """Return the secret key as SEAL serialises it, the same each time; to be sealed before it is stored."""
        return bytes(self._key.to_string())

    @property
    def chain(self) -> Chain:
        """The parameters that the key is for."""
        return self.context.chain

    @cached_property
    def fingerprint(self) -> str:
        """What names the key without telling it, in hexadecimal: HMAC-SHA-256 under the key, of a fixed text."""
        return hmac.new(self.to_bytes(), _LABEL + self.chain.digest.encode(), hashlib.sha256).hexdigest()

    def encrypt(self, plaintext: Any) -> Seeded:
        """Return a SEAL plaintext (CKKS) encrypted, with an error that SEAL drew."""
        fresh = residues_of(self._encryptor.encrypt_symmetric(plaintext))
        b, drawn = fresh.values
        primes = self.chain.levels[: fresh.level]
        seed = self._seeds()
        apart = _each(subtracted, drawn, uniform(seed, primes, self.chain.degree)[0], primes)
        moved = self._decryptor.decrypt(ciphertext_of(Residues(padded_pair(apart), fresh.scale), self.context))
        return Seeded(seed, _each(added, b, plain_residues_of(moved, self.chain.degree)[0], primes), fresh.scale)

    def decrypt(self, ciphertext: Residues) -> Any:
        """Return the SEAL plaintext (CKKS) that a ciphertext by values at roots of unity holds.

        Raises:
            LevelMismatch: what SEAL takes for no ciphertext of this chain.
        """
        try:
            return self._decryptor.decrypt(ciphertext_of(ciphertext, self.context))
        except (RuntimeError, ValueError, OutOfRange) as error:
            raise LevelMismatch(f"not a ciphertext of this chain: {error}") from error

    def encrypt_coefficients(self, numbers: Coefficients) -> Seeded:
        """Return whole numbers encrypted, with the first half by coefficients.

        Args:
            numbers: (polynomials, degree); several share a seed.

        Raises:
            OutOfRange: a number that is not below half of the modulus in size.
        """
        chain, values = self.chain, numbers.values
        if len(values) == 1:
            seed, mask = self._mask()
        else:
            seed = self._seeds()
            mask = hidden(self.times(uniform(seed, chain.levels, chain.degree, len(values))), 0, chain.levels)
        heads = shifted(mask, values, chain.levels)
        return Seeded(seed, heads[0] if len(heads) == 1 else heads, numbers.scale, transformed=False)

    def prepare(self, count: int) -> None:
        """Prepare so many encryptions of one polynomial: all but what is encrypted.

        Without it, a few are prepared whenever there are none. What is prepared is forgotten after a minute without
        use, and in processes that were forked off; see `Once`.
        """
        with self._lock:
            self._forget()
            self._prepare(count)

    def _mask(self) -> tuple[bytes, np.ndarray]:
        with self._lock:
            self._forget()
            if not self._masks:
                self._prepare(AT_ONCE)
            return self._masks.popleft()

    def _forget(self) -> None:
        if not self._allowed():
            self._masks.clear()

    def _prepare(self, count: int) -> None:
        chain = self.chain
        for start in range(0, count, AT_ONCE):
            seeds = [self._seeds() for _ in range(min(AT_ONCE, count - start))]
            tails = np.concatenate([uniform(seed, chain.levels, chain.degree) for seed in seeds])
            self._masks.extend(zip(seeds, hidden(self.times(tails), 0, chain.levels)[:, None], strict=True))

    def decrypt_coefficients(self, ciphertexts: Sequence[Residues], at: np.ndarray | None = None) -> np.ndarray:
        """Return what ciphertexts hold, by coefficients, (count, primes, coefficients) uint64.

        Args:
            ciphertexts: with first halves by coefficients and second halves by values at roots of unity.
            at: which coefficients; all by default.

        Raises:
            LevelMismatch: ciphertexts of another form, or what SEAL takes for none of this chain.
        """
        primes, degree = self.chain.levels, self.chain.degree
        shape = (2, len(primes), degree)
        if any(one.values.shape != shape or one.transformed for one in ciphertexts):
            raise LevelMismatch(f"ciphertexts that are not of shape {shape} and by coefficients")
        if not ciphertexts:
            return np.empty((0, len(primes), degree if at is None else len(at)), np.uint64)
        if len(ciphertexts) == 1 and at is not None and len(at) == 1:
            return self._read(ciphertexts[0].values, int(at[0]))
        head = np.stack([one.values[0] for one in ciphertexts])
        products = self.times(np.stack([one.values[1] for one in ciphertexts]))
        if at is not None:
            head, products = head[..., at], products[..., at]
        if any(np.maximum.reduce(head[:, index], None) >= prime for index, prime in enumerate(primes)):
            raise LevelMismatch("a residue is not below its prime")
        return _each(added, head, products, primes)

    def times(self, tails: np.ndarray) -> np.ndarray:
        """Return second halves times the secret polynomial; whoever knows both knows the key.

        Args:
            tails: by values at roots of unity, (count, primes, degree) uint64.

        Returns:
            By coefficients, (count, primes, degree) uint64.

        Raises:
            LevelMismatch: what SEAL takes for no polynomials of this chain.
        """
        made = np.empty_like(tails)
        try:
            for start in range(0, len(tails), AT_ONCE):
                part = tails[start : start + AT_ONCE]
                taken = ciphertext_of(Residues(padded(part), 1.0), self.context)
                made[start : start + AT_ONCE] = self.times_ciphertext(taken)[: len(part)]
        except (RuntimeError, ValueError) as error:
            raise LevelMismatch(f"not a ciphertext of this chain: {error}") from error
        return made

    def times_ciphertext(self, tails: Any) -> np.ndarray:
        """Return the same for polynomials that SEAL holds as one ciphertext, which stays as it is."""
        product = self.context.evaluator.multiply_plain(tails, self._polynomial)
        self.context.evaluator.transform_from_ntt_inplace(product)
        return residues_of(product).values

    def _read(self, values: np.ndarray, at: int) -> np.ndarray:
        """One coefficient of what one ciphertext (2, primes, degree) holds, (1, primes, 1)."""
        products = plain_residues_of(self.decrypt(Residues(padded_pair(values[1]), 1.0)), self.chain.degree)[0]
        found = []
        for head, factors, row in zip(values[0, :, at].tolist(), self._reading(at), products, strict=True):
            if head >= factors.prime:
                raise LevelMismatch("a residue is not below its prime")
            found.append((head + factors.dot(row)) % factors.prime)
        return np.array([found], np.uint64)[..., None]

    def _reading(self, at: int) -> list[Factors]:
        """What values at roots of unity are multiplied with, and then added, to give a coefficient."""
        if (known := self._readings.get(at)) is None:
            # The coefficient of X^at is the sum of values times X^-at at the same roots, divided by the degree.
            degree, primes = self.chain.degree, self.chain.levels
            monomial = np.zeros((1, len(primes), degree), np.uint64)
            for index, prime in enumerate(primes):
                share = pow(degree, -1, prime)
                monomial[0, index, -at % degree] = prime - share if at else share  # X^degree is -1
            values = to_values(monomial, self.context)[0]
            known = self._readings[at] = [Factors(row, prime) for row, prime in zip(values, primes, strict=True)]
        return known

    def evaluation_keys(self, rotations: tuple[int, ...], *, relinearise: bool, public: bool) -> dict[str, bytes]:
        """Return what a server needs, as SEAL serialises it; made anew each time.

        Args:
            rotations: by how many slots ciphertexts are rotated to the left; negative ones to the right.
            relinearise: whether ciphertexts are multiplied with each other.
            public: whether the server encrypts.

        Returns:
            "rotation", "relinearisation" and "public", those that were asked for.
        """
        seal = library()
        generator, made = seal.KeyGenerator(self.context.seal, self._key), {}
        if rotations:
            keys = seal.GaloisKeys()
            generator.create_galois_keys(list(rotations), keys)
            made["rotation"] = bytes(keys.to_string())
        if relinearise:
            made["relinearisation"] = bytes(generator.create_relin_keys().to_string())
        if public:
            made["public"] = bytes(generator.create_public_key().to_string())
        return made

    @cached_property
    def _polynomial(self) -> Any:
        """The secret polynomial as a SEAL plaintext, modulo the primes of the top level."""
        chain, data = self.chain, self.to_bytes()
        if len(chain.levels) < len(chain.primes):  # a key is also modulo the prime that switches keys
            key = np.frombuffer(data, "<u8", offset=_OVERHEAD).reshape(-1, chain.degree)
            return plaintext_of(key[: len(chain.levels)], 1.0, self.context)
        made = library().Plaintext()
        made.load_bytes(self.context.seal, data)
        return made

    def __repr__(self) -> str:
        return f"SecretKeys({self.fingerprint[:16]})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret key does not travel to another process; see to_bytes")


def padded_pair(second: np.ndarray) -> np.ndarray:
    """Return a ciphertext whose first half is zero, (2, primes, degree)."""
    pair = np.zeros((2, *second.shape), np.uint64)
    pair[1] = second
    return pair


def _each(combined: Any, first: np.ndarray, second: np.ndarray, primes: tuple[int, ...]) -> np.ndarray:
    """Two arrays (..., primes, degree) combined modulo each prime."""
    made = np.empty(first.shape, np.uint64)
    for index, prime in enumerate(primes):
        made[..., index, :] = combined(first[..., index, :], second[..., index, :], prime)
    return made
