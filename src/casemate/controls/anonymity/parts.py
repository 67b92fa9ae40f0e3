"""Parts of a table that are grouped on their own: boxes of codes, made by the first cuts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from casemate.controls.anonymity.draws import high_key, low_key


@dataclass(frozen=True)
class Cut:
    """Rows whose code in ``column`` is at most ``code`` fall on the low side; ``lows`` rows do."""

    column: int
    code: int
    lows: int


@dataclass(frozen=True, eq=False)
class Part:
    """A node that is grouped on its own: the rows whose codes lie between ``low`` and ``high``, both inclusive.

    Args:
        key: its key, for `mondrian.mondrian_within`, (1,) uint64.
        low, high: its box, (d,) int64.
        rows: how many rows it has.
        whole: whether no cut of it is allowed.
    """

    key: NDArray[np.uint64]
    low: NDArray[np.int64]
    high: NDArray[np.int64]
    rows: int
    whole: bool = False

    def sides(self, cut: Cut) -> tuple[Part, Part]:
        """Return its low and its high side."""
        high, low = self.high.copy(), self.low.copy()
        high[cut.column], low[cut.column] = cut.code, cut.code + 1
        return (
            Part(low_key(self.key), self.low, high, cut.lows),
            Part(high_key(self.key), low, self.high, self.rows - cut.lows),
        )


def place(parts: Sequence[Part], codes: NDArray[np.integer]) -> NDArray[np.int32]:
    """Return in which of the parts each row lies, -1 for none, (n,).

    Args:
        parts: some or all parts of one table, depth first.
        codes: rows, (n, d).
    """
    places = np.full(len(codes), -1, np.int32)
    if not len(parts):
        return places
    low, high = np.stack([part.low for part in parts]), np.stack([part.high for part in parts])
    waiting = [(0, len(parts), np.arange(len(codes)))]
    while waiting:
        first, stop, rows = waiting.pop()
        if stop - first == 1:
            mine = codes[rows]
            places[rows[((mine >= low[first]) & (mine <= high[first])).all(axis=1)]] = first
            continue
        middle, column, code = _between(low[first:stop], high[first:stop])
        below = codes[rows, column] <= code
        waiting += [(first, first + middle, rows[below]), (first + middle, stop, rows[~below])]
    return places


def _between(low: NDArray[np.int64], high: NDArray[np.int64]) -> tuple[int, int, int]:
    """Return a cut that no box straddles, nearest to the middle: (boxes on its low side, column, code)."""
    lows = np.maximum.accumulate(high[:-1], axis=0)
    highs = np.minimum.accumulate(low[:0:-1], axis=0)[::-1]
    middles, columns = np.nonzero(lows < highs)
    best = int(np.argmin(np.abs(2 * (middles + 1) - len(low))))
    return int(middles[best]) + 1, int(columns[best]), int(lows[middles[best], columns[best]])
