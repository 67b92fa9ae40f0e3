"""Columns of whole numbers of any size, exactly: each number in limbs, each limb one array of the column.

A number of many digits in some radix is held in base ``R = radix^k``, the largest that fits 32 bits, so that a limb
times 2^32 plus a carry still fits 64. Limbs are uint64, (n,), the least significant first.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

Limbs = list[np.ndarray]

_WORD = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)


@dataclass(frozen=True)
class Base:
    """How numbers of up to so many digits are held.

    Args:
        radix: values of a digit, in [2, 256].
        digits: the most digits that a number has, at least 1.
    """

    radix: int
    digits: int

    @property
    def width(self) -> int:
        """Digits in a limb."""
        width = 1
        while self.radix ** (width + 1) <= 1 << 32:
            width += 1
        return width

    @property
    def modulus(self) -> int:
        """Values of a limb: R."""
        return int(self.radix**self.width)

    @property
    def count(self) -> int:
        """Limbs of a number."""
        return -(-self.digits // self.width)

    def top(self, digits: int) -> int:
        """Values of the last limb of numbers that have so many digits: at most one less than the most."""
        return int(self.radix ** (digits - self.width * (self.count - 1)))


def from_digits(digits: np.ndarray, base: Base) -> Limbs:
    """Return numbers from their digits, (m, n) with the most significant first."""
    limbs = []
    m = len(digits)
    for high in range(m, m - base.width * base.count, -base.width):
        limb = np.zeros(digits.shape[1], dtype=np.uint64)
        for place in digits[max(high - base.width, 0) : max(high, 0)]:
            limb *= np.uint64(base.radix)
            limb += place
        limbs.append(limb)
    return limbs


def to_digits(limbs: Limbs, m: int, base: Base) -> np.ndarray:
    """Return the last m digits of numbers, (m, n) uint8 with the most significant first."""
    digits = np.empty((m, len(limbs[0])), dtype=np.uint8)
    radix = np.uint32(base.radix)
    place = m
    for limb in limbs:
        rest = limb.astype(np.uint32)
        for _ in range(min(base.width, place)):
            place -= 1
            quotient = rest // radix
            digits[place] = rest - quotient * radix
            rest = quotient
    return digits


def to_words(limbs: Limbs, count: int, base: Base) -> Limbs:
    """Return numbers in base 2^32: so many words, the least significant first."""
    if base.count == 1:
        return [limbs[0], *(np.zeros_like(limbs[0]) for _ in range(count - 1))]
    words = [np.zeros_like(limbs[0]) for _ in range(count)]
    modulus = np.uint64(base.modulus)
    for carry in reversed(limbs):
        for place, word in enumerate(words):
            total = word * modulus + carry
            words[place], carry = total & _LOW, total >> _WORD  # noqa: PLW2901
    return words


def from_words(words: Iterable[np.ndarray], base: Base) -> Limbs:
    """Return numbers modulo R^count from their words in base 2^32, (n,) each, the most significant first."""
    limbs: Limbs = []
    modulus = np.uint64(base.modulus)
    for carry in words:
        limbs = limbs or [np.zeros(len(carry), dtype=np.uint64) for _ in range(base.count)]
        for place, limb in enumerate(limbs):
            total = (limb << _WORD) + carry
            quotient = total // modulus
            limbs[place], carry = total - quotient * modulus, quotient  # noqa: PLW2901
    return limbs


def added(a: Limbs, b: Limbs, digits: int, base: Base) -> Limbs:
    """Return a + b modulo radix^digits; a is below that, b anything."""
    total: Limbs = []
    carry = np.zeros(1, dtype=np.uint64)
    for x, y in zip(a[:-1], b[:-1], strict=True):
        limb, carry = _carried(x + y + carry, base.modulus)
        total.append(limb)
    top = a[-1] + b[-1] + carry
    return [*total, _rest(top, np.uint64(base.top(digits)))]


def subtracted(a: Limbs, b: Limbs, digits: int, base: Base) -> Limbs:
    """Return a - b modulo radix^digits; a is below that, b anything."""
    total: Limbs = []
    kept = np.ones(1, dtype=np.uint64)  # 1 where nothing was borrowed
    modulus, top = np.uint64(base.modulus), np.uint64(base.top(digits))
    for x, y in zip(a[:-1], b[:-1], strict=True):
        limb, kept = _carried(x + (modulus - np.uint64(1)) - y + kept, base.modulus)
        total.append(limb)
    return [*total, _rest(a[-1] + (top - np.uint64(1)) - _rest(b[-1], top) + kept, top)]


def _rest(number: np.ndarray, modulus: np.uint64) -> np.ndarray:
    """A number modulo another; numpy's own remainder takes several times as long."""
    return np.asarray(number - number // modulus * modulus)


def _carried(total: np.ndarray, modulus: int) -> tuple[np.ndarray, np.ndarray]:
    """A sum below twice the modulus, reduced, and its carry."""
    over = total >= np.uint64(modulus)
    return total - over * np.uint64(modulus), over.astype(np.uint64)
