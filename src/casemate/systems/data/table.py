"""Table: rows as their source gave them, before anything is coded or checked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from casemate.core.errors import DataUnreadable

if TYPE_CHECKING:
    import polars


@dataclass(frozen=True, eq=False)
class Table:
    """Rows as their source gave them.

    Args:
        source: what to call it in a message.
        values: named columns, the target among them; or a numeric matrix (n, d) without the target.
        names: the columns' names, in order.
        labels: labels (n,), where the source keeps them apart from the columns.
        classes: names of the classes 0, 1, ..., where the source tells them.
        shape: shape of one sample, where the source tells it; ``()`` for a table.
        target: name of the target, where the source tells it.
    """

    source: str
    values: polars.DataFrame | np.ndarray
    names: tuple[str, ...]
    labels: np.ndarray | None = None
    classes: tuple[str, ...] = ()
    shape: tuple[int, ...] = ()
    target: str = ""

    def __len__(self) -> int:
        return len(self.values)

    def column(self, name: str) -> polars.Series:
        """Return one column, (n,)."""
        import polars as pl

        if isinstance(self.values, np.ndarray):
            return pl.Series(name, np.ascontiguousarray(self.values[:, self.names.index(name)]))
        return self.values.get_column(name)

    def at(self, row: int, column: str | None = None) -> str:
        """Return a place for a message: the source, the column, and the row counted from 1 without any header."""
        middle = f", column {column!r}" if column is not None else ""
        return f"{self.source}{middle}, row {row + 1}"


def check_columns(names: Sequence[str], path: Path, where: str = "") -> None:
    """Check that every column has a name of its own, without a zero byte, at which libraries written in C end it.

    Args:
        names: of the columns of a file.
        path: of the file.
        where: the place in it that names them, such as its first line; the file by default.

    Raises:
        DataUnreadable: one has not.
    """
    where = where or str(path)
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        what = f"{path.name} has more than one column {twice[0]!r}" if twice[0] else f"{path.name} has unnamed columns"
        raise DataUnreadable(what, where=where, fix="give each column a name of its own")
    for name in names:
        if "\0" in name:
            what = f"the name of column {name.replace(chr(0), '?')!r} holds a zero byte"
            raise DataUnreadable(what, where=where, fix="rename the column")


def is_plain(dtype: polars.DataType) -> bool:
    """Whether values of this type can be written as one word or number each: no lists, structures, bytes or objects."""
    import polars as pl

    return not (dtype.is_nested() or dtype in (pl.Binary, pl.Object))


def suits(dtype: polars.DataType, kind: str | None) -> bool:
    """Whether a column of this type can be a model input of this kind; a date can be a category, but is no number."""
    return is_plain(dtype) and (kind == "category" or not dtype.is_temporal())
