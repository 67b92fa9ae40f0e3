"""Text columns as matrices of characters, so that check digits are computed for all values at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    import polars

_CASE = np.uint8(ord("a") - ord("A"))

VALUES = np.zeros(256, dtype=np.int64)
"""What a character counts: 0-9 for digits, 10-35 for letters of either case, 0 for the rest."""
VALUES[ord("0") : ord("9") + 1] = np.arange(10)
VALUES[ord("A") : ord("Z") + 1] = VALUES[ord("a") : ord("z") + 1] = np.arange(10, 36)

FACTORS = np.ones(256, dtype=np.int64)
"""By what a number grows when a character's value is written behind it: 10 for digits, 100 for letters, else 1."""
FACTORS[ord("0") : ord("9") + 1] = 10
FACTORS[ord("A") : ord("Z") + 1] = FACTORS[ord("a") : ord("z") + 1] = 100


def matrix(values: polars.Series, keep: Literal["digits", "alnum"]) -> np.ndarray:
    """Return the characters of each text that are digits, or letters and digits, (n, longest) uint8.

    Shorter texts end in zero bytes. Other characters, such as blanks and hyphens between groups, are left out.

    Args:
        values: text without missing values, (n,).
        keep: which characters.
    """
    content, offsets = _buffers(values)
    kept = _kept(content, keep)
    if not len(content):
        return np.zeros((len(values), 0), dtype=np.uint8)
    if not kept.all():
        content = content[kept]
        offsets = np.concatenate(([0], np.cumsum(kept, dtype=np.int32)))[offsets]
    lengths = np.diff(offsets)
    width = int(lengths.max(initial=0))
    if len(lengths) and (lengths == width).all():
        return np.ascontiguousarray(content.reshape(len(lengths), width))
    made = np.zeros((len(lengths), width), dtype=np.uint8)
    made[np.arange(width) < lengths[:, None]] = content
    return made


def numbers(values: polars.Series, length: int) -> np.ndarray:
    """Return the digits of texts that hold exactly ``length`` of them each, (n, length) int64.

    Raises:
        ValueError: a text holds more or fewer.
    """
    found = matrix(values, "digits")
    if found.shape[1] != length or (len(found) and not found.all()):
        raise ValueError(f"not {length} digits in every value")
    return found.astype(np.int64) - ord("0")


def _kept(content: np.ndarray, keep: Literal["digits", "alnum"]) -> np.ndarray:
    """Which bytes are digits, or letters and digits; differences wrap around, so that one comparison each is enough."""
    digits = content - np.uint8(ord("0")) < 10
    return digits if keep == "digits" else digits | ((content | _CASE) - np.uint8(ord("a")) < 26)


def _buffers(values: polars.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return all texts end to end as bytes, and where each begins and the last ends, (n + 1,) int64."""
    import polars as pl

    arrow = values.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
    _, offsets, content = arrow.buffers()
    starts = np.frombuffer(offsets, dtype=np.int64)[arrow.offset : arrow.offset + len(arrow) + 1]
    whole = np.frombuffer(content, dtype=np.uint8) if content is not None else np.zeros(0, dtype=np.uint8)
    return whole[starts[0] : starts[-1]], starts - starts[0]
