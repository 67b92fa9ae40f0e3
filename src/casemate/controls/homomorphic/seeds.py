"""Seeds: ciphertexts whose uniform half is told by 32 bytes, from which both sides draw it with AES-256.

The half is public anyway; a seed only makes it short. What is drawn is held by values at roots of unity: a uniform
polynomial is uniform there, too.
"""

from __future__ import annotations

import hashlib
import os
import struct
import threading
import time
from dataclasses import dataclass
from functools import cache
from typing import Any, NoReturn

import numpy as np
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from casemate.controls.homomorphic.chain import Chain
from casemate.controls.homomorphic.residues import Residues
from casemate.core.errors import OutOfRange, ShapeMismatch

SEED_BYTES = 32

_PIECE = 1 << 18
_ZEROS = memoryview(bytes(_PIECE))
_NONCE = struct.Struct(">IQ")
_NEXT = b"casemate seed that follows"
_LONGEST = 1 << 16
_IDLE_SECONDS = 60.0


def new_seed() -> bytes:
    """Return a seed that nobody has used, from the operating system."""
    return os.urandom(SEED_BYTES)


def following(seed: bytes) -> bytes:
    """Return the seed that comes after another one in a `SeedChain`: its SHA-256, with a label."""
    return hashlib.sha256(_NEXT + seed).digest()


class Once:
    """Tells whether what was put aside to be used once may still be, for it must not be used twice.

    It may not in a process that was forked off, nor after a minute, in which a virtual machine may have been set back.
    """

    def __init__(self) -> None:
        self._process, self._last = os.getpid(), time.time()

    def __call__(self) -> bool:
        """Return whether it may be used, and begin anew."""
        process, now = os.getpid(), time.time()
        allowed = process == self._process and 0 <= now - self._last < _IDLE_SECONDS
        self._process, self._last = process, now
        return allowed

    def __reduce__(self) -> NoReturn:
        raise TypeError("what is to be used once is not copied")


