"""Encrypting whole numbers in coefficients: first halves from products with the secret, which SEAL gave.

Decision 13 tells why that is safe. Only clients need this.
"""

from __future__ import annotations

import math

import numpy as np

from casemate.controls.homomorphic.errors_sampling import errors
from casemate.controls.homomorphic.modular_products import added, moved, residues
from casemate.core.errors import OutOfRange


def hidden(
    products: np.ndarray, numbers: np.ndarray | int, primes: tuple[int, ...], out: np.ndarray | None = None
) -> np.ndarray:
    """Return whole numbers encrypted, as far as second halves are known: less products, less new errors.

    Args:
        products: second halves times the secret polynomial, by coefficients, (count, primes, degree) uint64.
        numbers: (count, degree) int64, of at most half the modulus in size; or 0.
        primes: what products are modulo.
        out: where to put it; a new array by default.

    Returns:
        First halves by coefficients, (count, primes, degree) uint64.
    """
    made = np.empty_like(products) if out is None else out
    drawn = numbers - errors(len(products), products.shape[2]).astype(np.int64)
    for index, prime in enumerate(primes):
        whole, twice = np.uint64(prime), np.uint64(2 * prime)
        rest = (drawn if len(primes) == 1 else residues(drawn, prime)).view(np.uint64) - products[:, index]
        rest += twice  # from more than -1.5 p to less than 1.5 p before, by the errors at most
        np.minimum(rest, rest - whole, out=rest)
        np.minimum(rest, rest - whole, out=made[:, index])
    return made


def shifted(heads: np.ndarray, numbers: np.ndarray, primes: tuple[int, ...]) -> np.ndarray:
    """Return first halves with whole numbers added, (count, primes, degree) uint64.

    Args:
        heads: by coefficients, (count, primes, degree) uint64.
        numbers: (count, degree) int64.
        primes: what they are modulo.

    Raises:
        OutOfRange: a number that is not below half of the modulus in size.
    """
    most = math.prod(primes) // 2
    if most < 1 << 62 and max(int(np.maximum.reduce(numbers, None)), -int(np.minimum.reduce(numbers, None))) > most:
        raise OutOfRange("whole numbers that do not fit the modulus")
    if len(primes) == 1:
        return moved(heads, numbers[:, None], primes[0])
    made = np.empty_like(heads)
    for index, prime in enumerate(primes):
        made[:, index] = added(residues(numbers, prime), heads[:, index], prime)
    return made
