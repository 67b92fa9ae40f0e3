"""Residues: ciphertexts and plaintexts as arrays of numbers modulo each prime, and back into SEAL's objects.

SEAL's uncompressed serialisation is a fixed header and the residues, little-endian; it is all that the binding gives
away. Everything here is public: a ciphertext, or a plaintext that the caller holds anyway.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from casemate.controls.homomorphic.library import library

if TYPE_CHECKING:
    from casemate.controls.homomorphic.context import Context

MAGIC = b"\x5e\xa1\x10\x04\x04\x00\x00\x00"  # SEAL, header of 16 bytes, version 4.4, not compressed
HEAD = struct.Struct("<8sQ")
CIPHERTEXT = struct.Struct("<32sBQQQdQ")
"""What SEAL serialises begins with: its mark and the size of all; and of a ciphertext, what it says before residues."""

_PLAINTEXT = struct.Struct("<32sQd")
_ARRAY = struct.Struct("<8sQQ")


@dataclass(frozen=True, eq=False)
class Residues:
    """A ciphertext as numbers.

    Args:
        values: (polynomials, primes, degree) uint64, each below its prime.
        scale: what real numbers were multiplied with; 1 for BFV.
        transformed: whether the first polynomial is held by its values at roots of unity (NTT), as SEAL has it in CKKS,
            or by its coefficients. The others are held by values in CKKS, by coefficients in BFV.
    """

    values: np.ndarray
    scale: float
    transformed: bool = True

    @property
    def level(self) -> int:
        """How many primes it is modulo."""
        return int(self.values.shape[1])


def residues_of(ciphertext: Any) -> Residues:
    """Return what a SEAL ciphertext holds; a copy."""
    data = ciphertext.to_string()
    _, transformed, polynomials, degree, primes, scale, _ = CIPHERTEXT.unpack_from(data, HEAD.size)
    values = np.frombuffer(data, "<u8", offset=HEAD.size + CIPHERTEXT.size + _ARRAY.size)
    return Residues(values.reshape(polynomials, primes, degree), scale, bool(transformed))


def ciphertext_of(residues: Residues, context: Context) -> Any:
    """Return a SEAL ciphertext of these residues; SEAL checks them against the context.

    Raises:
        ValueError: what SEAL says of residues that are no ciphertext of this context.
    """
    body = np.asarray(residues.values, "<u8").tobytes()
    made = library().Ciphertext()
    head = _ciphertext_head(context, residues.values.shape, residues.scale, residues.transformed)
    _loaded(made, context, head + body)
    return made


@lru_cache(maxsize=64)
def _ciphertext_head(context: Context, shape: tuple[int, int, int], scale: float, transformed: bool) -> bytes:
    """What SEAL's serialisation of a ciphertext has before its residues."""
    polynomials, primes, degree = shape
    numbers = polynomials * primes * degree
    inner = _ARRAY.pack(MAGIC, _ARRAY.size + 8 * numbers, numbers)
    told = CIPHERTEXT.pack(_parms_bytes(context, primes), transformed, polynomials, degree, primes, scale, 1)
    return HEAD.pack(MAGIC, HEAD.size + len(told) + len(inner) + 8 * numbers) + told + inner


def plain_residues_of(plaintext: Any, degree: int) -> tuple[np.ndarray, float]:
    """Return the residues of a CKKS plaintext, (primes, degree) uint64, and its scale."""
    data = plaintext.to_bytes()
    _, _, scale = _PLAINTEXT.unpack_from(data, HEAD.size)
    values = np.frombuffer(data, "<u8", offset=HEAD.size + _PLAINTEXT.size + _ARRAY.size)
    return values.reshape(-1, degree), scale


def plaintext_of(values: np.ndarray, scale: float, context: Context) -> Any:
    """Return a CKKS plaintext of residues, (primes, degree) uint64, held by values at roots of unity.

    Raises:
        ValueError: what SEAL says of residues that are no plaintext of this context.
    """
    body = np.ascontiguousarray(values, "<u8").tobytes()
    inner = _ARRAY.pack(MAGIC, _ARRAY.size + len(body), len(body) // 8)
    told = _PLAINTEXT.pack(_parms_bytes(context, len(values)), len(body) // 8, scale)
    size = HEAD.size + len(told) + len(inner) + len(body)
    made = library().Plaintext()
    _loaded(made, context, b"".join((HEAD.pack(MAGIC, size), told, inner, body)))
    return made


def _parms_bytes(context: Context, primes: int) -> bytes:
    return struct.pack("<4Q", *context.parms_id(primes))


def _loaded(made: Any, context: Context, data: bytes) -> None:
    try:
        made.load_bytes(context.seal, data)
    except RuntimeError as error:
        raise ValueError(str(error)) from error
