"""Coding: the columns of a table as small whole numbers, in which neighbours are alike."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from casemate.controls.anonymity.domains import Detail, Domain
from casemate.controls.anonymity.labels import number_text
from casemate.controls.anonymity.numbers import beyond_exact
from casemate.controls.anonymity.survey import SMALL_SPAN, domain_of
from casemate.core.errors import EmptyData, OutOfRange, ShapeMismatch, did_you_mean

if TYPE_CHECKING:
    import polars


@dataclass(frozen=True, eq=False)
class Coded:
    """Columns as codes.

    Args:
        codes: (n, d) int16, row-major.
        domains: what the codes of each column stand for.
    """

    codes: np.ndarray
    domains: tuple[Domain, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The columns."""
        return tuple(domain.name for domain in self.domains)

    @cached_property
    def sizes(self) -> np.ndarray:
        """How many codes each column has, (d,) int64."""
        return np.array([domain.size for domain in self.domains], dtype=np.int64)

    @cached_property
    def ordinal(self) -> np.ndarray:
        """Whether a range of codes says something, (d,) bool."""
        return np.array([domain.ordinal for domain in self.domains], dtype=bool)

    @cached_property
    def weights(self) -> np.ndarray:
        """How much detail in each column matters, (d,) float64."""
        return np.array([domain.weight for domain in self.domains], dtype=np.float64)


def code(table: polars.DataFrame, columns: Sequence[str], details: Mapping[str, Detail] | None = None) -> Coded:
    """Return the named columns as codes over domains told from the table.

    Raises:
        EmptyData: no rows.
        ShapeMismatch: a column that the table lacks, or none at all.
        OutOfRange, DataUnreadable: see `domain_of`.
    """
    _check(table, columns)
    details = details or {}
    domains = []
    codes = np.empty((table.height, len(columns)), dtype=np.int16)
    for j, name in enumerate(columns):
        column = _with_dictionary(table[name])
        domains.append(domain_of(column, details.get(name)))
        codes[:, j] = encode(column, domains[j])
    return Coded(codes, tuple(domains))


def code_with(table: polars.DataFrame, domains: Sequence[Domain]) -> np.ndarray:
    """Return the columns of the domains as codes, (n, d) int16, row-major: one batch of a larger table, for example.

    Raises:
        OutOfRange: a value that is not in its domain.
    """
    codes = np.empty((table.height, len(domains)), dtype=np.int16)
    for j, domain in enumerate(domains):
        codes[:, j] = encode(table[domain.name], domain)
    return codes


def encode(column: polars.Series, domain: Domain, *, exact: bool = False) -> np.ndarray:
    """Return the code of every value, (n,) int16; with ``exact`` its place in ``domain.raw`` instead, (n,) int32.

    Raises:
        OutOfRange: a value that is not in the domain. Where neighbours share codes, one outside its ends.
    """
    places = domain if domain.starts is None or not exact else replace(domain, starts=None)
    dtype = np.int32 if exact else np.int16
    return _encode_numbers(column, places, dtype) if domain.kind == "number" else _encode_words(column, places, dtype)


def _encode_numbers(column: polars.Series, domain: Domain, dtype: type[np.generic]) -> np.ndarray:
    import polars as pl

    values = domain.values
    if column.dtype.is_integer() and len(values) and values[-1] - values[0] < SMALL_SPAN:
        return _looked_up(column, values.astype(np.int64), _codes_of_places(domain, dtype), domain)
    numbers = column.cast(pl.Float64).to_numpy()
    if domain.starts is None:
        codes = np.searchsorted(values, numbers)
        known = values[np.minimum(codes, len(values) - 1)] == numbers if len(values) else np.zeros(len(column), bool)
    else:
        codes = np.searchsorted(values[domain.starts], numbers, side="right") - 1
        known = (numbers >= values[0]) & (numbers <= values[-1])
    gone = np.isnan(numbers)
    _check_known(column, known | (gone & domain.missing), domain)
    codes[gone] = domain.bins
    return codes.astype(dtype)


