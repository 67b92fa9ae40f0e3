"""Coding columns as numbers, and holding every value against what its column declares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from casemate.core.errors import CasemateError, NotFinite, OutOfRange, ShapeMismatch, did_you_mean
from casemate.core.schema import Column
from casemate.systems.data.table import Table, suits

if TYPE_CHECKING:
    import polars

_TRUTH = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0}


def matrix(table: Table, columns: Sequence[Column]) -> np.ndarray:
    """Return the columns as an array (n, d) float64 in row order; categories as codes, truth values as 0 and 1.

    Raises:
        ShapeMismatch: a column is absent.
        NotFinite: a value is missing, NaN or infinite.
        OutOfRange: a category that the column does not have, a word where a number belongs, a fraction where a whole
            number belongs.
    """
    _check_present(table, columns)
    if isinstance(table.values, np.ndarray):
        X = _from_array(table, table.values, columns)
    else:
        X = table.values.select(_expression(table.values.schema[c.name], c) for c in columns).to_numpy(order="c")
    _check_finite(X, table, columns)
    _check_whole(X, table, columns)
    return X


def with_ranges(columns: Sequence[Column], X: np.ndarray, known: Mapping[str, bool]) -> tuple[Column, ...]:
    """Return the columns with the lowest and highest value of ``X`` (n, d) where their range is not ``known``."""
    low, high = X.min(axis=0), X.max(axis=0)
    return tuple(
        column if known[column.name] else replace(column, low=float(low[index]), high=float(high[index]))
        for index, column in enumerate(columns)
    )


def check_ranges(X: np.ndarray, table: Table, columns: Sequence[Column], known: Mapping[str, bool]) -> None:
    """Hold ``X`` (n, d), the table's rows, against the ranges that are ``known`` and the one-hot groups.

    Raises:
        OutOfRange: a value outside, with its row; or a one-hot group that does not hold exactly one 1.
    """
    for index, column in enumerate(columns):
        if known[column.name]:
            outside = (X[:, index] < column.low) | (X[:, index] > column.high)
            if outside.any():
                row = int(np.argmax(outside))
                raise OutOfRange(
                    f"{X[row, index]:g} is outside the range of {column.name!r}, {column.low:g} to {column.high:g}",
                    where=table.at(row, column.name),
                    why="distances and what an attacker may write are measured by the range",
                    fix="correct the row, or the range in [data]",
                )
    for group in sorted({column.one_hot for column in columns if column.one_hot}):
        _check_one_hot(X, table, columns, group)


def _check_one_hot(X: np.ndarray, table: Table, columns: Sequence[Column], group: str) -> None:
    members = [index for index, column in enumerate(columns) if column.one_hot == group]
    part = X[:, members]
    wrong = (part.sum(axis=1) != 1) | (part.max(axis=1) != 1)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise OutOfRange(
            f"the one-hot group {group!r} holds {part[row].tolist()}, and not exactly one 1",
            where=table.at(row),
            fix=f"correct the row, or the columns of the group: {', '.join(columns[i].name for i in members)}",
        )


def _check_present(table: Table, columns: Sequence[Column]) -> None:
    have = set(table.names)
    for column in columns:
        if column.name not in have:
            raise ShapeMismatch(
                f"{table.source} has no column {column.name!r}, which the training rows have."
                f"{did_you_mean(column.name, table.names)}",
                where=table.source,
                fix="give the test rows the columns of the training rows, under the same names",
            )
        if not suits(table.column(column.name).dtype, column.kind):
            raise OutOfRange(
                f"the column holds values of type {table.column(column.name).dtype}, which no model takes",
                where=f"{table.source}, column {column.name!r}",
                fix="give the test rows the same types as the training rows",
            )


def _from_array(table: Table, values: np.ndarray, columns: Sequence[Column]) -> np.ndarray:
    wanted = [table.names.index(column.name) for column in columns]
    part = values if wanted == list(range(values.shape[1])) else values[:, wanted]
    X = np.ascontiguousarray(part, dtype=np.float64)
    for index, column in enumerate(columns):
        if column.kind == "category":
            X = X.copy() if X is values else X
            X[:, index] = _codes(table.column(column.name), column)
    return X


def _codes(values: polars.Series, column: Column) -> np.ndarray:
    return values.to_frame().select(_expression(values.dtype, column)).to_series().to_numpy()


def _expression(dtype: polars.DataType, column: Column) -> polars.Expr:
    """Return the column as Float64; null where it cannot be."""
    import polars as pl

    name = pl.col(column.name)
    words = dtype in (pl.String, pl.Categorical, pl.Enum)
    if column.kind == "category":
        codes = {text: float(code) for code, text in enumerate(column.categories)}
        return name.cast(pl.String).replace_strict(codes, default=None, return_dtype=pl.Float64)
    if column.kind == "boolean" and words:
        lowered = name.cast(pl.String).str.strip_chars().str.to_lowercase()
        return lowered.replace_strict(_TRUTH, default=None, return_dtype=pl.Float64)
    return name.cast(pl.String).cast(pl.Float64, strict=False) if words else name.cast(pl.Float64, strict=False)


def _check_finite(X: np.ndarray, table: Table, columns: Sequence[Column]) -> None:
    if np.isfinite(X).all():
        return
    row, index = (int(position) for position in np.argwhere(~np.isfinite(X))[0])
    raise _why_not(table.column(columns[index].name)[row], table.at(row, columns[index].name), columns[index])


def _why_not(value: object, where: str, column: Column) -> CasemateError:
    if value is None or (isinstance(value, float) and not np.isfinite(value)):
        what = "a value is missing" if value is None else f"{value} is not a finite number"
        fix = "fill it in or drop the row before the assessment, as you do before training"
        return NotFinite(what, where=where, why="a model's answer to it means nothing", fix=fix)
    if column.kind == "category":
        hint = did_you_mean(str(value), column.categories)
        fix = f"correct the row, or list all categories under [data.columns.{column.name}]"
        return OutOfRange(f"{str(value)!r} is no known category of {column.name!r}.{hint}", where=where, fix=fix)
    kind = "truth value" if column.kind == "boolean" else "number"
    fix = f'correct the row, or write kind = "category" under [data.columns.{column.name}]'
    return OutOfRange(f"{str(value)!r} is no {kind}", where=where, fix=fix)


def _check_whole(X: np.ndarray, table: Table, columns: Sequence[Column]) -> None:
    for index, column in enumerate(columns):
        if column.kind in ("integer", "boolean"):
            values = X[:, index]
            wrong = values != np.rint(values)
            if column.kind == "boolean":
                wrong |= (values != 0) & (values != 1)
            if wrong.any():
                row = int(np.argmax(wrong))
                article = "a whole number" if column.kind == "integer" else "0 or 1"
                raise OutOfRange(
                    f"{values[row]:g} is not {article}",
                    where=table.at(row, column.name),
                    fix=f'correct the row, or write kind = "number" under [data.columns.{column.name}]',
                )
