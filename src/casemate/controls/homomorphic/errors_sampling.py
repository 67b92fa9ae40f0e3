"""Errors, ternary polynomials and flooding noise, from AES-256-CTR under a key of the operating system's each time.

The errors are SEAL's default: a centred binomial distribution of 21 + 21 bits (microsoft/SEAL,
native/src/seal/util/rlwe.cpp, ``sample_poly_cbd``), of variance 10.5 and standard deviation 3.24, which is what the
tables of `casemate.controls.homomorphic.security` are for. The difference of two counts of 21 bits each is distributed
as one count of 42 bits less 21, for a bit and its complement are alike.
"""

from __future__ import annotations

import math
import os

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

ERROR_BITS = 21
ERROR_VARIANCE = ERROR_BITS / 2
FAILURE_BITS = 64
"""Bounds on errors fail with a probability of at most 2^-64."""

MOST_FLOODING_BITS = 61

_COUNTED = np.uint64((1 << 2 * ERROR_BITS) - 1)
_THRICE = 255
_KEY_BYTES = 32
_BLOCK_BYTES = 16


def error_bound(weights_squared: float) -> float:
    """Return what a weighted sum of independent errors exceeds in size with a probability of at most 2^-64.

    A centred binomial is sub-Gaussian with its own variance: P(|sum| > t) <= 2 exp(-t^2 / (2 variance)) (Hoeffding,
    JASA 1963, theorem 2, for the bits it is made of).

    Args:
        weights_squared: the sum of the squares of the weights.
    """
    return math.sqrt(2 * math.log(2) * (FAILURE_BITS + 1) * ERROR_VARIANCE * weights_squared)


def errors(*shape: int) -> np.ndarray:
    """Return errors, int8 of the shape, from -21 to 21."""
    count = math.prod(shape)
    words = _fresh(8 * count).view(np.uint64)
    ones: np.ndarray = np.bitwise_count(words & _COUNTED).view(np.int8)
    ones -= np.int8(ERROR_BITS)
    return ones.reshape(shape)


def ternary(*shape: int) -> np.ndarray:
    """Return numbers that are -1, 0 and 1, each as likely, int8 of the shape."""
    count = math.prod(shape)
    found = np.empty(0, np.uint8)
    while len(found) < count:
        drawn = _fresh(count - len(found) + 64)
        found = np.concatenate([found, drawn[drawn < _THRICE]])  # 255 is three times 85: all three are as likely
    low, high = found[:count] >= _THRICE // 3, found[:count] >= _THRICE // 3 * 2
    return np.asarray(low.view(np.int8) + high.view(np.int8) - np.int8(1)).reshape(shape)


def flooding(bits: int, *shape: int) -> np.ndarray:
    """Return noise that drowns errors: uniform from -2^bits to 2^bits - 1, int64 of the shape.

    Args:
        bits: 0 to 61; 0 bits give no noise at all.
    """
    if not bits:
        return np.zeros(shape, np.int64)
    words = _fresh(8 * math.prod(shape)).view(np.uint64)
    return (words >> np.uint64(63 - bits)).view(np.int64).reshape(shape) - np.int64(1 << bits)


def _fresh(size: int) -> np.ndarray:
    """Bytes under a key that is used this once: nothing to share with a process that was forked off."""
    cipher = Cipher(algorithms.AES256(os.urandom(_KEY_BYTES)), modes.CTR(bytes(_BLOCK_BYTES))).encryptor()
    return np.frombuffer(cipher.update(bytes(size)), np.uint8)
