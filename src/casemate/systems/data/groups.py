"""Coding the columns by whose values rows are grouped, for the accuracy of the worst-served group."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from casemate.core.errors import ShapeMismatch, did_you_mean
from casemate.systems.data.table import Table, is_plain
from casemate.systems.lines import Lines
from casemate.systems.strict import mistake

_MOST_GROUPS = 50


def group_codes(tables: Sequence[Table], names: Sequence[str], lines: Lines) -> list[dict[str, np.ndarray]]:
    """Return, for each table, a code (n,) int64 per grouping; the same value has the same code in all tables.

    Codes count the values in sorted order; a missing value belongs to no group, -1.

    Raises:
        SystemFileError: the training rows have no such column, or it holds too many values to be a grouping.
        ShapeMismatch: the test rows have no such column.
    """
    coded: list[dict[str, np.ndarray]] = [{} for _ in tables]
    for position, name in enumerate(names):
        _check_present(tables, name, position, lines)
        for codes, own in zip(coded, _code(tables, name, position, lines), strict=True):
            codes[name] = own
    return coded


def _code(tables: Sequence[Table], name: str, position: int, lines: Lines) -> list[np.ndarray]:
    import polars as pl

    columns = [table.column(name).cast(pl.String) for table in tables]
    values = pl.concat(columns).drop_nulls().unique().sort()
    if len(values) > _MOST_GROUPS:
        raise mistake(
            f"{name!r} holds {len(values)} different values, too many to compare as groups",
            lines,
            ("data", "groups", position),
            fix="add a column with a few bands of it, and group by that",
        )
    codes = {value: code for code, value in enumerate(values)}
    return [
        column.replace_strict(codes, default=-1, return_dtype=pl.Int64).to_numpy()
        if codes
        else np.full(len(column), -1, dtype=np.int64)
        for column in columns
    ]


def _check_present(tables: Sequence[Table], name: str, position: int, lines: Lines) -> None:
    for table in tables:
        if name not in table.names:
            what = f"{table.source} has no column {name!r} to group by.{did_you_mean(name, table.names)}"
            if table is tables[0]:
                raise mistake(what, lines, ("data", "groups", position), fix="name one of its columns")
            raise ShapeMismatch(what, where=table.source, fix="give all rows the columns of the training rows")
        if not is_plain(table.column(name).dtype):
            what = f"{name!r} holds values of type {table.column(name).dtype}, which make no groups"
            raise mistake(what, lines, ("data", "groups", position), fix="group by a column of words or numbers")
