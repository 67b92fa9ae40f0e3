"""Check digits, for all values at once: most functions take digits (n, length) and return who passes, (n,) bool."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from casemate.controls.profiling.characters import FACTORS, VALUES


def luhn(digits: np.ndarray) -> np.ndarray:
    """Luhn's sum: payment cards, IMEI, Swedish personal numbers.

    Source: ISO/IEC 7812-1, annex B.
    """
    places = np.ascontiguousarray(digits.T, dtype=np.uint8)  # place by place, all values of one lie side by side
    doubled = places[-2::-2] * np.uint8(2)
    doubled -= np.uint8(9) * (doubled > 9)
    total = places[::-2].sum(axis=0, dtype=np.uint16) + doubled.sum(axis=0, dtype=np.uint16)
    return np.asarray(total % 10 == 0)


def weighted(digits: np.ndarray, weights: Sequence[int], modulus: int) -> np.ndarray:
    """Return the weighted sum of the first ``len(weights)`` digits, modulo ``modulus``, (n,) int64."""
    return np.asarray(digits[:, : len(weights)] @ np.array(weights, dtype=np.int64) % modulus)


def ean(digits: np.ndarray) -> np.ndarray:
    """EAN-13: weights 1 and 3 in turn; also the Swiss AHV number."""
    return np.asarray(weighted(digits, [1, 3] * 6 + [1], 10) == 0)


def mod_11_10(digits: np.ndarray) -> np.ndarray:
    """ISO/IEC 7064, MOD 11,10: the German tax number."""
    product = np.full(len(digits), 10, dtype=np.int64)
    for place in range(digits.shape[1] - 1):
        total = (digits[:, place] + product) % 10
        product = np.where(total == 0, 10, total) * 2 % 11
    check = 11 - product
    return np.asarray(np.where(check == 10, 0, check) == digits[:, -1])


def mod_97(characters: np.ndarray) -> np.ndarray:
    """Return what IBANs leave modulo 97, (n,) int64; 1 is right. Letters count 10 to 35.

    Source: ISO 13616 with ISO/IEC 7064, MOD 97-10.

    Args:
        characters: letters and digits, zero bytes after the end, (n, length) uint8.
    """
    places = np.ascontiguousarray(characters.T)
    rest = np.zeros(len(characters), dtype=np.int64)
    for count, place in enumerate((*places[4:], *places[:4]), 1):
        least, most = place.min(initial=255), place.max(initial=0)
        if ord("0") <= least and most <= ord("9"):  # as most places are, in all values
            rest *= 10
            rest += place - np.uint8(ord("0"))
        else:
            rest *= FACTORS.take(place)
            rest += VALUES.take(place)
        if count % 8 == 0:  # 97 and eight letters fit into 63 bits
            rest %= 97
    return rest % 97


def number(digits: np.ndarray) -> np.ndarray:
    """Return what digits spell in base ten, (n,) int64; at most 18 of them."""
    return np.asarray(digits @ 10 ** np.arange(digits.shape[1] - 1, -1, -1, dtype=np.int64))


def dates(year: np.ndarray, month: np.ndarray, day: np.ndarray) -> np.ndarray:
    """Return which of these are days of the calendar, (n,) bool; every fourth year leaps, as within 1901 to 2099."""
    longest = np.array([0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
    in_year = (month >= 1) & (month <= 12)
    last = longest[np.where(in_year, month, 0)] - ((month == 2) & (year % 4 != 0))
    return np.asarray(in_year & (day >= 1) & (day <= last))


def two(digits: np.ndarray, start: int) -> np.ndarray:
    """Return the number that two digits spell, (n,) int64."""
    return np.asarray(digits[:, start] * 10 + digits[:, start + 1])