def _encode_words(column: polars.Series, domain: Domain, dtype: type[np.generic]) -> np.ndarray:
    column = _with_dictionary(column)
    unique = column.unique().drop_nulls()
    of_text = dict(zip(domain.values.tolist(), _codes_of_places(domain, dtype).tolist(), strict=True))
    if domain.missing:
        of_text[""] = domain.bins
    codes = np.array([of_text.get(text, -1) for text in _texts(unique)], dtype=dtype)
    keys = _keys(unique)
    order = np.argsort(keys)
    return _looked_up(column, keys[order], codes[order], domain)


def _with_dictionary(column: polars.Series) -> polars.Series:
    import polars as pl

    return column.cast(pl.Categorical) if column.dtype == pl.String else column


def _looked_up(column: polars.Series, keys: np.ndarray, codes: np.ndarray, domain: Domain) -> np.ndarray:
    """Return the codes (n,) of a column whose ascending ``keys`` (c,) have the ``codes`` (c,); -1 is no code."""
    null = column.is_null().to_numpy() if column.null_count() else np.zeros(0, dtype=bool)
    found = np.full(len(column), -1, dtype=codes.dtype)
    if len(keys) and len(column):
        own = _keys(column)
        found = _by_table(own, keys, codes) if keys[-1] - keys[0] < SMALL_SPAN else _by_search(own, keys, codes)
    if domain.missing and len(null):
        found[null] = domain.bins
    _check_known(column, found >= 0, domain)
    return found


def _by_table(own: np.ndarray, keys: np.ndarray, codes: np.ndarray) -> np.ndarray:
    table = np.full(int(keys[-1] - keys[0]) + 3, -1, dtype=codes.dtype)  # a place without a code on either side
    table[keys - keys[0] + 1] = codes
    if own.min() >= keys[0] and own.max() <= keys[-1]:
        return np.asarray(table[own - (keys[0] - 1)])
    return np.asarray(table[np.clip(own, keys[0] - 1, keys[-1] + 1) - (keys[0] - 1)])


def _by_search(own: np.ndarray, keys: np.ndarray, codes: np.ndarray) -> np.ndarray:
    places = np.minimum(np.searchsorted(keys, own), len(keys) - 1)
    return np.where(keys[places] == own, codes[places], codes.dtype.type(-1))


def _keys(column: polars.Series) -> np.ndarray:
    """Return a whole number or float for every value, the same for equal ones, (n,); 0 for missing ones."""
    import polars as pl

    if column.dtype == pl.Boolean:
        column = column.cast(pl.UInt8)
    elif not column.dtype.is_numeric():
        column = column.to_physical()
    keys = column.fill_null(0).to_numpy()
    return keys.astype(np.int64) if keys.dtype.kind in "iu" else keys


def _texts(unique: polars.Series) -> list[str]:
    import polars as pl

    if unique.dtype.is_numeric() and not beyond_exact(unique):
        return ["" if math.isnan(value) else number_text(value) for value in unique.cast(pl.Float64).to_list()]
    return unique.cast(pl.String).to_list()


def _codes_of_places(domain: Domain, dtype: type[np.generic]) -> np.ndarray:
    """Return the code of every value of the domain, (c,)."""
    if domain.starts is None:
        return np.arange(len(domain.values)).astype(dtype)
    return (np.searchsorted(domain.starts, np.arange(len(domain.values)), side="right") - 1).astype(dtype)


def _check_known(column: polars.Series, known: np.ndarray, domain: Domain) -> None:
    if known.all():
        return
    row = int(np.flatnonzero(~known)[0])
    raise OutOfRange(
        f"the column {domain.name!r} holds {column[row]!r}, which its domain lacks",
        where=f"column {domain.name!r}, row {row + 1}",
        why="the domain was told from other data",
        fix="tell the domain from all the data, or repair this value",
    )


def _check(table: polars.DataFrame, columns: Sequence[str]) -> None:
    if not columns:
        raise ShapeMismatch("no columns to blur are named", fix="give at least one column the role quasi-identifier")
    for name in columns:
        if name not in table.columns:
            raise ShapeMismatch(
                f"the table has no column {name!r}.{did_you_mean(name, table.columns)}",
                where=f"column {name!r}",
                fix=f"its columns are: {', '.join(table.columns)}",
            )
    if not table.height:
        raise EmptyData("the table has no rows", fix="there is nothing to blur in an empty table")
