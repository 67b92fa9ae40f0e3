"""Rows without labels: what a model is asked about, coded as numbers like the rows that it was trained on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from casemate.core.errors import DataUnreadable, ShapeMismatch, did_you_mean
from casemate.core.schema import Column
from casemate.systems.data import columns as told
from casemate.systems.data.read import Source
from casemate.systems.data.table import Table
from casemate.systems.data.values import matrix, with_ranges
from casemate.systems.declaration import DataTable
from casemate.systems.lines import Lines


def read_columns(source: Source) -> tuple[tuple[Column, ...], np.ndarray]:
    """Return the columns of a source, told from its rows, and the rows (n, d) float64.

    Raises:
        DataError: see `Source.read`; or columns of which no model can take anything.
    """
    table, _ = source.read()
    columns = told.inputs(table, "", DataTable(train=source.name), {}, Lines())
    X = matrix(table, columns)
    return with_ranges(columns, X, {c.name: c.kind in ("category", "boolean") for c in columns}), X


def read_rows(source: Source, columns: Sequence[Column]) -> np.ndarray:
    """Return the rows of a source, (n, d) float64, in the order of these columns; it may have others.

    Raises:
        DataError: see `Source.read`; or a column that is absent, a missing value, an unknown category.
    """
    table, _ = source.read()
    missing = [column.name for column in columns if column.name not in table.names]
    if missing:
        raise ShapeMismatch(
            f"there is no column {missing[0]!r}{f', and {len(missing) - 1} more' if len(missing) > 1 else ''}."
            f"{did_you_mean(missing[0], table.names)}",
            where=source.name,
            why="the model takes its columns by their names",
            fix=f"give all of: {', '.join(column.name for column in columns[:12])}{', ...' * (len(columns) > 12)}",
        )
    return matrix(table, columns)


def read_numbers(source: Source, width: int) -> np.ndarray:
    """Return the rows of a source whose columns are taken by their order, (n, width) float64.

    Raises:
        DataError: see `Source.read`; or another number of columns, or what is no number.
    """
    table, _ = source.read()
    if len(table.names) != width:
        raise ShapeMismatch(
            f"{len(table.names)} columns, where the model takes {width}",
            where=source.name,
            why="it does not name its columns, so that they are taken in order",
            fix=f"give a table with the model's {width} inputs, and nothing else",
        )
    return matrix(_checked(table), [Column(name) for name in table.names])


def _checked(table: Table) -> Table:
    if len(set(table.names)) != len(table.names):
        raise DataUnreadable("a column is named twice", where=table.source)
    return table
