"""Survey: which values a column holds, and in which order they get their codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from casemate.controls.anonymity.automatic import automatic, halves
from casemate.controls.anonymity.bands import date_bands, number_bands, prefix_bands
from casemate.controls.anonymity.domains import Detail, Domain
from casemate.controls.anonymity.hierarchies import Hierarchy, from_rows
from casemate.controls.anonymity.labels import Kind, number_text
from casemate.controls.anonymity.numbers import beyond_exact
from casemate.core.errors import DataUnreadable, OutOfRange, did_you_mean

if TYPE_CHECKING:
    import polars

SMALL_SPAN = 1 << 22  # whole numbers within so wide a range are looked up in a table


@dataclass(frozen=True, eq=False)
class Found:
    """The distinct values of a column, ascending: numbers as float64, everything else as text.

    Args:
        ordered: whether their order says something: not for words and truth values.
    """

    values: np.ndarray
    kind: Kind
    ordered: bool
    missing: bool


def domain_of(column: polars.Series, detail: Detail | None = None) -> Domain:
    """Return the domain of a column, told from the column itself or from its distinct values alone.

    Numbers and dates ascend; words are in the order of their hierarchy, else of ``detail.order``, else sorted. NaN and
    empty words count as missing. Beyond 32,767 values neighbours share a code.

    Raises:
        OutOfRange: a value that the hierarchy or the declared order lacks, or bands that do not fit the column.
        DataUnreadable: a hierarchy with a mistake, or a column of a type that has no order (lists, objects, bytes).
    """
    detail = detail or Detail()
    if detail.within:
        detail = automatic(column, detail)
    found = distinct(column)
    if detail.order:
        found = _declared(found, detail.order, column.name)
    hierarchy = None
    if detail.rows and len(found.values):
        found, hierarchy = _with_hierarchy(found, detail, column.name)
    elif len(found.values):
        hierarchy = _bands(found, detail, column.name)
        if hierarchy is None and detail.within:
            hierarchy = halves(_texts(found), ranges=found.ordered if detail.ordinal is None else detail.ordinal)
    return Domain(
        name=column.name,
        kind=found.kind,
        values=found.values,
        ordinal=found.ordered if detail.ordinal is None else detail.ordinal,
        missing=found.missing,
        hierarchy=hierarchy,
        within=detail.within and hierarchy is not None,
        weight=detail.weight,
    ).coarsened()


def distinct(column: polars.Series) -> Found:
    """Return the distinct values of a column.

    Raises:
        DataUnreadable: a column of a type that has no order.
    """
    import polars as pl

    dtype = column.dtype
    _check_type(column)
    if dtype.is_numeric() and not beyond_exact(column):
        numbers = _distinct_numbers(column)
        missing = column.null_count() > 0 or (dtype.is_float() and bool(column.is_nan().any()))
        return Found(numbers, "number", ordered=True, missing=missing)
    unique = column.unique().drop_nulls()
    words = isinstance(dtype, pl.String | pl.Categorical | pl.Enum)
    text = unique.cast(pl.String).sort() if words else unique.sort().cast(pl.String)
    empty = words and bool((text == "").any())
    values = np.array(text.filter(text != "").to_list() if empty else text.to_list(), dtype=object)
    ordered = not words and dtype != pl.Boolean
    return Found(values, "word", ordered=ordered, missing=column.null_count() > 0 or empty)


def _check_type(column: polars.Series) -> None:
    import polars as pl

    if column.dtype.is_nested() or column.dtype in (pl.Object, pl.Binary):
        raise DataUnreadable(
            f"the column {column.name!r} holds {column.dtype}",
            where=f"column {column.name!r}",
            why="only numbers, dates, truth values and words have values that can be compared and blurred",
            fix="split it into plain columns, or drop it",
        )


def _distinct_numbers(column: polars.Series) -> np.ndarray:
    import polars as pl

    column = column.drop_nulls()
    if column.dtype.is_integer() and column.len():
        whole: Any = column.to_numpy()
        low, high = int(whole.min()), int(whole.max())
        if high - low < SMALL_SPAN:
            seen = np.zeros(high - low + 1, dtype=bool)
            seen[whole.astype(np.int64) - low] = True
            return (np.flatnonzero(seen) + low).astype(np.float64)
    numbers = column.cast(pl.Float64).unique().sort().to_numpy()
    return np.unique(numbers[~np.isnan(numbers)] + 0.0)  # -0.0 is 0.0


def _texts(found: Found) -> list[str]:
    values = found.values.tolist()
    return [number_text(value) for value in values] if found.kind == "number" else values


def _declared(found: Found, order: Sequence[str], column: str) -> Found:
    places = {value: place for place, value in enumerate(order)}
    texts = _texts(found)
    for value in texts:
        if value not in places:
            raise OutOfRange(
                f"the order of {column!r} lacks the value {value!r}.{did_you_mean(value, places)}",
                where=f"column {column!r}",
                fix="add it to the order, or repair the data",
            )
    texts.sort(key=places.__getitem__)
    return Found(np.array(texts, dtype=object), "word", ordered=True, missing=found.missing)


def _with_hierarchy(found: Found, detail: Detail, column: str) -> tuple[Found, Hierarchy]:
    """Return the values in the tree's order, and the tree over exactly them.

    Numbers stay numbers where every node is a range of numbers; otherwise they are names like any others.
    """
    rows, where = list(range(len(detail.rows))), detail.where
    if found.ordered:  # siblings ascend, whatever the order of the file
        rows.sort(key=lambda row: _ascending_key(detail.rows[row][0], found))
    tree = from_rows([detail.rows[row] for row in rows], lambda row: where(rows[row]))
    texts = _texts(found)
    codes = tree.codes_of(texts, column)
    by_tree = np.argsort(codes)
    tree = tree.take(codes[by_tree])
    if found.ordered and (np.diff(by_tree) > 0).all():
        return found, tree
    values = np.array([texts[place] for place in by_tree], dtype=object)
    return Found(values, "word", ordered=False, missing=found.missing), tree


def _ascending_key(text: str, found: Found) -> tuple[float, str]:
    if found.kind == "word":
        return 0.0, text
    try:
        return float(text), text
    except ValueError:  # no number, so no value of the column
        return np.inf, text


def _bands(found: Found, detail: Detail, column: str) -> Hierarchy | None:
    try:
        if detail.widths:
            return number_bands(_numbers(found), detail.widths, detail.origin)
        if detail.steps:
            return date_bands(_texts(found), detail.steps)
        return prefix_bands(_texts(found), detail.prefixes) if detail.prefixes else None
    except OutOfRange as error:
        raise OutOfRange(error.what, where=f"column {column!r}", why=error.why, fix=error.fix) from None


def _numbers(found: Found) -> np.ndarray:
    if found.kind == "number":
        return found.values
    raise OutOfRange("bands with widths need numbers, and the column holds words", fix="use prefixes or a hierarchy")
