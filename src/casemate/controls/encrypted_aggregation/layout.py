"""Which number lies where: several small numbers share a slot, as digits of one large number.

A slot holds a number modulo the plaintext modulus t. As long as every digit's total stays below its base, and the
product of the bases below t / 2, digits never carry and slots never wrap. The upper half of every slot, and slots that
hold nothing, stay empty: a total that was tampered with, or decrypted with a wrong share, is spread over all slots
evenly, and is found out there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from casemate.core.errors import OutOfRange, TotalImplausible


@dataclass(frozen=True)
class Span:
    """Totals of one kind.

    Args:
        count: how many.
        base: each lies in [-shift, base - shift).
        shift: how far noise may take it below zero.
    """

    count: int
    base: int
    shift: int = 0


@dataclass(frozen=True)
class _Place:
    span: Span
    digits: int
    first: int

    @property
    def slots(self) -> int:
        return -(-self.span.count // self.digits)

    @property
    def end(self) -> int:
        return self.first + self.slots

    @cached_property
    def powers(self) -> np.ndarray:
        return np.array([self.span.base**digit for digit in range(self.digits)], np.int64)


class Layout:
    """Slots for some totals.

    Args:
        spans: what is added up.
        plain: the plaintext modulus t, below 2^62.

    Raises:
        OutOfRange: a total that is too large for a slot.
    """

    def __init__(self, spans: Sequence[Span], plain: int) -> None:
        self.plain = plain
        self._places: list[_Place] = []
        self.slots = 0
        for span in spans:
            digits = digits_within(span.base, plain)
            if not digits:
                raise OutOfRange(f"totals up to {span.base} do not fit into slots of {plain}")
            self._places.append(_Place(span, min(digits, span.count), self.slots))
            self.slots = self._places[-1].end

    def packed(self, numbers: Sequence[np.ndarray]) -> np.ndarray:
        """Return slots, (slots,) int64, of numbers: an int64 array (count,) for each span, of either sign."""
        slots = np.zeros(self.slots, np.int64)
        for place, values in zip(self._places, numbers, strict=True):
            padded = np.zeros(place.slots * place.digits, np.int64)
            padded[: place.span.count] = values
            slots[place.first : place.end] = padded.reshape(place.slots, place.digits) @ place.powers
        return slots

    @cached_property
    def _shifts(self) -> np.ndarray:
        return self.packed([np.full(place.span.count, place.span.shift) for place in self._places])

    @cached_property
    def _ends(self) -> np.ndarray:
        """What each slot stays below once it is shifted, (slots,) int64."""
        ends = np.empty(self.slots, np.int64)
        for place in self._places:
            ends[place.first : place.end] = place.span.base**place.digits
            ends[place.end - 1] = place.span.base ** (place.span.count - (place.slots - 1) * place.digits)
        return ends

    def unpacked(self, slots: np.ndarray) -> list[np.ndarray]:
        """Return the numbers of slots, (at least ``slots``,) uint64 below t; an int64 array (count,) for each span.

        Raises:
            TotalImplausible: a slot holds what no numbers within their bases add up to.
        """
        held = (slots[: self.slots].astype(np.int64) + self._shifts) % self.plain
        if slots[self.slots :].any() or (held >= self._ends).any():
            raise TotalImplausible(
                "the decrypted total is none that contributions within their bounds can add up to",
                why="a share of the key is wrong, or a contribution was no proper ciphertext; nothing here can be used",
                fix="find out whose share or contribution it was, and begin again with a new plan and new keys",
            )
        numbers = []
        for place in self._places:
            digits = held[place.first : place.end, None] // place.powers % place.span.base
            numbers.append(digits.ravel()[: place.span.count] - place.span.shift)
        return numbers


def digits_within(base: int, plain: int) -> int:
    """Return how many digits of a base fit into the lower half of a slot."""
    digits, power = 0, base
    while 2 * power <= plain:
        digits, power = digits + 1, power * base
    return digits
