"""Summary of a column: how many values, how many differ, and a histogram that shows nobody in particular."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from casemate.core.provenance import Summary

if TYPE_CHECKING:
    import polars

    from casemate.core.schema import Role

BUCKETS = 12
FEWEST = 10
"""A bucket of a column about people is shown when it holds at least so many rows; smaller ones are put together."""
OTHERS = "other values"
LONGEST_LABEL = 40
LAST_NANOSECOND = 86_400_000_000_000 - 1  # of a day
FEW_YEARS = 4
"""Dates of fewer years are counted by days, not by years."""
OPEN_ROLES = frozenset({"feature", "target"})
"""Roles whose values identify nobody: their ends are told, and their buckets however small."""


def summarise(series: polars.Series, role: Role | None = None) -> Summary:
    """Return what may be told of a column's values.

    Of an identifier only counts are told. Of quasi-identifiers, of what is sensitive and of columns that nobody
    declared, buckets of at least `FEWEST` rows, and neither end of the range, since whoever stands at an end stands
    there alone. Of features and targets both. Text that is different in more than half of its rows is treated as an
    identifier, whatever it was declared.

    Args:
        series: the values, any type.
        role: what the column is to a person; None where nobody said.
    """
    import polars as pl

    values = series.fill_nan(None) if series.dtype.is_float() else series
    missing = values.null_count()
    values = values.drop_nulls()
    distinct = _distinct(values)
    counts = Summary(len(series), distinct, missing)
    nested = values.dtype.is_nested() or values.dtype in (pl.Object, pl.Binary, pl.Null)
    if role == "identifier" or nested or not len(values):
        return counts
    ordered = values.dtype.is_numeric() or values.dtype.is_temporal()
    if not ordered and distinct > max(len(values) / 2, BUCKETS):
        return counts
    fewest = 1 if role in OPEN_ROLES else FEWEST
    low, high = (_shown(values.min()), _shown(values.max())) if ordered and role in OPEN_ROLES else ("", "")
    found = _buckets(values, ordered)
    shares = {label: count / len(series) for label, count in _safe(found, fewest)}
    return Summary(len(series), distinct, missing, low, high, shares)


def _distinct(values: polars.Series) -> int:
    from polars.exceptions import InvalidOperationError

    try:
        return values.n_unique()
    except InvalidOperationError:  # objects of a kind that has no equality
        return len(values)


def _buckets(values: polars.Series, ordered: bool) -> list[tuple[str, int]]:
    """Counts of single values, of ranges where there are many, of years where there are many dates."""
    import polars as pl

    if not ordered or values.n_unique() <= BUCKETS:
        return _words(values, ordered)
    if values.dtype in (pl.Date, pl.Datetime):
        years = values.dt.year()
        if years.n_unique() >= FEW_YEARS:
            return _buckets(years, ordered)
    return _ranges(values)


def _words(values: polars.Series, ordered: bool) -> list[tuple[str, int]]:
    """The counts of single values: by size, or in their own order where they have one."""
    counted = values.alias("value").value_counts(name="count")
    counted = counted.sort("value") if ordered else counted.sort("count", "value", descending=[True, False])
    return [(_shown(value), int(count)) for value, count in counted.iter_rows()]


def _ranges(values: polars.Series) -> list[tuple[str, int]]:
    """The counts of at most `BUCKETS` ranges of equal width, whose ends are round numbers."""
    import polars as pl

    numbers = values.to_physical() if values.dtype.is_temporal() else values
    numbers = numbers.cast(pl.Float64)
    numbers = numbers.filter(numbers.is_finite())
    if not len(numbers):
        return []
    step, first = _steps(float(numbers.min()), float(numbers.max()))  # type: ignore[arg-type]
    places = (numbers / step - first / step).floor().cast(pl.Int64).clip(0, BUCKETS - 1)
    counted = places.alias("place").value_counts(name="count").sort("place")
    return [
        (_range((first / step + place) * step, step, values.dtype), int(count)) for place, count in counted.iter_rows()
    ]


def _steps(low: float, high: float) -> tuple[float, float]:
    """A round width of which at most `BUCKETS` cover the range, and the first bucket's start."""
    least = max(high / BUCKETS - low / BUCKETS, abs(high) * 1e-12, 1e-290)
    power = 10.0 ** math.floor(math.log10(least))
    for factor in (1.0, 2.0, 2.5, 5.0, 10.0, 20.0):
        step = factor * power or least
        first = math.floor(low / step) * step
        if first + BUCKETS * step > high:
            return step, first
    return (high - low) / BUCKETS * 1.01, low


def _range(start: float, step: float, dtype: polars.DataType) -> str:
    import polars as pl

    if dtype.is_temporal():
        ends = pl.Series([start, start + step]).round(0).cast(pl.Int64)
        ends = (ends.clip(0, LAST_NANOSECOND) if dtype == pl.Time else ends).cast(dtype)
        if dtype == pl.Datetime:
            ends = ends.dt.date()
        return f"{_shown(ends[0])} to {_shown(ends[1])}"
    if dtype.is_integer() and step >= 1:
        last = math.ceil(start + step) - 1
        return f"{math.ceil(start):g}" if last == math.ceil(start) else f"{math.ceil(start)} to {last}"
    return f"{start:.6g} to {start + step:.6g}"


def _safe(found: Iterable[tuple[str, int]], fewest: int) -> Iterable[tuple[str, int]]:
    """At most `BUCKETS` buckets, those that are too small or too many put together, if they are then large enough."""
    found = list(found)
    large = sorted((count for _, count in found if count >= fewest), reverse=True)
    most = BUCKETS if len(large) == len(found) <= BUCKETS else BUCKETS - 1
    least = large[min(most, len(large)) - 1] if large else math.inf
    kept = [(label, count) for label, count in found if count >= least][:most]
    rest = sum(count for _, count in found) - sum(count for _, count in kept)
    yield from kept
    if rest >= fewest:
        yield OTHERS, rest


def _shown(value: object) -> str:
    text = f"{value:.6g}" if isinstance(value, float) else str(value)
    return text if len(text) <= LONGEST_LABEL else f"{text[: LONGEST_LABEL - 1]}…"
