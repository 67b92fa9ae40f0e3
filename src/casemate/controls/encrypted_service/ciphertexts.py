"""Ciphertexts as bytes: level, scale and residues, each residue in as many bytes as its prime needs.

Either both polynomials are there, or the first one and the 32 bytes that the second one is drawn from. Where residues
come from outside, each is held against its prime, and the second polynomial must not vanish: a ciphertext whose second
polynomial is zero hides nothing.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from casemate.controls.homomorphic.chain import Chain
from casemate.controls.homomorphic.residues import Residues
from casemate.core.errors import BadEnvelope, LevelMismatch, NotCanonical

SEED_BYTES = 32

_ENTRY = struct.Struct("<BBHd")
_COUNT = struct.Struct("<I")
_WORD = 8


@dataclass(frozen=True, eq=False)
class SeededCiphertext:
    """A fresh ciphertext whose second polynomial is drawn from a seed.

    Args:
        values: the first polynomial, (primes, degree) uint64.
        seed: 32 bytes, never used twice.
        scale: what real numbers were multiplied with.
    """

    values: np.ndarray
    seed: bytes
    scale: float


Ciphertext = SeededCiphertext | Residues


@dataclass(frozen=True)
class Form:
    """What every ciphertext of a message has to look like.

    Args:
        chain: degree and primes.
        level: how many primes it is modulo.
        scale: what real numbers were multiplied with.
        seeded: whether a seed stands for the second polynomial.
    """

    chain: Chain
    level: int
    scale: float
    seeded: bool = False

    @property
    def primes(self) -> tuple[int, ...]:
        """The primes it is modulo."""
        return self.chain.levels[: self.level]

    @cached_property
    def bytes(self) -> int:
        """Bytes of one ciphertext."""
        polynomial = polynomial_bytes(self.primes, self.chain.degree)
        return _ENTRY.size + (polynomial + SEED_BYTES if self.seeded else 2 * polynomial)

    def size(self, count: int) -> int:
        """Return the bytes of a body with so many ciphertexts."""
        return _COUNT.size + count * self.bytes


def packed(ciphertexts: Sequence[Ciphertext], form: Form) -> bytes:
    """Return the body that holds these ciphertexts, with the form's own scale: SEAL's differs in its last digits.

    Raises:
        LevelMismatch: they do not look as the form says.
    """
    parts = [_COUNT.pack(len(ciphertexts))]
    for ciphertext in ciphertexts:
        seeded = isinstance(ciphertext, SeededCiphertext)
        values = ciphertext.values[None] if seeded else ciphertext.values
        wanted = (1 if form.seeded else 2, form.level, form.chain.degree)
        if seeded != form.seeded or values.shape != wanted or not math.isclose(ciphertext.scale, form.scale):
            raise LevelMismatch(
                f"a ciphertext of shape {values.shape} and scale {ciphertext.scale:g}, "
                f"where {wanted} and {form.scale:g} are expected"
            )
        parts.append(_entry(form))
        if isinstance(ciphertext, SeededCiphertext):
            parts.append(ciphertext.seed)
        parts.extend(packed_polynomial(polynomial, form.primes) for polynomial in values)
    return b"".join(parts)


def unpacked(body: memoryview, form: Form) -> list[Ciphertext]:
    """Return the ciphertexts of a body.

    Args:
        body: as long as `Form.size` says for some number of ciphertexts.
        form: what they must look like.

    Raises:
        BadEnvelope: another length than the number of ciphertexts makes.
        LevelMismatch: another level, scale or form.
        NotCanonical: a residue that is not below its prime, or a second polynomial that is zero.
    """
    (count,) = _COUNT.unpack_from(body) if len(body) >= _COUNT.size else (0,)
    if len(body) != form.size(count) or not count:
        raise BadEnvelope(f"a body of {len(body):,} bytes with {count:,} ciphertexts of {form.bytes:,} bytes")
    starts = range(_COUNT.size, len(body), form.bytes)
    return [_ciphertext(body[start : start + form.bytes], form) for start in starts]


def polynomial_bytes(primes: Sequence[int], degree: int) -> int:
    """Return the bytes of one polynomial modulo these primes."""
    return degree * sum(map(_width, primes))


def packed_polynomial(values: np.ndarray, primes: Sequence[int]) -> bytes:
    """Return one polynomial, (primes, degree) uint64, each residue in whole bytes."""
    rows = zip(np.ascontiguousarray(values, "<u8"), primes, strict=True)
    return b"".join(row.view(np.uint8).reshape(-1, _WORD)[:, : _width(prime)].tobytes() for row, prime in rows)


def unpacked_polynomial(data: memoryview, primes: Sequence[int], degree: int) -> np.ndarray:
    """Return one polynomial, (primes, degree) uint64.

    Args:
        data: `polynomial_bytes` bytes.

    Raises:
        NotCanonical: a residue that is not below its prime.
    """
    values = np.empty((len(primes), degree), np.uint64)
    start = 0
    for row, prime in zip(values, primes, strict=True):
        width = _width(prime)
        part = bytes(data[start : start + width * degree]) + bytes(_WORD - width)
        words = np.ndarray((degree,), "<u8", part, strides=(width,))  # each word runs into the residues that follow
        np.bitwise_and(words, np.uint64((1 << 8 * width) - 1), out=row)
        if int(row.max()) >= prime:
            raise NotCanonical("a residue is not below its prime")
        start += width * degree
    return values


def _ciphertext(data: memoryview, form: Form) -> Ciphertext:
    if data[: _ENTRY.size] != _entry(form):
        raise LevelMismatch(_told(data, form), why="the program takes ciphertexts of one form only")
    data = data[_ENTRY.size :]
    primes, degree = form.primes, form.chain.degree
    if form.seeded:
        values = unpacked_polynomial(data[SEED_BYTES:], primes, degree)
        return SeededCiphertext(values, bytes(data[:SEED_BYTES]), form.scale)
    half = len(data) // 2
    both = [unpacked_polynomial(part, primes, degree) for part in (data[:half], data[half:])]
    if not both[1].any(axis=1).all():
        raise NotCanonical("a ciphertext whose second polynomial is zero", why="it would hide nothing")
    return Residues(np.stack(both), form.scale, transformed=form.chain.scheme == "ckks")


def _entry(form: Form) -> bytes:
    return _ENTRY.pack(form.seeded, 1 if form.seeded else 2, form.level, form.scale)


def _told(data: memoryview, form: Form) -> str:
    seeded, polynomials, level, scale = _ENTRY.unpack_from(data)
    return (
        f"a ciphertext of level {level}, scale {scale:g}, {polynomials} polynomials, seeded: {bool(seeded)}; "
        f"expected are level {form.level}, scale {form.scale:g}, seeded: {form.seeded}"
    )


def _width(prime: int) -> int:
    return -(-prime.bit_length() // 8)
