"""From the [data] table to data sets: read, code, check, split."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from casemate.core.dataset import Dataset
from casemate.core.errors import ShapeMismatch
from casemate.core.schema import Column, Schema
from casemate.systems.data import columns as told
from casemate.systems.data.groups import group_values
from casemate.systems.data.labels import Coding, code, coding_of
from casemate.systems.data.read import Source
from casemate.systems.data.split import split
from casemate.systems.data.table import Table
from casemate.systems.data.values import check_ranges, matrix, with_ranges
from casemate.systems.declaration import DataTable
from casemate.systems.lines import Lines
from casemate.systems.strict import mistake


@dataclass(frozen=True, eq=False)
class Data:
    """The data sets of a system. All share one schema; no two rows share an identity."""

    train: Dataset
    test: Dataset
    trusted: Dataset | None


def load_data(data: DataTable, root: Path, lines: Lines | None = None) -> Data:
    """Return the data sets that a [data] table describes.

    Ranges that are not declared, and categories, are those of the training file; with ``test-share`` the categories of
    the whole file and the ranges of the rows that stay for training.

    Args:
        data: the table.
        root: the folder that relative paths start from.
        lines: where the keys of the table stand, for messages.

    Raises:
        SystemFileError: the table contradicts itself or the data's columns.
        DataError: the data cannot be read or used; see `casemate.core.errors`.
    """
    lines = lines or Lines()
    _check_conflicts(data, lines)
    tables = _read(data, root, lines)
    train = tables["train"]
    declared = told.declared_columns(train.names, data, lines)
    target = told.target_of(train, data, declared, lines)
    columns = told.inputs(train, target, data, declared, lines)
    known = {c.name: _is_known(c, declared, data) for c in columns}
    coding = coding_of(train, target, data.classes, lines)
    sets = _code_all(tables, columns, target, coding, data, lines)
    for name, rows in sets.items():
        check_ranges(rows.X, tables[name], columns, known)
    if data.test_share is not None:
        sets["train"], sets["test"] = _part(sets["train"], data.test_share, data.split_seed)
    schema = replace(sets["train"].schema, columns=with_ranges(columns, sets["train"].X, known))
    sets = {name: replace(rows, schema=schema) for name, rows in sets.items()}
    if data.trusted_share is not None:
        sets["train"], sets["trusted"] = _part(sets["train"], data.trusted_share, data.split_seed + 1)
    return Data(sets["train"], sets["test"], sets.get("trusted"))


def _part(rows: Dataset, share: float, seed: int) -> tuple[Dataset, Dataset]:
    stay, out = split(rows.y, share, seed)
    return rows.take(stay), rows.take(out)


def _check_conflicts(data: DataTable, lines: Lines) -> None:
    pairs = (("test", data.test, data.test_share), ("trusted", data.trusted, data.trusted_share))
    for name, path, share in pairs:
        if path is not None and share is not None:
            raise mistake(
                f"[data] names both {name} and {name}-share", lines, ("data", f"{name}-share"), fix="keep one of them"
            )


def _read(data: DataTable, root: Path, lines: Lines) -> dict[str, Table]:
    def source(name: str, labels: str | None) -> Source:
        return Source(name, root, data.format, data.delimiter, labels)

    train, test = source(data.train, data.train_labels).read()
    tables = {"train": train}
    if data.test is not None:
        test = source(data.test, data.test_labels).read()[0]
    elif test is not None and data.test_share is not None:
        raise mistake(
            f"{data.train} holds test rows of its own", lines, ("data", "test-share"), fix="remove test-share"
        )
    elif test is None and data.test_share is None:
        raise mistake(
            "[data] names no test rows",
            lines,
            ("data", "test"),
            why="what an attack does is measured on rows that the model was not trained on",
            fix='add test = "<file>", or test-share = 0.25',
        )
    if test is not None:
        tables["test"] = test
    if data.trusted is not None:
        tables["trusted"] = source(data.trusted, data.trusted_labels).read()[0]
    return tables


def _code_all(
    tables: Mapping[str, Table],
    columns: tuple[Column, ...],
    target: str,
    coding: Coding,
    data: DataTable,
    lines: Lines,
) -> dict[str, Dataset]:
    schema = Schema(columns, coding.names, _shape(tables["train"], columns, data, lines), target)
    groups = group_values(list(tables.values()), data.groups, lines)
    sets: dict[str, Dataset] = {}
    start = 0
    for (name, table), values in zip(tables.items(), groups, strict=True):
        ids = np.arange(start, start + len(table), dtype=np.int64)
        sets[name] = Dataset(matrix(table, columns), code(table, target, coding), schema, ids, values)
        start += len(table)
    return sets


def _is_known(column: Column, declared: told.Declared, data: DataTable) -> bool:
    """Whether the column's range is given: declared, or by its kind."""
    own = declared[column.name][1].range if column.name in declared else None
    return column.kind in ("category", "boolean") or (own or data.range) is not None


def _shape(table: Table, columns: tuple[Column, ...], data: DataTable, lines: Lines) -> tuple[int, ...]:
    count = len(columns)
    if not data.shape:
        return table.shape if math.prod(table.shape) == count else (count,)
    if math.prod(data.shape) != count:
        what = " x ".join(map(str, data.shape))
        raise ShapeMismatch(
            f"shape {what} has room for {math.prod(data.shape)} values, a row holds {count} inputs",
            where=lines.where("data", "shape"),
            fix="correct the shape, or the roles of columns that are no pixels",
        )
    return data.shape
