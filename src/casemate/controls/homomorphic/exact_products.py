"""Exact products: a matrix of whole numbers times residues modulo a prime, by float64 BLAS, without one rounding.

Residues are cut into limbs of r bits, and inputs into blocks, with r such that no sum of a row's weights in a block
times limbs reaches 2^53: every product and every partial sum is then a whole number that float64 holds exactly, in
whatever order BLAS adds. The blocks' sums are added as 64-bit integers, and reduced once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from casemate.controls.homomorphic.modular_products import Factors, residues
from casemate.core.errors import OutOfRange

INPUTS = 56
COLUMNS = 2048
"""Inputs and columns of a block; together they stay in a processor's caches."""

_EXACT = 1 << 53
_WHOLE = 1 << 62
_LEAST = 4


def exact_bits(total: float) -> int:
    """Return how many bits numbers may have for their sum, weighted by weights of this total size, to be exact."""
    return int(_EXACT / max(total, 1.0)).bit_length() - 1


def limb_bits(weights: np.ndarray) -> int:
    """Return how many bits of a residue a matrix of whole numbers can be multiplied with at once.

    Args:
        weights: (outputs, inputs), whole numbers.
    """
    sizes = np.abs(weights)
    starts = np.arange(0, max(1, weights.shape[1]), INPUTS)
    block = float(np.add.reduceat(sizes, starts, axis=1).max())
    whole = max(1.0, float(sizes.sum(axis=1).max()))
    return min(exact_bits(block), int(_WHOLE / whole).bit_length() - 1)


class ExactMatrix:
    """A matrix of whole numbers.

    Args:
        weights: (outputs, inputs) int64.
        prime: of at most 51 bits.

    Raises:
        OutOfRange: weights that are so large that limbs would have fewer than 4 bits; or a prime of more bits.
    """

    def __init__(self, weights: np.ndarray, prime: int) -> None:
        self.prime = prime
        self.limb_bits = min(prime.bit_length(), limb_bits(weights))
        if self.limb_bits < _LEAST:
            raise OutOfRange(
                f"weights of up to {int(np.abs(weights).max()):,}",
                why="their products with residues would not be exact",
                fix="a smaller scale, or fewer inputs",
            )
        self.limbs = -(-prime.bit_length() // self.limb_bits)
        self._starts = range(0, weights.shape[1], INPUTS)
        self._weights = weights.astype(np.float64)
        self._blocks = [np.ascontiguousarray(self._weights[:, at : at + INPUTS]) for at in self._starts]
        self._mask = np.uint64((1 << self.limb_bits) - 1)
        self._up = Factors(np.array(pow(2, self.limb_bits, prime), np.uint64), prime)

    def times(self, numbers: np.ndarray) -> np.ndarray:
        """Return the product with many vectors modulo the prime, (outputs, n) uint64.

        Args:
            numbers: (inputs, n) uint64, below the power of two above the prime.

        Raises:
            OutOfRange: a number with more bits than the prime.
        """
        outcome = np.empty((len(self._weights), numbers.shape[1]), np.uint64)
        for start in range(0, numbers.shape[1], COLUMNS):
            sums = self._sums(numbers[:, start : start + COLUMNS])
            total = residues(sums[-1], self.prime)
            for limb in reversed(sums[:-1]):
                total = self._up.times(total, residues(limb, self.prime))
            outcome[:, start : start + COLUMNS] = total
        return outcome

    def _sums(self, numbers: np.ndarray) -> np.ndarray:
        """The matrix times each limb, (limbs, outputs, n) int64."""
        columns = numbers.shape[1]
        sums = np.zeros((self.limbs, len(self._weights), columns), np.int64)
        bits, limb = np.empty((INPUTS, columns), np.int64), np.empty((INPUTS, columns))
        found, whole = np.empty(sums.shape[1:]), np.empty(sums.shape[1:], np.int64)
        for at, weights in zip(self._starts, self._blocks, strict=True):
            part = numbers[at : at + INPUTS]
            if int(np.bitwise_or.reduce(part, axis=None)) >> self.prime.bit_length():
                raise OutOfRange("a residue is not below its prime")
            for index in range(self.limbs):
                cut = self._limb(part, index, bits[: len(part)])
                np.copyto(limb[: len(part)], cut)
                np.matmul(weights, limb[: len(part)], out=found)
                np.copyto(whole, found, casting="unsafe")
                sums[index] += whole
        return sums

    def _limb(self, numbers: np.ndarray, index: int, into: np.ndarray) -> np.ndarray:
        if self.limbs == 1:
            return numbers.view(np.int64)
        cut = into.view(np.uint64)
        if index:
            np.right_shift(numbers, np.uint64(index * self.limb_bits), out=cut)
            numbers = cut
        if index < self.limbs - 1:
            np.bitwise_and(numbers, self._mask, out=cut)
        return into


class ExactRows:
    """The same for single vectors, with less around it.

    Args:
        weights: (outputs, inputs) int64.
        prime: what the numbers that it is multiplied with are below.

    Raises:
        OutOfRange: weights that are so large that limbs would have fewer than 4 bits.
    """

    def __init__(self, weights: np.ndarray, prime: int) -> None:
        self.prime = prime
        self.limb_bits = min(prime.bit_length(), exact_bits(float(np.abs(weights).sum(axis=1).max())))
        if self.limb_bits < _LEAST:
            raise OutOfRange("weights whose products with residues would not be exact", fix="a smaller scale")
        self.limbs = -(-prime.bit_length() // self.limb_bits)
        self._mask = np.uint64((1 << self.limb_bits) - 1)
        self._shift = np.uint64(self.limb_bits)
        self._weights = weights.astype(np.float64)

    def times(self, numbers: np.ndarray, plus: Sequence[int]) -> list[int]:
        """Return the product with one vector, and a number added to each, modulo the prime.

        Args:
            numbers: (inputs,) uint64 below the prime.
            plus: what is added, one for each output.
        """
        if self.limbs == 1:
            found = (self._weights @ numbers.astype(np.float64)).tolist()
            return [(int(one) + more) % self.prime for one, more in zip(found, plus, strict=True)]
        bits, total = self.limb_bits, plus
        for index in range(self.limbs - 1):
            low = (self._weights @ (numbers & self._mask).astype(np.float64)).tolist()
            numbers = numbers >> self._shift
            if index < self.limbs - 2:
                total = [had + (int(one) << index * bits) for had, one in zip(total, low, strict=True)]
        high, below, above = (self._weights @ numbers.astype(np.float64)).tolist(), index * bits, (index + 1) * bits
        return [
            (had + (int(one) << below) + (int(two) << above)) % self.prime
            for had, one, two in zip(total, low, high, strict=True)
        ]
