"""Characters of an alphabet within text: taken out as digits, and put back where they stood."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import polars as pl

CHUNK = 1 << 15
"""Rows that are worked on at a time, so that their numbers stay in the processor's cache."""

_OUTSIDE = 255

Change = Callable[[np.ndarray], np.ndarray]


class TooFew(ValueError):
    """A text holds fewer characters of the alphabet than it must.

    Args:
        row: the first such text.
        found: how many it holds.
    """

    def __init__(self, row: int, found: int) -> None:
        super().__init__(row, found)
        self.row = row
        self.found = found


class Text:
    """A column of text as bytes, with the places of the characters that are in an alphabet.

    Args:
        texts: (n,), none missing.
        alphabet: at least two different ASCII characters; a character's place in it is its digit. Whatever else is in a
            text, letters outside ASCII among it, stays as it is.
    """

    def __init__(self, texts: pl.Series, alphabet: str) -> None:
        import polars as pl

        array = texts.to_arrow(compat_level=pl.CompatLevel.oldest())
        _, offsets, data = array.buffers()
        self.offsets = np.frombuffer(offsets, dtype=np.int64)[array.offset : array.offset + len(array) + 1]
        held = np.frombuffer(data, dtype=np.uint8) if data is not None else np.empty(0, dtype=np.uint8)
        self.bytes = held[self.offsets[0] : self.offsets[-1]]
        self.offsets = self.offsets - self.offsets[0]
        letters = alphabet.encode("ascii")
        self.letters = letters + bytes(256 - len(letters))
        digits = bytearray([_OUTSIDE] * 256)
        for digit, letter in enumerate(letters):
            digits[letter] = digit
        self.digits = bytes(digits)

    def changed(self, change: Change, fewest: int) -> pl.Series:
        """Return the column with the characters of the alphabet replaced.

        Args:
            change: gives for digits (length, m) the new ones; called for each length that occurs.
            fewest: characters of the alphabet that every text must hold.

        Raises:
            TooFew: one that holds fewer.
        """
        out = self.bytes.copy()
        for start in range(0, len(self.offsets) - 1, CHUNK):
            offsets = self.offsets[start : start + CHUNK + 1]
            here = slice(offsets[0], offsets[-1])
            digits = _translated(self.bytes[here], self.digits)
            try:
                self._change(out[here], digits, offsets - offsets[0], change, fewest)
            except TooFew as few:
                raise TooFew(start + few.row, few.found) from None
        return self._column(out)

    def _change(self, out: np.ndarray, digits: np.ndarray, offsets: np.ndarray, change: Change, fewest: int) -> None:
        """Write the new characters of some texts; ``digits`` are their bytes' digits."""
        columns = _columns(digits, offsets)
        if columns is not None and len(columns) >= fewest:
            table, written = digits.reshape(len(offsets) - 1, -1).T, out.reshape(len(offsets) - 1, -1).T
            written[columns] = _translated(change(np.ascontiguousarray(table[columns])), self.letters)
            return
        for places in _places(digits != _OUTSIDE, offsets, fewest):
            out[places] = _translated(change(digits[places]), self.letters)

    def _column(self, data: np.ndarray) -> pl.Series:
        import polars as pl
        import pyarrow as pa

        buffers = pa.py_buffer(np.ascontiguousarray(self.offsets)), pa.py_buffer(data)
        return pl.Series(pa.LargeStringArray.from_buffers(len(self.offsets) - 1, *buffers), dtype=pl.String)


def _translated(values: np.ndarray, table: bytes) -> np.ndarray:
    """Each byte's entry in a table of 256; several times as fast as indexing."""
    return np.frombuffer(values.tobytes().translate(table), dtype=np.uint8).reshape(values.shape)


def _columns(digits: np.ndarray, offsets: np.ndarray) -> np.ndarray | None:
    """Which bytes of every text are in the alphabet, where all have the same format; else None."""
    texts, width = len(offsets) - 1, int(offsets[1])
    if width * texts != len(digits) or (np.diff(offsets) != width).any():
        return None
    inside = (digits != _OUTSIDE).reshape(texts, width)
    return np.flatnonzero(inside[0]) if (inside == inside[0]).all() else None


def _places(inside: np.ndarray, offsets: np.ndarray, fewest: int) -> Iterator[np.ndarray]:
    """Yield the places (length, m) of the characters of m texts, for each length that occurs."""
    before = np.zeros(len(inside) + 1, dtype=np.int64)
    np.cumsum(inside, out=before[1:])
    first = before[offsets]
    counts = np.diff(first)
    if counts.min() < fewest:
        row = int((counts < fewest).argmax())
        raise TooFew(row, int(counts[row]))
    characters = np.flatnonzero(inside)
    for length in np.unique(counts):
        yield characters[first[:-1][counts == length] + np.arange(length)[:, None]]
