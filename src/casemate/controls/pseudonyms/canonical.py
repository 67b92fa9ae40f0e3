"""Canonical text: the one way to write a value of any type, so that equal values get equal pseudonyms, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from casemate.core.errors import PseudonymRefused

if TYPE_CHECKING:
    import polars as pl

_DAY = "%Y-%m-%d"
_TIME = "%H:%M:%S%.f"
_MOMENT = f"{_DAY}T{_TIME}"


def to_text(values: pl.Series) -> pl.Series:
    """Return values as text, missing ones still missing.

    Text stays as it is, to the byte; whole numbers are decimal; truth values ``true`` and ``false``; dates and times
    ISO 8601, a moment with a time zone in UTC with a Z; floats in the shortest form that reads back. The width of a
    number and the unit of a time leave no mark: 7 is ``7`` whether it came as 8 bits or 64.

    Raises:
        PseudonymRefused: values of a kind that has no such form (lists, structs, bytes, durations, objects).
    """
    import polars as pl

    dtype = values.dtype
    if dtype == pl.String:
        return values
    if isinstance(dtype, (pl.Categorical, pl.Enum)) or dtype.is_numeric() or dtype == pl.Null:
        return values.cast(pl.String)
    if dtype == pl.Boolean:
        return values.cast(pl.String)
    if dtype == pl.Date:
        return values.dt.strftime(_DAY)
    if dtype == pl.Time:
        return values.dt.strftime(_TIME)
    if isinstance(dtype, pl.Datetime):
        aware = dtype.time_zone is not None
        naive = values.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if aware else values
        return naive.dt.strftime(_MOMENT + ("Z" if aware else ""))
    raise PseudonymRefused(
        f"values of type {dtype} have no pseudonyms",
        where=f"column {values.name!r}",
        why="there is no one way to write them, and equal values must get equal pseudonyms",
        fix="turn the column into text first, or drop it",
    )


def from_text(texts: pl.Series, dtype: pl.DataType) -> pl.Series:
    """Return values of a type from their canonical text: the inverse of `to_text`.

    Raises:
        PseudonymRefused: a text that is no value of the type.
    """
    import polars as pl

    try:
        return _parsed(texts, dtype).rename(texts.name)
    except pl.exceptions.PolarsError:
        raise PseudonymRefused(
            f"not every value turned back is of type {dtype}",
            where=f"column {texts.name!r}",
            why="the column held another type when its pseudonyms were made, or the key is another's",
            fix="turn it back as text",
        ) from None


def _parsed(texts: pl.Series, dtype: pl.DataType) -> pl.Series:
    import polars as pl

    if dtype == pl.Boolean:
        return texts.replace_strict(["true", "false"], [True, False], return_dtype=pl.Boolean)
    if dtype == pl.Date:
        return texts.str.to_date(_DAY)
    if dtype == pl.Time:
        return texts.str.to_time(_TIME)
    if isinstance(dtype, pl.Datetime):
        if dtype.time_zone is None:
            return texts.str.to_datetime(_MOMENT, time_unit=dtype.time_unit)
        moments = texts.str.strip_suffix("Z").str.to_datetime(_MOMENT, time_unit=dtype.time_unit, time_zone="UTC")
        return moments.dt.convert_time_zone(dtype.time_zone)
    return texts.cast(dtype)
