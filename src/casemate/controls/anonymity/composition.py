"""Composition: what a label means when the values that it was made from were blurred before."""

from __future__ import annotations

import numpy as np

from casemate.core.release import Meanings

MOST_CELLS = 1 << 26  # labels times values


def compose(later: Meanings, earlier: Meanings) -> Meanings:
    """Return what the labels of ``later`` may stand for in the domain of ``earlier``.

    The values of the later domain are labels of the earlier one. Where a table of labels and values would be too large,
    a label stands for everything from its lowest to its highest value.
    """
    place = {_key(label, later): number for number, label in enumerate(earlier.labels)}
    of_code = np.array([place[_value_key(value)] for value in later.domain.tolist()], dtype=np.int64)
    low, high = earlier.low[of_code], earlier.high[of_code]
    m, c = len(later.labels), len(earlier.domain)
    members = np.zeros((m, c), dtype=bool) if m * c <= MOST_CELLS and len(of_code) * c <= MOST_CELLS else None
    masks = None if members is None else masks_of(earlier)[of_code]
    lows, highs = np.zeros(m, dtype=np.int32), np.zeros(m, dtype=np.int32)
    for label in range(m):
        codes = _codes(later, label)
        lows[label], highs[label] = low[codes].min(), high[codes].max()
        if members is not None and masks is not None:
            members[label] = masks[codes].any(axis=0)
    if members is not None and (members.sum(axis=1) == highs - lows + 1).all():
        members = None
    return Meanings(earlier.domain, later.labels, lows, highs, members)


def masks_of(meanings: Meanings) -> np.ndarray:
    """Return which values each label may stand for, (m, c) bool."""
    if meanings.members is not None:
        return meanings.members
    places = np.arange(len(meanings.domain))
    return np.asarray((places >= meanings.low[:, None]) & (places <= meanings.high[:, None]))


def _codes(meanings: Meanings, label: int) -> np.ndarray:
    if meanings.members is not None:
        return np.flatnonzero(meanings.members[label])
    return np.arange(meanings.low[label], meanings.high[label] + 1)


def _key(label: str, later: Meanings) -> float | str:
    if later.domain.dtype.kind != "f":
        return label
    return float(label) if label else "missing"


def _value_key(value: float | str) -> float | str:
    return "missing" if value != value else value
