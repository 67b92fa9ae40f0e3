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
        written = sum(count * polynomial_bytes(self.primes, size) for count, size in self.sizes)
        return _ENTRY.size + self.seeded * SEED_BYTES + written

    @property
    def residue_bytes(self) -> int:
        """Bytes of one polynomial in memory."""
        return _WORD * self.level * self.chain.degree

    @property
    def sizes(self) -> tuple[tuple[int, int], ...]:
        """Polynomials of an entry, and how many of their coefficients are written; see `cut`."""
        degree = self.chain.degree
        if self.kept:
            return (1, len(self.kept)), (1, degree)
        return ((self.together if self.seeded else 2, degree),)

    @cached_property
    def _kept(self) -> np.ndarray:
        return np.array(self.kept, np.int64)

    def cut(self, polynomials: np.ndarray) -> list[np.ndarray]:
        """Return what is written of the polynomials of an entry, (count, primes, degree): those of one length each."""
        return [polynomials[:1, :, self._kept], polynomials[1:]] if self.kept else [polynomials]

    def whole(self, written: list[np.ndarray]) -> np.ndarray:
        """Return the polynomials of an entry, (count, primes, degree), of what `cut` told."""
        if not self.kept:
            return written[0]
        first, others = written
        made = np.zeros((1 + len(others), *others.shape[1:]), np.uint64)
        made[0][:, self._kept] = first[0]
        made[1:] = others
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
        parts.extend(packed_polynomials(alike, form.primes) for alike in form.cut(polynomials))
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


def packed_polynomials(values: np.ndarray, primes: Sequence[int]) -> bytes:
    """Return polynomials, (count, primes, degree) uint64, one after the other, each residue in whole bytes."""
    count, _, degree = values.shape
    each = polynomial_bytes(primes, degree)
    made = np.empty(count * each, np.uint8)
    start = 0
    for index, prime in enumerate(primes):
        width, place = _width(prime), 0
        while place < width:  # in words of 8, 4, 2 and 1 bytes, as they fit
            size = 1 << (width - place).bit_length() - 1
            into = np.ndarray((count, degree), f"<u{size}", made, start + place, (each, width))
            into[:] = values[:, index] >> np.uint64(8 * place) if place else values[:, index]
            place += size
        start += width * degree
    return made.tobytes()


def unpacked_polynomials(data: memoryview, primes: Sequence[int], degree: int, count: int = 1) -> np.ndarray:
    """Return polynomials, (count, primes, degree) uint64.

    Args:
        data: `polynomial_bytes` bytes for each.
        primes: what residues are below.
        degree: residues of each prime.
        count: how many polynomials.

    Raises:
        NotCanonical: a residue that is not below its prime.
    """
    values, each = np.empty((count, len(primes), degree), np.uint64), polynomial_bytes(primes, degree)
    padded = bytes(data) + bytes(_WORD)
    start = 0
    for index, prime in enumerate(primes):
        width, row = _width(prime), values[:, index]
        # each word runs into the residues that follow
        words = np.ndarray((count, degree), "<u8", padded, start, (each, width))
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
    for count, length in form.sizes:
        size = count * polynomial_bytes(form.primes, length)
        written.append(unpacked_polynomials(data[:size], form.primes, length, count))
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
