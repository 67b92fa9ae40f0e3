"""Residues as bytes, and their sums: what a server does with ciphertexts, without any key."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from casemate.core.errors import NotCanonical

_WORD = 8


def packed(values: np.ndarray, width: int) -> bytes:
    """Return residues, uint64 of any shape, in so many bytes each."""
    return np.ascontiguousarray(values, "<u8").view(np.uint8).reshape(-1, _WORD)[:, :width].tobytes()


def unpacked(data: memoryview, shape: tuple[int, ...], width: int, primes: Sequence[int]) -> np.ndarray:
    """Return residues of bytes, uint64.

    Args:
        data: ``width`` bytes for each residue.
        shape: of the residues; the last two axes are primes and coefficients.
        width: bytes of a residue.
        primes: what each stays below.

    Raises:
        NotCanonical: a residue that is not below its prime.
    """
    if width in (4, _WORD):
        values = np.frombuffer(data, f"<u{width}").astype(np.uint64).reshape(shape)
        check_below(values, primes)
        return values
    count = len(data) // width
    whole = (len(data) - _WORD) // width + 1  # words that end within the data
    values = np.empty(count, np.uint64)
    words = np.ndarray((whole,), "<u8", data, strides=(width,))  # each runs into the residues that follow
    np.bitwise_and(words, np.uint64((1 << 8 * width) - 1), out=values[:whole])
    for place in range(whole, count):
        values[place] = int.from_bytes(data[place * width : (place + 1) * width], "little")
    values = values.reshape(shape)
    check_below(values, primes)
    return values


def check_below(values: np.ndarray, primes: Sequence[int]) -> None:
    """Raise NotCanonical where a residue, (..., primes, degree) uint64, is not below its prime."""
    for place, prime in enumerate(primes):
        if int(values[..., place, :].max()) >= prime:
            raise NotCanonical("a residue is not below its prime", why="the same number could be written in two ways")


def check_hiding(values: np.ndarray) -> None:
    """Raise NotCanonical where a ciphertext, in (ciphertexts, 2, primes, degree), has no second polynomial."""
    if not values[:, 1].any(axis=-1).all():
        raise NotCanonical("a ciphertext whose second polynomial is zero", why="it would hide nothing")


def added(first: np.ndarray, second: np.ndarray, primes: Sequence[int]) -> np.ndarray:
    """Return sums of residues, (..., primes, degree) uint64, without branches or divisions that depend on them."""
    total = first + second
    # A sum below its prime wraps to a large number when the prime is subtracted.
    return np.asarray(np.minimum(total, total - np.array(primes, np.uint64)[:, None]))


def subtracted(first: np.ndarray, second: np.ndarray, primes: Sequence[int]) -> np.ndarray:
    """Return differences of residues, like `added`."""
    rest = first - second
    return np.asarray(np.minimum(rest, rest + np.array(primes, np.uint64)[:, None]))


class ResidueSum:
    """A sum of arrays of residues, reduced as seldom as 64 bits allow.

    With primes of 56 bits that is every 256th time; a sum of ciphertexts then costs one addition per residue, in place.

    Args:
        shape: of the arrays; the last two axes are primes and coefficients.
        primes: what residues are modulo.
    """

    def __init__(self, shape: tuple[int, ...], primes: Sequence[int]) -> None:
        self._primes = tuple(primes)
        self._sum = np.zeros(shape, np.uint64)
        self._most = (1 << 64) // max(primes)  # that many residues, each below its prime, add up to less than 2^64
        self._added = 0

    def add(self, values: np.ndarray) -> None:
        """Add residues, each of which is below its prime."""
        if self._added == self._most:
            self._reduce()
        self._sum += values
        self._added += 1

    def total(self) -> np.ndarray:
        """Return the sum, each residue below its prime; a copy."""
        self._reduce()
        return self._sum.copy()

    def _reduce(self) -> None:
        modulus = np.array(self._primes, np.uint64)[:, None]
        np.remainder(self._sum, modulus, out=self._sum)
        self._added = 1
