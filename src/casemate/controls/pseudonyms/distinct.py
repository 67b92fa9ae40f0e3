"""Distinct values: what costs much per value is done once for each value that occurs, whatever the rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from casemate.controls.pseudonyms.canonical import to_text

if TYPE_CHECKING:
    import polars as pl


def over_distinct(values: pl.Series, change: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """Return the column with the canonical text of every distinct value changed.

    Args:
        values: of any type that has a canonical text, (n,); missing values stay missing.
        change: gives for m distinct texts, none missing, m new ones.

    Raises:
        PseudonymRefused: values of a type that has none.
    """
    import polars as pl

    # Whole numbers are told apart faster than their texts are.
    distinct, codes = encode(values if values.dtype in (pl.Int64, pl.Int32, pl.UInt64, pl.UInt32) else to_text(values))
    if distinct.is_empty():
        return pl.Series(values.name, [None] * len(values), dtype=pl.String)
    return change(to_text(distinct)).gather(codes).rename(values.name)


def encode(values: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Return the distinct values in the order in which they occur, (m,), and for every row its place there, (n,)."""
    import polars as pl
    import pyarrow as pa

    try:  # without a copy
        encoded = values.to_arrow(compat_level=pl.CompatLevel.newest()).dictionary_encode()
    except pa.ArrowNotImplementedError:  # an Arrow that cannot encode views of text
        encoded = values.to_arrow(compat_level=pl.CompatLevel.oldest()).dictionary_encode()
    distinct = pl.Series(values.name, encoded.dictionary, dtype=values.dtype)
    return distinct, pl.Series(encoded.indices, dtype=pl.Int32)


def row_of(values: pl.Series, value: str) -> int:
    """Return the first row that holds a value, counted from 0."""
    found = (values == value).arg_max()
    return 0 if found is None else found
