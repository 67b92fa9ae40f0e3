"""Reading: what the values of a published column may stand for, row by row, and which people fit which rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from casemate.core.release import Meanings, Release

if TYPE_CHECKING:
    import polars

ANYTHING = "*"
"""How a label is written that may stand for every value."""


@dataclass(frozen=True, eq=False)
class Reading:
    """One published column.

    Args:
        name: the column.
        meanings: what its labels may stand for; for a column that was not generalised, each value for itself.
        label: the label of each row as a position in ``meanings.labels``, (n,) int64.
        generalised: whether the release says that the column was generalised.
    """

    name: str
    meanings: Meanings
    label: np.ndarray
    generalised: bool

    def fits(self, left: int, right: int) -> np.ndarray:
        """Return which labels may stand for a value at a place of the domain, (m,) bool; for the place see `places`."""
        m = self.meanings
        within = (m.low <= right) & (m.high >= left)
        if m.members is not None and 0 <= left == right:
            within &= m.members[:, left]
        return np.asarray(within)


@dataclass(frozen=True, eq=False)
class Groups:
    """Published rows that look alike on some columns.

    Args:
        of: the group of each row, (n,) int64.
        labels: per column, the label of each group, (g, d) int64.
        sizes: rows of each group, (g,) int64.
    """

    of: np.ndarray
    labels: np.ndarray
    sizes: np.ndarray

    @cached_property
    def _order(self) -> tuple[np.ndarray, np.ndarray]:
        order = np.argsort(self.of, kind="stable")
        return order, np.concatenate([[0], np.cumsum(self.sizes)])

    def rows(self, group: int) -> np.ndarray:
        """Return the rows of a group, ascending."""
        order, starts = self._order
        return np.asarray(order[starts[group] : starts[group + 1]])


def read(release: Release, names: Iterable[str]) -> tuple[Reading, ...]:
    """Return the named columns as an attacker reads them, pseudonyms and columns that are not published left out."""
    readable = [n for n in names if n in release.table.columns and n not in release.pseudonyms]
    return tuple(_reading(release, name) for name in readable)


def places(values: polars.Series, domain: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return where raw values lie in a domain, (n,) and (n,) int64: the first and the last code that they reach.

    Both are the code of a value that the domain holds. A number between two codes reaches from the upper to the lower
    one, so that every range around it holds it and neither single value does; one outside counts as the nearest end. A
    word that the domain does not hold is at -1 and -1; so is a missing value that it does not hold.
    """
    if domain.dtype.kind != "f":
        codes = _word_codes(values, domain)
        return codes, codes
    numbers = _numbers(values)
    missing = np.isnan(numbers)
    known = domain[:-1] if len(domain) and np.isnan(domain[-1]) else domain
    left = np.searchsorted(known, numbers, side="left")
    right = np.searchsorted(known, numbers, side="right") - 1
    last = len(known) - 1
    hole = last + 1 if len(known) < len(domain) else -1
    left, right = np.clip(left, 0, last), np.clip(right, 0, last)
    return np.where(missing, hole, left), np.where(missing, hole, right)


def resolution(domain: np.ndarray) -> float:
    """Return the smallest step between two numbers of a domain; 1 where it holds fewer than two."""
    steps = np.diff(domain[np.isfinite(domain)])
    return float(steps[steps > 0].min()) if (steps > 0).any() else 1.0


def group_rows(readings: Sequence[Reading], rows: int) -> Groups:
    """Return the groups of rows that carry the same labels in every given column; one group without columns."""
    key = np.zeros(rows, dtype=np.int64)
    for reading in readings:
        width = len(reading.meanings.labels)
        if int(key.max(initial=0)) + 1 > (1 << 62) // max(width, 1):
            key = np.unique(key, return_inverse=True)[1]
        key = key * width + reading.label
    _, first, of, sizes = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
    labels = np.column_stack([r.label[first] for r in readings]) if readings else np.zeros((len(first), 0), np.int64)
    return Groups(of, labels, sizes)


def _reading(release: Release, name: str) -> Reading:
    values = release.table[name]
    told = release.meanings.get(name)
    if told is None:
        meanings, label = as_they_are(values)
        return Reading(name, meanings, label, generalised=False)
    meanings = _with_anything(told)
    label = _word_codes(values, np.array(meanings.labels, dtype=object))
    silent = meanings.labels.index("") if "" in meanings.labels else meanings.labels.index(ANYTHING)
    if values.null_count():
        label = np.where(values.is_null().to_numpy(), silent, label)
    # A published value that its meanings do not name says nothing.
    return Reading(name, meanings, np.where(label < 0, meanings.labels.index(ANYTHING), label), generalised=True)


def as_they_are(values: polars.Series) -> tuple[Meanings, np.ndarray]:
    """Return the meanings of a column that holds raw values, each standing for itself, and each row's label, (n,)."""
    import polars as pl

    if values.dtype.is_numeric():
        numbers = _numbers(values)
        domain, label = np.unique(numbers, return_inverse=True, equal_nan=True)
        texts: tuple[str, ...] = tuple(f"{value:g}" for value in domain.tolist())
    else:
        words = values.cast(pl.String).fill_null("")
        distinct = words.unique().sort()
        domain = np.array(distinct.to_list(), dtype=object)
        texts, label = tuple(domain.tolist()), _word_codes(words, domain)
    codes = np.arange(len(domain), dtype=np.int32)
    return Meanings(domain, texts, codes, codes), np.asarray(label, dtype=np.int64)


def _with_anything(told: Meanings) -> Meanings:
    if ANYTHING in told.labels:
        return told
    c = len(told.domain)
    members = told.members
    return Meanings(
        told.domain,
        (*told.labels, ANYTHING),
        np.append(told.low, 0).astype(np.int32),
        np.append(told.high, c - 1).astype(np.int32),
        None if members is None else np.vstack([members, np.ones((1, c), dtype=bool)]),
    )


def _word_codes(values: polars.Series, domain: np.ndarray) -> np.ndarray:
    """The position of each value, as text, in a domain, (n,) int64; -1 where it is not there. Missing is ''."""
    import polars as pl

    words = values.cast(pl.String).fill_null("")
    named = {"word": [str(value) for value in domain.tolist()], "code": np.arange(len(domain), dtype=np.int64)}
    table = pl.DataFrame(named, schema={"word": pl.String, "code": pl.Int64})
    found = (
        words.alias("word")
        .to_frame()
        .join(table.unique("word", keep="first"), on="word", how="left", maintain_order="left")
    )
    return found["code"].fill_null(-1).to_numpy()


def _numbers(values: polars.Series) -> np.ndarray:
    import polars as pl

    return values.cast(pl.Float64, strict=False).fill_null(float("nan")).to_numpy()
