"""Modular products: x·w + z modulo a prime of at most 51 bits, number by number, in numpy alone.

The quotient is estimated in floating point, and x·w - q·p is taken modulo 2^64, where it is exact once it fits
(Barrett's reduction with a floating-point inverse). Let y = x·w / p, which is below 2^51. Rounding w / p, and its
product with x, errs by less than 1/4 + 1/8; adding 2^52 + 1, whose unit in the last place is 1, rounds to a whole
number and errs by 1/2. With q one less than that whole number, y - 2 < q < y, so that x·w - q·p lies between 0 and 2 p;
with z it is below 3 p, and p is taken away twice where it can be. The whole number is read off the bits of the sum,
which are those of 2^52 + 2 plus q; that constant times p is added to z beforehand.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from casemate.core.errors import OutOfRange

MOST_BITS = 51
"""Bits of the largest primes whose products are exact here."""

_SHIFT = 2.0**52 + 1
_BITS = int(np.float64(2.0**52 + 2).view(np.uint64))


@dataclass(frozen=True, eq=False)
class Factors:
    """Numbers below a prime that others are multiplied with, again and again.

    Args:
        values: uint64 below the prime, of any shape.
        prime: of at most 51 bits.

    Raises:
        OutOfRange: a prime with more bits.
    """

    values: np.ndarray
    prime: int

    def __post_init__(self) -> None:
        if self.prime.bit_length() > MOST_BITS:
            raise OutOfRange(
                f"a prime of {self.prime.bit_length()} bits",
                why=f"products are exact for primes of at most {MOST_BITS} bits",
                fix="a chain of smaller primes",
            )
        object.__setattr__(self, "_shares", self.values.astype(np.float64) / self.prime)

    def times(self, numbers: np.ndarray, plus: np.ndarray | int = 0) -> np.ndarray:
        """Return numbers·values + plus modulo the prime, uint64 of the shape that they broadcast to.

        Args:
            numbers, plus: uint64 below the prime; plus no larger in shape than the products.
        """
        product, rest = self._products(numbers)
        product += awaiting(plus, self.prime)
        self._reduce(product, rest, product)
        return product

    def multiply(self, numbers: np.ndarray, into: np.ndarray) -> None:
        """Add numbers·values to what awaits them, modulo the prime.

        Args:
            numbers: uint64 below the prime.
            into: what `awaiting` returned, of the shape of the products; they are left there.
        """
        product, rest = self._products(numbers)
        product += into
        self._reduce(product, rest, into)

    def dot(self, numbers: np.ndarray) -> int:
        """Return the scalar product with numbers, modulo the prime.

        Args:
            numbers: uint64 below the prime, of the shape of the values, at most 4,096 of them.
        """
        product, _ = self._products(numbers)
        total = int(np.add.reduce(product, None)) + product.size * (_BITS * self.prime)  # each term is below 2^52
        return total % (1 << 64) % self.prime

    def _products(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Products between 0 and 2 p once `_BITS` times p is added, and room of their shape."""
        quotient = np.multiply(self._shares, numbers.astype(np.float64))  # type: ignore[attr-defined]
        quotient += _SHIFT
        rest = quotient.view(np.uint64)
        rest *= np.uint64(self.prime)
        product = np.multiply(numbers, self.values)
        product -= rest
        return product, rest

    def _reduce(self, product: np.ndarray, rest: np.ndarray, into: np.ndarray) -> None:
        prime = np.uint64(self.prime)
        np.subtract(product, prime, out=rest)
        np.minimum(product, rest, out=product)
        np.subtract(product, prime, out=rest)
        np.minimum(product, rest, out=into)


def awaiting(values: np.ndarray | int, prime: int) -> np.ndarray:
    """Return numbers below a prime, uint64, in the form that `Factors.multiply` adds products to."""
    return np.asarray(values, np.uint64) + np.uint64(_BITS * prime % (1 << 64))


def added(first: np.ndarray, second: np.ndarray, prime: int) -> np.ndarray:
    """Return the sums of numbers below a prime of at most 63 bits, modulo it, uint64."""
    total: np.ndarray = np.add(first, second)
    np.minimum(total, total - np.uint64(prime), out=total)
    return total


def subtracted(first: np.ndarray, second: np.ndarray, prime: int) -> np.ndarray:
    """Return the differences of numbers below a prime of at most 63 bits, modulo it, uint64."""
    rest: np.ndarray = np.subtract(first, second)
    np.minimum(rest, rest + np.uint64(prime), out=rest)
    return rest


def moved(values: np.ndarray, numbers: np.ndarray, prime: int) -> np.ndarray:
    """Return numbers below a prime with signed ones added, modulo it, uint64.

    Args:
        values: uint64 below the prime, of at most 62 bits.
        numbers: int64, of at most half the prime in size.
        prime: what they are reduced by.
    """
    total: np.ndarray = values + numbers.view(np.uint64)
    np.minimum(total, total + np.uint64(prime), out=total)
    np.minimum(total, total - np.uint64(prime), out=total)
    return total


def residues(whole: np.ndarray, prime: int) -> np.ndarray:
    """Return signed whole numbers modulo a prime of at most 62 bits, uint64.

    Args:
        whole: int64, or smaller.
        prime: what they are reduced by.
    """
    return np.asarray(np.remainder(whole.astype(np.int64), np.int64(prime)).view(np.uint64))


def small_residues(whole: np.ndarray, prime: int) -> np.ndarray:
    """Return the same of numbers that are below the prime in size, sooner."""
    signed = whole.astype(np.int64, copy=False).view(np.uint64)
    return np.asarray(np.minimum(signed, signed + np.uint64(prime)))
