"""SEAL's public keys and BFV plaintexts as numbers, and back; both are public here.

Layouts: SEAL 4.4, ``native/src/seal/ciphertext.cpp`` and ``plaintext.cpp``, not compressed; as in
``homomorphic.residues``.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from casemate.core.errors import BadEnvelope

if TYPE_CHECKING:
    from casemate.controls.homomorphic.context import Context

_MAGIC = b"\x5e\xa1\x10\x04\x04\x00\x00\x00"  # SEAL, header of 16 bytes, version 4.4, not compressed
_HEAD = struct.Struct("<8sQ")
_CIPHERTEXT = struct.Struct("<32sBQQQdQ")
_PLAINTEXT = struct.Struct("<32sQd")
_ARRAY = struct.Struct("<8sQQ")


def public_residues(key: Any, context: Context) -> np.ndarray:
    """Return what a SEAL public key holds, (2, all primes, degree) uint64, as values at roots of unity."""
    values = np.frombuffer(key.to_string(), "<u8", offset=_HEAD.size + _CIPHERTEXT.size + _ARRAY.size)
    return values.reshape(2, len(context.chain.primes), context.chain.degree)


def public_key_of(values: np.ndarray, context: Context) -> Any:
    """Return a SEAL public key of residues, (2, all primes, degree) uint64, each below its prime.

    Raises:
        BadEnvelope: SEAL refuses them.
    """
    level = struct.pack("<4Q", *context.seal.key_context_data().parms_id())
    told = _CIPHERTEXT.pack(level, True, 2, context.chain.degree, len(context.chain.primes), 1.0, 1)
    try:
        return context.seal.from_public_str(_serialised(told, values))
    except (RuntimeError, ValueError) as error:
        raise BadEnvelope(f"SEAL refuses the joint key: {error}") from error


def slots_of(coefficients: np.ndarray, context: Context) -> np.ndarray:
    """Return the slots, (degree,) uint64, of a BFV plaintext's coefficients, (degree,) uint64 below t."""
    told = _PLAINTEXT.pack(bytes(32), len(coefficients), 1.0)
    plain = context.seal.from_plain_str(_serialised(told, coefficients))
    return np.asarray(context.batcher.decode_uint64(plain))


def _serialised(told: bytes, values: np.ndarray) -> bytes:
    body = np.ascontiguousarray(values, "<u8").tobytes()
    inner = _ARRAY.pack(_MAGIC, _ARRAY.size + len(body), len(body) // 8)
    return b"".join((_HEAD.pack(_MAGIC, _HEAD.size + len(told) + len(inner) + len(body)), told, inner, body))
