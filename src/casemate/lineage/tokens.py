"""Tokens: keyed stand-ins of people's ids, sorted, so that a person is found and nobody can be read off.

A token is keyed BLAKE2b (RFC 7693) of the id's text: its first 64 bits, or all 128 where there are more than about
10^8 people (of 10^8, two share their first 64 bits with probability 1/3700).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Literal

import numpy as np

from casemate.core.errors import DataUnreadable

if TYPE_CHECKING:
    import polars

Bits = Literal[64, 128]
SIZE = 16  # bytes of a whole token


@dataclass(frozen=True, eq=False)
class Tokens:
    """The tokens of the rows of a table, ascending.

    Args:
        high: the first 64 bits of each, (n,) uint64.
        low: the other 64 bits, (n,) uint64; None for tokens of 64 bits.
        rows: the row that each belongs to, (n,) int64. Rows without an id have no token.
        total: rows of the table.
    """

    high: np.ndarray
    low: np.ndarray | None
    rows: np.ndarray
    total: int

    def __len__(self) -> int:
        return len(self.high)

    @property
    def bits(self) -> Bits:
        """Length of a token."""
        return 64 if self.low is None else 128

    def span(self, high: np.uint64, low: np.uint64) -> tuple[int, int]:
        """Return where a token's rows begin and end; the same twice where it is not there."""
        return span(self.high, self.low, high, low)

    def silent(self, about: np.ndarray) -> Tokens:
        """Return the tokens of the same table without those of some rows, given by their positions."""
        kept = ~np.isin(self.rows, about)
        low = None if self.low is None else self.low[kept]
        return Tokens(self.high[kept], low, self.rows[kept], self.total)

    def without(self, gone: np.ndarray) -> Tokens:
        """Return the tokens of the table that is left when rows, given by their positions, are taken out."""
        kept = self.silent(gone)
        rows = kept.rows - np.searchsorted(np.sort(gone), kept.rows)
        return Tokens(kept.high, kept.low, rows, self.total - len(gone))


def span(highs: np.ndarray, lows: np.ndarray | None, high: np.uint64, low: np.uint64) -> tuple[int, int]:
    """Return where a token is in sorted ones, from and to."""
    start = int(highs.searchsorted(high))
    if start == len(highs) or highs[start] != high:
        return start, start
    end = int(highs.searchsorted(high, "right"))
    if lows is None:
        return start, end
    part = lows[start:end]
    return start + int(part.searchsorted(low)), start + int(part.searchsorted(low, "right"))


def token(key: bytes, subject: str) -> tuple[np.uint64, np.uint64]:
    """Return the token of one id, in two halves; tokens of 64 bits are the first."""
    halves = np.frombuffer(blake2b(spoken(subject), digest_size=SIZE, key=key).digest(), ">u8").astype(np.uint64)
    return halves[0], halves[1]


def tokens(key: bytes, subjects: polars.Series, bits: Bits = 64) -> Tokens:
    """Return the tokens of a column of ids; every distinct id is hashed once.

    Args:
        key: at most 64 bytes.
        subjects: ids, in the order of the table's rows: text, whole numbers or dates. 42 and "42" are the same person.
        bits: length of a token.

    Raises:
        DataUnreadable: ids that are no text, whole numbers or dates.
    """
    texts = as_text(subjects)
    codes = texts.to_arrow().dictionary_encode()
    distinct = codes.dictionary.to_pylist()
    made = _hashed(key, distinct)
    present = np.flatnonzero(~np.asarray(codes.is_null()))
    places = np.asarray(codes.indices.drop_null()).astype(np.int64)
    rank = np.argsort(made[:, 0], kind="stable") if bits == 64 else np.lexsort((made[:, 1], made[:, 0]))
    position = np.empty(len(rank), np.int64)
    position[rank] = np.arange(len(rank))
    order = np.argsort(position[places], kind="stable")
    sorted_places = places[order]
    low = np.ascontiguousarray(made[sorted_places, 1]) if bits == 128 else None
    return Tokens(np.ascontiguousarray(made[sorted_places, 0]), low, present[order], len(subjects))


def as_text(subjects: polars.Series) -> polars.Series:
    """Return ids as text, the same for the same person whatever the column's type.

    Raises:
        DataUnreadable: ids that are no text, whole numbers or dates.
    """
    import polars as pl

    kind = subjects.dtype
    if kind.is_float():
        whole = subjects.cast(pl.Int64, strict=False)
        if not subjects.is_null().equals(whole.is_null()) or not (subjects == whole).fill_null(True).all():
            raise _no_id(subjects.name, "numbers that are not whole")
        return whole.cast(pl.String)
    if kind.is_integer() or kind in (pl.String, pl.Categorical, pl.Enum, pl.Date):
        return subjects.cast(pl.String)
    if kind == pl.Null:
        return subjects.cast(pl.String)
    raise _no_id(subjects.name, f"values of type {kind}")


def spoken(subject: str) -> bytes:
    """Return the bytes of an id that are hashed: the same for the same characters, however they were composed."""
    return (subject if subject.isascii() else unicodedata.normalize("NFC", subject)).encode()


def _hashed(key: bytes, distinct: Iterable[str]) -> np.ndarray:
    """The tokens of ids, (n, 2) uint64."""
    joined = b"".join([blake2b(spoken(text), digest_size=SIZE, key=key).digest() for text in distinct])
    return np.frombuffer(joined, ">u8").astype(np.uint64).reshape(-1, 2)


def _no_id(column: str, what: str) -> DataUnreadable:
    return DataUnreadable(
        f"the column {column!r} holds {what}, which cannot say who somebody is",
        fix="name a column of text, whole numbers or dates",
    )
