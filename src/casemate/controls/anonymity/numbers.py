"""Numbers: whole ones that float64 cannot tell apart, and round ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import polars

EXACT = 2**53  # whole numbers up to here are exact in float64


def beyond_exact(column: polars.Series) -> bool:
    """Whether a column holds whole numbers that float64 cannot tell apart; they are kept as words, in their order."""
    if not column.dtype.is_integer() or not column.len():
        return False
    low, high = column.min(), column.max()
    return isinstance(low, int) and isinstance(high, int) and max(-low, high) > EXACT


def round_up(width: float) -> float:
    """Return the next number from a width above 0 upwards that is 1, 2 or 5 times a power of ten."""
    power = 10.0 ** float(np.floor(np.log10(width)))
    return float(next(step * power for step in (1, 2, 5, 10) if step * power >= width * (1 - 1e-12)))
