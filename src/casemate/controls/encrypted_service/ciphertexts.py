"""Ciphertexts as bytes: level, scale and residues, each residue in as many bytes as its prime needs.

Either both polynomials are there, or the first one and the 32 bytes that the second one is drawn from; several
ciphertexts may share a seed. Where residues come from outside, each is held against its prime, and the second
polynomial must not vanish: a ciphertext whose second polynomial is zero hides nothing.
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
from casemate.controls.homomorphic.seeds import SEED_BYTES, Seeded
from casemate.core.errors import BadEnvelope, LevelMismatch, NotCanonical

_ENTRY = struct.Struct("<BBHId")
_COUNT = struct.Struct("<I")
_WORD = 8

Ciphertext = Seeded | Residues


@dataclass(frozen=True)
class Form:
    """What every ciphertext of a message has to look like.

    Args:
        chain: degree and primes.
        level: how many primes it is modulo.
        scale: what real numbers were multiplied with.
        seeded: whether a seed stands for the second polynomial.
        transformed: whether polynomials are held by their values at roots of unity, or by their coefficients.
        together: how many ciphertexts share a seed, and make one entry; 1 where there is no seed.
        kept: where the first polynomial is 0 but for these coefficients, which alone are written; else empty.
    """

    chain: Chain
    level: int
    scale: float
    seeded: bool = False
    transformed: bool = True
    together: int = 1
    kept: tuple[int, ...] = ()

    @property
    def primes(self) -> tuple[int, ...]:
        """The primes it is modulo."""
        return self.chain.levels[: self.level]

    @cached_property
    def entry_bytes(self) -> int:
        """Bytes of one entry."""
        return _ENTRY.size + self.seeded * SEED_BYTES + sum(polynomial_bytes(self.primes, size) for size in self.sizes)

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many coefficients of each polynomial of an entry are written."""
        degree = self.chain.degree
        return (degree,) * self.together if self.seeded else (len(self.kept) or degree, degree)

    @cached_property
    def _kept(self) -> np.ndarray:
        return np.array(self.kept, np.int64)

    def cut(self, polynomials: np.ndarray) -> list[np.ndarray]:
        """Return what is written of the polynomials of an entry, (count, primes, degree)."""
        first, *others = polynomials
        return [np.ascontiguousarray(first[:, self._kept]) if self.kept else first, *others]

    def whole(self, polynomials: list[np.ndarray]) -> np.ndarray:
        """Return the polynomials of an entry, (count, primes, degree), of what was written."""
        made = np.empty((len(polynomials), self.level, self.chain.degree), np.uint64)
        if self.kept:
            made[0] = 0
            made[0][:, self._kept], polynomials = polynomials[0], polynomials[1:]
        made[len(made) - len(polynomials) :] = polynomials
        return made

    @cached_property
    def entry(self) -> bytes:
        """What every entry begins with."""
        flags = self.seeded + 2 * self.transformed + 4 * bool(self.kept)
        return _ENTRY.pack(flags, 1 if self.seeded else 2, self.level, self.together, self.scale)

    def size(self, count: int) -> int:
        """Return the bytes of a body with so many entries."""
        return _COUNT.size + count * self.entry_bytes

    def fits(self, ciphertext: Ciphertext) -> bool:
        """Return whether a ciphertext looks as the form says; SEAL's scale may differ in its last digits."""
        if not math.isclose(ciphertext.scale, self.scale) or ciphertext.transformed != self.transformed:
            return False
        one = (self.level, self.chain.degree)
        if isinstance(ciphertext, Seeded):
            shapes = ((self.together, *one), one)[: 2 if self.together == 1 else 1]
            return self.seeded and ciphertext.c0.shape in shapes and len(ciphertext.seed) == SEED_BYTES
        return not self.seeded and ciphertext.values.shape == (2, *one)


def packed(ciphertexts: Sequence[Ciphertext], form: Form) -> bytes:
    """Return the body that holds these ciphertexts, with the form's own scale.

    Raises:
        LevelMismatch: they do not look as the form says.
    """
    parts = [_COUNT.pack(len(ciphertexts))]
    for ciphertext in ciphertexts:
        if not form.fits(ciphertext):
            raise LevelMismatch(f"a ciphertext of scale {ciphertext.scale:g} that is none of the form {form}")
        parts.append(form.entry)
        if isinstance(ciphertext, Seeded):
            parts.append(ciphertext.seed)
            polynomials = ciphertext.c0.reshape(form.together, form.level, form.chain.degree)
        else:
            polynomials = ciphertext.values
        parts.extend(packed_polynomial(polynomial, form.primes) for polynomial in form.cut(polynomials))
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
        raise BadEnvelope(f"a body of {len(body):,} bytes with {count:,} ciphertexts of {form.entry_bytes:,} bytes")
    starts = range(_COUNT.size, len(body), form.entry_bytes)
    return [_ciphertext(body[start : start + form.entry_bytes], form) for start in starts]


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
    if data[: _ENTRY.size] != form.entry:
        raise LevelMismatch(_told(data, form), why="the program takes ciphertexts of one form only")
    data = data[_ENTRY.size :]
    seed, data = (bytes(data[:SEED_BYTES]), data[SEED_BYTES:]) if form.seeded else (b"", data)
    written = []
    for count in form.sizes:
        size = polynomial_bytes(form.primes, count)
        written.append(unpacked_polynomial(data[:size], form.primes, count))
        data = data[size:]
    found = form.whole(written)
    if form.seeded:
        return Seeded(seed, found[0] if form.together == 1 else found, form.scale, form.transformed)
    if not found[1].any(axis=1).all():
        raise NotCanonical("a ciphertext whose second polynomial is zero", why="it would hide nothing")
    return Residues(found, form.scale, form.transformed)


def _told(data: memoryview, form: Form) -> str:
    flags, polynomials, level, together, scale = _ENTRY.unpack_from(data)
    return (
        f"a ciphertext of level {level}, scale {scale:g}, {polynomials} polynomials, {together} together, "
        f"flags {flags}; expected are level {form.level}, scale {form.scale:g}, {form.together} together, "
        f"flags {form.entry[0]}"
    )


def _width(prime: int) -> int:
    return -(-prime.bit_length() // 8)
