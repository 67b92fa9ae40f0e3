"""Some of a column's values as text: what its role is told from."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import polars

MOST_VALUES = 10_000
"""Values whose form is checked, spread evenly over the column."""

MOST_WORDS = 256
"""Values that are looked up in lists."""

PROBE = 24
"""Values that every form is tried on before it is tried on all."""

Holds = Literal["text", "number", "date", "boolean", "other", "nothing"]


@dataclass(frozen=True, eq=False)
class Sample:
    """Some values of one column; missing ones are left out.

    Args:
        name: the column's name.
        holds: the type of its values.
        whole: whether all numbers are whole.
        values: values as text, without blanks around them, spread evenly over the rows, (at most `MOST_VALUES`,).
        column: the column as it is.
        told_unique: whether every row has a value of its own; None where nobody has counted yet.
    """

    name: str
    holds: Holds
    whole: bool
    values: polars.Series
    column: polars.Series
    told_unique: bool | None = None

    @cached_property
    def words(self) -> list[str]:
        """Some of the values, spread evenly, at most `MOST_WORDS`."""
        step = -(-len(self.values) // MOST_WORDS) or 1
        some = self.values.gather(list(range(0, len(self.values), step))) if step > 1 else self.values
        values: list[str] = some.to_list()
        return values

    @cached_property
    def probe(self) -> list[str]:
        """A few of the values, spread evenly, at most `PROBE`."""
        return self.words[:: -(-len(self.words) // PROBE) or 1]

    @cached_property
    def tally(self) -> Counter[str]:
        """How often each of `words` occurs among them."""
        return Counter(self.words)

    @cached_property
    def first(self) -> Counter[str]:
        """How often each of `probe` occurs among them."""
        return Counter(self.probe)

    @cached_property
    def different(self) -> int:
        """How many different values there are among `words`."""
        return len(self.tally)

    @cached_property
    def unique(self) -> bool:
        """Whether every row has a value of its own. The whole column is counted only where no two words are alike."""
        if self.told_unique is not None:
            return self.told_unique
        if self.different < len(self.words) or self.column.null_count():
            return False
        return bool(self.column.n_unique() == len(self.column) > 1)


def sample(column: polars.Series, unique: bool | None = None) -> Sample:
    """Return some values of a column, spread evenly over its rows.

    Args:
        column: the column.
        unique: whether every row has a value of its own, if that is known.
    """
    import polars as pl

    held, whole = _holds(column.dtype)
    if held in ("other", "nothing"):
        return Sample(column.name, held, whole, pl.Series("", [], dtype=pl.String), column, unique)
    values = column.alias("")  # a name that holds a zero byte does not get through to Arrow
    values = values.drop_nulls() if values.null_count() else values
    if len(values) > MOST_VALUES:
        values = values.gather_every(-(-len(values) // MOST_VALUES))
    if held == "number" and not whole and len(values):
        whole = bool((values == values.round()).all())  # whole numbers beside missing values are often read as floats
        values = values.cast(pl.Int64, strict=False).drop_nulls() if whole else values
    if values.dtype != pl.String:
        values = values.cast(pl.String)
    made = Sample(column.name, held, whole, values, column, unique)
    if held == "text" and any(value != value.strip() for value in made.probe):
        made = Sample(column.name, held, whole, values.str.strip_chars(), column, unique)
    return made


def _holds(dtype: polars.DataType) -> tuple[Holds, bool]:
    import polars as pl

    if dtype == pl.String:
        return "text", False
    if dtype == pl.Null:
        return "nothing", False
    if dtype == pl.Boolean:
        return "boolean", False
    if dtype.is_numeric():
        return "number", dtype.is_integer()
    if dtype in (pl.Date, pl.Datetime):
        return "date", False
    if dtype in (pl.Categorical, pl.Enum):
        return "text", False
    return "other", False
