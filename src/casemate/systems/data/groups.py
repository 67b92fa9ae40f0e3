"""The columns by whose values rows are grouped, for the accuracy of the worst-served group."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from casemate.core.errors import ShapeMismatch, did_you_mean
from casemate.systems.data.table import Table, is_plain
from casemate.systems.lines import Lines
from casemate.systems.strict import mistake

_MOST_GROUPS = 50


def group_values(tables: Sequence[Table], names: Sequence[str], lines: Lines) -> list[dict[str, np.ndarray]]:
    """Return, for each table, every grouping's values as text, (n,); a missing value is empty and in no group.

    Raises:
        SystemFileError: the training rows have no such column, or it holds too many values to be a grouping.
        ShapeMismatch: the test rows have no such column.
    """
    for position, name in enumerate(names):
        _check_present(tables, name, position, lines)
        _check_few(tables, name, position, lines)
    return [{name: _values(table, name) for name in names} for table in tables]


def _values(table: Table, name: str) -> np.ndarray:
    import polars as pl

    return np.array(table.column(name).cast(pl.String).fill_null("").to_list(), dtype=np.str_)


def _check_few(tables: Sequence[Table], name: str, position: int, lines: Lines) -> None:
    import polars as pl

    count = pl.concat([table.column(name).cast(pl.String) for table in tables]).drop_nulls().n_unique()
    if count > _MOST_GROUPS:
        raise mistake(
            f"{name!r} holds {count} different values, too many to compare as groups",
            lines,
            ("data", "groups", position),
            fix="add a column with a few bands of it, and group by that",
        )


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
