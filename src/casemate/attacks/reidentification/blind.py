"""Blind: descriptions and guesses that are made without the release, from what is public."""

from __future__ import annotations

import numpy as np

from casemate.core.reading import Reading, resolution
from casemate.core.release import Meanings


def within(reading: Reading, labels: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return one value within each label, at random, as a range of codes: two (q,) int64, first and last.

    A number may be one that nobody has, for who has which is what nobody should know: then the last code comes before
    the first, and nothing fits.
    """
    m = reading.meanings
    if m.members is not None:
        allowed = m.members[labels]
        value = np.where(allowed, rng.random(allowed.shape), -1.0).argmax(axis=1)
        return value, value
    low, high = m.low[labels], m.high[labels]
    if m.domain.dtype.kind != "f":
        value = rng.integers(low, high + 1)
        return value, value
    step, last = resolution(m.domain), _last(m.domain)
    low, high = np.minimum(low, last), np.minimum(high, last)
    steps = np.rint((m.domain[high] - m.domain[low]) / step).astype(np.int64)
    return _codes(m.domain, m.domain[low] + rng.integers(0, steps + 1) * step, 0.0, step)


def elsewhere(told: Meanings, common: np.ndarray, rng: np.random.Generator) -> Meanings:
    """Return descriptions of one column that allow as much as those given, at places that are public.

    Ranges of numbers lie anywhere between the lowest and the highest; as many words are drawn from those that ten
    people or more have. Where there are none, the description fits nobody.

    Args:
        told: the descriptions.
        common: how common each value is, 0 where that is not public, (c,); see `Disclosure.common`.
    """
    if told.domain.dtype.kind != "f":
        return _other_words(told, np.flatnonzero(common > 0), rng)
    step, last = resolution(told.domain), _last(told.domain)
    low, high = np.minimum(told.low, last), np.minimum(told.high, last)
    width = told.domain[high] - told.domain[low]
    room = np.rint((told.domain[last] - told.domain[0] - width) / step).astype(np.int64)
    start = told.domain[0] + rng.integers(0, room + 1) * step
    first, end = _codes(told.domain, start, width, step)
    return Meanings(told.domain, told.labels, first.astype(np.int32), end.astype(np.int32))


def _other_words(told: Meanings, public: np.ndarray, rng: np.random.Generator) -> Meanings:
    c, q = len(told.domain), len(told.labels)
    members = np.zeros((q, c), dtype=bool)
    everything = told.sizes == c
    if len(public):
        order = rng.permuted(np.tile(np.arange(len(public)), (q, 1)), axis=1)
        members[:, public] = order < told.sizes[:, None]
    members[everything] = True
    none = ~members.any(axis=1)
    low, high = members.argmax(axis=1), c - 1 - members[:, ::-1].argmax(axis=1)
    low, high = np.where(none, 1, low), np.where(none, 0, high)
    return Meanings(told.domain, told.labels, low.astype(np.int32), high.astype(np.int32), members)


def _codes(
    domain: np.ndarray, start: np.ndarray, width: np.ndarray | float, step: float
) -> tuple[np.ndarray, np.ndarray]:
    """The codes of a domain of numbers between ``start`` and ``start + width``; rounding is allowed for."""
    slack = step / 4
    known = domain[: _last(domain) + 1]
    return np.searchsorted(known, start - slack), np.searchsorted(known, start + width + slack, side="right") - 1


def _last(domain: np.ndarray) -> int:
    """The code of the highest number."""
    return len(domain) - 1 - int(np.isnan(domain[-1])) if len(domain) > 1 else 0