class SeedChain:
    """Seeds each of which tells the next one, so that a server can prepare for them; see `following` and `Once`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._allowed = Once()
        self._left = 0
        self._seed = b""

    def take(self) -> bytes:
        """Return the next seed; it is never returned again."""
        with self._lock:
            if self._allowed() and self._left:
                self._seed, self._left = following(self._seed), self._left - 1
            else:
                self._seed, self._left = new_seed(), _LONGEST
            return self._seed


def keystream(key: bytes, size: int, stream: int = 0, piece: int = 0) -> bytes:
    """Return bytes of AES-256 in counter mode, as GCM runs it; 16 more bytes follow, which mean nothing.

    A piece of at most 2^18 bytes is what AES-256-GCM makes of zeros under the nonce of ``stream`` (4 bytes) and
    ``piece`` (8 bytes, both big-endian). (The library's one call for GCM is faster than its three for CTR.)

    Args:
        key: 32 bytes.
        size: how many bytes, at most 2^18.
        stream: which of the key's streams, below 2^32.
        piece: which of the stream's pieces, below 2^64.
    """
    return AESGCM(key).encrypt(_NONCE.pack(stream, piece), _ZEROS[:size], None)


def uniform(seed: bytes, primes: tuple[int, ...], degree: int, count: int = 1) -> np.ndarray:
    """Return polynomials whose residues are uniform and independent, (count, primes, degree) uint64.

    For the prime of index i, stream 2i of the keystream, piece after piece of 2^18 bytes, is read as little-endian
    words, of 4 bytes for primes below 2^32 and of 8 for others, cut down to the prime's bits, one for each residue.
    Where a word is not below the prime, the next word of stream 2i + 1 that is takes its place.

    Args:
        seed: 32 bytes.
        primes: what the residues are below.
        degree: of each polynomial.
        count: how many polynomials.

    Raises:
        ShapeMismatch: a seed of another length.
    """
    if len(seed) != SEED_BYTES:
        raise ShapeMismatch(f"a seed of {len(seed)} bytes, where {SEED_BYTES} are expected")
    if len(primes) == 1:
        return _drawn(seed, primes[0], 0, count * degree).reshape(count, 1, degree)
    drawn = np.empty((count, len(primes), degree), np.uint64)
    for index, prime in enumerate(primes):
        drawn[:, index] = _drawn(seed, prime, 2 * index, count * degree).reshape(count, degree)
    return drawn


def _drawn(seed: bytes, prime: int, stream: int, count: int) -> np.ndarray:
    words = _words(seed, prime, stream, count)
    if np.maximum.reduce(words) >= prime:
        bad = words >= prime
        words[bad] = _below(seed, prime, stream + 1, int(bad.sum()))
    return words


def _words(seed: bytes, prime: int, stream: int, count: int) -> np.ndarray:
    """The first words of a stream, cut down to the prime's bits, uint64."""
    word, mask = _word(prime)
    each = _PIECE // word.itemsize
    if count <= each and word.itemsize == mask.itemsize:
        drawn: np.ndarray = np.frombuffer(keystream(seed, count * word.itemsize, stream), word, count) & mask
        return drawn
    made = np.empty(count, np.uint64)
    for piece, start in enumerate(range(0, count, each)):
        part = made[start : start + each]
        data = keystream(seed, len(part) * word.itemsize, stream, piece)
        np.bitwise_and(np.frombuffer(data, word, len(part)), mask, out=part)
    return made


@cache
def _word(prime: int) -> tuple[np.dtype[Any], np.uint64]:
    """How residues are read, and which of the bits."""
    return np.dtype("<u4" if prime < 1 << 32 else "<u8"), np.uint64((1 << prime.bit_length()) - 1)


def _below(seed: bytes, prime: int, stream: int, count: int) -> np.ndarray:
    """The first ``count`` words of a stream that are below the prime."""
    asked = 2 * count + 64
    while True:
        words = _words(seed, prime, stream, asked)
        words = words[words < prime]
        if len(words) >= count:
            return words[:count]
        asked *= 2


@dataclass(frozen=True, eq=False)
class Coefficients:
    """Whole numbers to encrypt, one in each coefficient.

    Args:
        values: (polynomials, degree) int64, each below half the modulus in size.
        scale: what real numbers were multiplied with.
    """

    values: np.ndarray
    scale: float


@dataclass(frozen=True, eq=False)
class Seeded:
    """A fresh ciphertext, or several that share a seed, without what the seed tells.

    Args:
        seed: 32 bytes; with the same secret key, never used twice.
        c0: the first polynomial, (primes, degree) uint64; of several, (count, primes, degree).
        scale: what real numbers were multiplied with.
        transformed: whether ``c0`` is held by values at roots of unity, or by its coefficients.
    """

    seed: bytes
    c0: np.ndarray
    scale: float
    transformed: bool = True

    def checked(self, chain: Chain) -> Seeded:
        """Return it, once it is known to be a ciphertext of this chain.

        Raises:
            ShapeMismatch: another degree, another number of primes, or a seed of another length.
            OutOfRange: a residue that is not below its prime.
        """
        if self.c0.dtype != np.uint64 or self.c0.ndim not in (2, 3) or self.c0.shape[-1] != chain.degree:
            raise ShapeMismatch(f"a ciphertext of shape {self.c0.shape}, where polynomials of {chain.degree} belong")
        if len(self.seed) != SEED_BYTES or not 1 <= self.c0.shape[-2] <= len(chain.levels) or not self.c0.size:
            raise ShapeMismatch(f"a ciphertext of {self.c0.shape[-2]} primes and a seed of {len(self.seed)} bytes")
        for index, prime in enumerate(chain.levels[: self.c0.shape[-2]]):
            if int(self.c0[..., index, :].max()) >= prime:
                raise OutOfRange("a residue is not below its prime")
        return self

    def c1(self, chain: Chain) -> np.ndarray:
        """Return what the seed tells, by values at roots of unity, in the shape of ``c0``."""
        primes, degree = self.c0.shape[-2:]
        drawn = uniform(self.seed, chain.levels[:primes], degree, self.c0.size // (primes * degree))
        return drawn.reshape(self.c0.shape)

    def expand(self, chain: Chain) -> Residues:
        """Return the ciphertext whole; of one ciphertext, not of several.

        Raises:
            ShapeMismatch: it holds several ciphertexts, or a seed of another length.
        """
        if self.c0.ndim != 2:
            raise ShapeMismatch(f"{len(self.c0)} ciphertexts that share a seed cannot be expanded as one")
        return Residues(np.stack([self.c0, self.c1(chain)]), self.scale, self.transformed)
