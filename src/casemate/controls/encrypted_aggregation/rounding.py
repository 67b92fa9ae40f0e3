"""The last step of BFV's decryption, on numbers that are public by then: from (q / t) M + E back to M.

Source: Halevi, Polyakov & Shoup, "An Improved RNS Variant of the BFV Homomorphic Encryption Scheme", CT-RSA 2019,
section 2; written with the centred remainder z of t d modulo q: (t d - z) / q is M, so that M = -z / q modulo t.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def rounded(values: np.ndarray, primes: Sequence[int], plain: int) -> tuple[np.ndarray, float]:
    """Return round(t d / q) modulo t, and how large the errors are that were rounded away.

    Args:
        values: d by its residues, (primes, n) uint64.
        primes: whose product is q, of at most 56 bits each.
        plain: t, of at most 56 bits.

    Returns:
        (n,) uint64, and the largest error as a share of what would decrypt to something else, 0 to 1.
    """
    q = math.prod(primes)
    remainder, shares = np.zeros(values.shape[1], np.uint64), np.zeros(values.shape[1])
    for row, prime in zip(values, primes, strict=True):
        others = q // prime
        digit = product(row, plain * pow(others, -1, prime) % prime, prime)
        shares += digit / prime
        remainder += product(digit % np.uint64(plain), others % plain, plain)
    # The planned errors keep the shares' sum away from halves by far more than float64 is off.
    times = np.rint(shares)
    remainder += product(times.astype(np.uint64), -q % plain, plain)
    largest = float(np.abs(shares - times).max()) * 2
    return product(remainder % np.uint64(plain), -pow(q, -1, plain) % plain, plain), largest


def product(values: np.ndarray, factor: int, modulus: int) -> np.ndarray:
    """Return values times a factor modulo a number of at most 56 bits, uint64; both are below it.

    The quotient in float64 is off by less than 64, so that the remainder, computed modulo 2^64, is right but for as
    many times the modulus, which fits into 63 bits.
    """
    quotient = (values.astype(np.float64) * (factor / modulus)).astype(np.uint64)
    rest = values * np.uint64(factor) - quotient * np.uint64(modulus)
    return np.remainder(rest.view(np.int64), np.int64(modulus)).view(np.uint64)
