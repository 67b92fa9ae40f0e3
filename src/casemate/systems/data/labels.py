"""Coding labels as 0 to k - 1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from casemate.core.errors import NotFinite, OutOfRange, ShapeMismatch, SingleClass, did_you_mean
from casemate.systems.data.table import Table, is_plain
from casemate.systems.lines import Lines
from casemate.systems.strict import mistake

if TYPE_CHECKING:
    import polars

_MOST_CLASSES = 1000


@dataclass(frozen=True)
class Coding:
    """How labels are coded.

    Args:
        values: the text of the value that label ``i`` has in the data.
        names: what class ``i`` is called.
    """

    values: tuple[str, ...]
    names: tuple[str, ...]


def coding_of(table: Table, target: str, declared: tuple[str | int, ...], lines: Lines) -> Coding:
    """Return the coding of the training labels.

    Declared classes are the values in the order of their labels; where the data holds the numbers 0 to k - 1 instead,
    they name these. Classes that the source itself names come next; otherwise the values are sorted.

    Raises:
        SingleClass: the training rows hold fewer than two classes.
        OutOfRange: the target is no class (fractions, or too many values), or a value that no declared class is.
        SystemFileError: a class is declared twice.
    """
    import polars as pl

    labels = _labels(table, target)
    values = tuple(labels.unique().sort().cast(pl.String).to_list())
    if len(values) < 2:
        raise SingleClass(
            f"all {len(labels)} training rows belong to the class {values[0]!r}",
            where=_where(table, target),
            why="there is nothing to tell apart",
            fix="check that target names the right column, and the rows that you kept",
        )
    if len(values) > _MOST_CLASSES:
        raise OutOfRange(
            f"the target holds {len(values)} different values in {len(labels)} rows; is it a measurement?",
            where=_where(table, target),
            why="Casemate assesses classifiers",
            fix="name another column as the target, or bin its values into classes",
        )
    names = tuple(str(name) for name in declared)
    if len(set(names)) < len(names):
        raise mistake("a class is declared twice", lines, ("data", "classes"), fix="name each class once")
    numbers = tuple(str(number) for number in range(len(names or table.classes)))
    if names and not set(values) <= set(names) and set(values) <= set(numbers):
        return Coding(numbers, names)
    if names:
        return Coding(names, names)
    return Coding(numbers, table.classes) if set(values) <= set(numbers) else Coding(values, values)


def code(table: Table, target: str, coding: Coding) -> np.ndarray:
    """Return the labels, (n,) int64.

    Raises:
        ShapeMismatch: the table has no target.
        NotFinite: a label is missing.
        OutOfRange: a label that is no class, with its row.
    """
    import polars as pl

    labels = _labels(table, target).cast(pl.String)
    codes = {value: code for code, value in enumerate(coding.values)}
    coded = labels.replace_strict(codes, default=None, return_dtype=pl.Int64)
    if coded.null_count():
        row = int(coded.is_null().arg_max() or 0)
        raise OutOfRange(
            f"{labels[row]!r} is no known class.{did_you_mean(str(labels[row]), coding.values)}",
            where=_where(table, target, row),
            fix=f"correct the row, or [data] classes; the classes are: {', '.join(coding.values[:20])}",
        )
    return coded.to_numpy()


def _labels(table: Table, target: str) -> polars.Series:
    """Return the labels with whole numbers as integers and all else as it is; none is missing."""
    import polars as pl

    labels = _series(table, target)
    if not is_plain(labels.dtype):
        what = f"the labels are of type {labels.dtype}"
        raise OutOfRange(what, where=_where(table, target), fix="give each row one word or number as its label")
    missing = ~labels.is_finite().fill_null(False) if labels.dtype.is_float() else labels.is_null()
    if missing.any():
        row = int(missing.arg_max() or 0)
        raise NotFinite("the label is missing", where=_where(table, target, row), fix="label the row, or leave it out")
    if labels.dtype.is_float():
        fractions = labels != labels.round()
        if fractions.any():
            row = int(fractions.arg_max() or 0)
            raise OutOfRange(
                f"the label {labels[row]:g} is a fraction",
                where=_where(table, target, row),
                why="Casemate assesses classifiers; a target with fractions is a measurement",
                fix="name another column as the target, or bin its values into classes",
            )
        return labels.cast(pl.Int64)
    return labels.cast(pl.String) if labels.dtype in (pl.Categorical, pl.Enum) else labels


def _series(table: Table, target: str) -> polars.Series:
    import polars as pl

    if table.labels is not None:
        # OpenML gives its labels as Python objects.
        values: Any = table.labels.tolist() if table.labels.dtype.kind == "O" else table.labels
        return pl.Series(target, values)
    if target not in table.names:
        raise ShapeMismatch(
            f"{table.source} has no target column {target!r}, which the training rows have."
            f"{did_you_mean(target, table.names)}",
            where=table.source,
            fix="give all rows a label, under the same name",
        )
    return table.column(target)


def _where(table: Table, target: str, row: int | None = None) -> str:
    return f"{table.source}, column {target!r}" if row is None else table.at(row, target)
