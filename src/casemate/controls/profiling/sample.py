"""A column's different values as text, the most frequent first: what its role is told from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import polars

MOST_ROWS = 50_000
"""Rows that are looked at, spread evenly over the column."""

MOST_VALUES = 10_000
"""Different values that are looked at."""

PROBE = 64
"""Values that every form is tried on before it is tried on all."""

Holds = Literal["text", "number", "date", "boolean", "other", "nothing"]


@dataclass(frozen=True, eq=False)
class Sample:
    """Different values of one column.

    Args:
        name: the column's name.
        holds: the type of its values.
        whole: whether all numbers are whole.
        values: different values as text, without blanks around them, the most frequent first, (d,).
        counts: in how many of the rows looked at each is, (d,).
        column: the column as it is.
    """

    name: str
    holds: Holds
    whole: bool
    values: polars.Series
    counts: polars.Series
    column: polars.Series

    @cached_property
    def probe(self) -> list[str]:
        """Some of the values, spread evenly."""
        step = max(len(self.values) // PROBE, 1)
        return self.values.gather_every(step).head(PROBE).to_list()

    @cached_property
    def rows(self) -> int:
        """Rows that hold one of the values."""
        return int(self.counts.sum())


def sample(column: polars.Series) -> Sample:
    """Return the different values of a column, at most `MOST_VALUES` of at most `MOST_ROWS` rows."""
    import polars as pl

    held, whole = _holds(column.dtype)
    empty = pl.Series("", [], dtype=pl.String)
    if held in ("other", "nothing"):
        return Sample(column.name, held, whole, empty, pl.Series("", [], dtype=pl.UInt32), column)
    few = column.gather_every(-(-len(column) // MOST_ROWS)) if len(column) > MOST_ROWS else column
    counted = few.alias("v").drop_nulls().value_counts(name="n")
    if counted.height < len(few):
        counted = counted.sort("n", "v", descending=[True, False])
    counted = counted.head(MOST_VALUES)
    values = counted["v"]
    if held == "number" and not whole:
        whole = bool((values == values.round()).all())  # whole numbers beside missing values are often read as floats
        values = values.cast(pl.Int64, strict=False) if whole else values
    if values.dtype != pl.String:
        values = values.cast(pl.String)
    if held == "text":
        values = values.str.strip_chars()
    return Sample(column.name, held, whole, values, counted["n"], column)


def _holds(dtype: polars.DataType) -> tuple[Holds, bool]:
    import polars as pl

    if dtype == pl.Null:
        return "nothing", False
    if dtype == pl.Boolean:
        return "boolean", False
    if dtype.is_numeric():
        return "number", dtype.is_integer()
    if dtype in (pl.Date, pl.Datetime):
        return "date", False
    if dtype in (pl.String, pl.Categorical, pl.Enum):
        return "text", False
    return "other", False
