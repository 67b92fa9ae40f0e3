"""Loose ranges: ranges whose ends are no row's values, so that they do not give away how they were made.

A range that ends at rows' values says that somebody sits at its ends, which is what downcoding builds on (Cohen, USENIX
Security 2022). Loose ends lie on a grid that the rows within do not decide.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from casemate.controls.anonymity.domains import Domain
from casemate.controls.anonymity.hierarchies import WHOLE
from casemate.controls.anonymity.labels import Span, join, write_span
from casemate.controls.anonymity.range_labels import MOST_CELLS, meaning_of_spans
from casemate.core.release import Meanings

if TYPE_CHECKING:
    from casemate.controls.anonymity.rendering import Extent


def round_ends(extent: Extent, domain: Domain) -> tuple[np.ndarray, Meanings] | None:
    """Label groups by ranges of numbers that end at round ones; None where the column does not hold finite numbers.

    Ends are multiples of 1, 2 or 5 times a power of ten, the largest that is no more than the range is wide. Whole
    numbers are published as ``20..29``, others as ``[20, 30)``; one value stays as it is.

    Returns:
        Which label each group gets, (groups,), and what the labels mean.
    """
    if domain.kind != "number" or not domain.ordinal or not domain.bins or not np.isfinite(domain.values).all():
        return None
    values, c = domain.values, len(domain.values)
    empty = extent.high < 0
    a = values[domain.ends(np.where(empty, 0, extent.low), last=False)]
    b = values[domain.ends(np.where(empty, 0, extent.high), last=True)]
    whole_numbers = bool((values == np.floor(values)).all()) and float(np.abs(values).max()) < 2**52
    low, stop = _grid(a, b, whole_numbers)
    single = a == b
    first = np.searchsorted(values, np.where(single, a, low))
    last = np.where(single, np.searchsorted(values, b), np.searchsorted(values, stop) - 1)
    gap = extent.missing & ~empty & (last < c - 1)
    anything = gap & (len(gap) * len(domain.raw) > MOST_CELLS)
    anything |= (first == 0) & (last == c - 1) & (extent.missing == domain.missing) & (len(domain.raw) > 1)
    anything &= ~empty
    first, last = np.where(anything, 0, first), np.where(anything, c - 1, last)
    missing = np.where(anything, domain.missing, extent.missing)
    first, last = np.where(empty, c, first), np.where(empty, c, last)
    low, stop = np.where(single | empty | anything, first, low), np.where(single | empty | anything, -1.0, stop)
    at, label_of = _distinct(low, stop, missing, anything, first)
    kinds = [kind[at].tolist() for kind in (a, low, stop, single, missing, empty, anything)]
    labels = tuple(_text(*told, whole_numbers=whole_numbers) for told in zip(*kinds, strict=True))
    return label_of, meaning_of_spans(first[at], last[at], missing[at], labels, domain)


def loosened(extent: Extent, domain: Domain) -> Extent:
    """Move the ends of ranges of codes outwards to a grid, and fill sets up to ranges.

    The grid is the finer the narrower the range: its cells are the largest power of two, in codes, that is at most the
    range's width. One value stays as it is; so do nodes of a hierarchy.
    """
    if domain.within or not domain.bins:
        return extent
    if extent.members is None:
        low, high = _outwards(extent.low, extent.high, domain.bins)
        return replace(extent, low=low, high=high)
    table = (extent.members[:, None] >> np.arange(domain.bins, dtype=np.uint64)) & np.uint64(1) > 0
    some = table.any(axis=1)
    ends = table.argmax(axis=1), domain.bins - 1 - table[:, ::-1].argmax(axis=1)
    low, high = _outwards(*ends, domain.bins)
    bits = (np.uint64(2) << high.astype(np.uint64)) - (np.uint64(1) << low.astype(np.uint64))
    return replace(extent, members=extent.members | np.where(some, bits, np.uint64(0)))


def _outwards(low: np.ndarray, high: np.ndarray, codes: int) -> tuple[np.ndarray, np.ndarray]:
    width = np.maximum(high - low + 1, 1)
    cell = np.int64(1) << (np.frexp(width.astype(np.float64))[1].astype(np.int64) - 1)
    wider = high > low
    return (
        np.where(wider, low // cell * cell, low),
        np.where(wider, np.minimum((high // cell + 1) * cell, codes) - 1, high),
    )


def _grid(a: np.ndarray, b: np.ndarray, whole_numbers: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return the round numbers around ranges [a, b], (m,): the low end and the first number beyond the high one."""
    width = np.where(b > a, b - a + whole_numbers, 1.0)
    power = np.floor(np.log10(width))
    steps = np.array([1.0, 2.0, 5.0])
    step = steps[np.clip(np.searchsorted(steps, width / 10.0**power, side="right") - 1, 0, 2)] * 10.0**power
    low, stop = _tidy(np.floor(a / step) * step, power), _tidy((np.floor(b / step) + 1) * step, power)
    return np.where(low > a, low - step, low), np.where(stop <= b, stop + step, stop)


def _tidy(numbers: np.ndarray, power: np.ndarray) -> np.ndarray:
    """Take the binary noise from multiples of a power of ten."""
    scale = 10.0 ** np.abs(power)
    return np.asarray(np.where(power < 0, np.rint(numbers * scale) / scale, np.rint(numbers)))


def _distinct(*columns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the first row of each kind, and the kind of each row."""
    key = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        kinds, place = np.unique(column, return_inverse=True)
        key = np.unique(key * max(len(kinds), 1) + place, return_inverse=True)[1]
    _, first, kind = np.unique(key, return_index=True, return_inverse=True)
    return first, kind


def _text(
    value: float,
    low: float,
    stop: float,
    single: bool,
    missing: bool,
    empty: bool,
    anything: bool,
    *,
    whole_numbers: bool,
) -> str:
    if anything:
        return WHOLE
    if empty:
        return ""
    span = Span(value, value) if single else Span(low, stop - 1) if whole_numbers else Span(low, stop, open_high=True)
    return join([write_span(span)], missing=missing)
