"""Groups to answer for: every combination of values that the asker names, or those that enough people are in."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from casemate.controls.aggregation.bounding import MISSING, check_columns
from casemate.core.errors import CasemateError

if TYPE_CHECKING:
    import polars

MOST_GROUPS = 100_000


@dataclass(frozen=True, eq=False)
class Groups:
    """The groups of one answer.

    Args:
        by: the columns that make them.
        keys: their values, one tuple per group.
        place: the group of each row, (n,) int64; -1 for a row in none of them.
        public: whether the keys were named by the asker, and tell nothing of the data.
    """

    by: tuple[str, ...]
    keys: tuple[tuple[str, ...], ...]
    place: np.ndarray
    public: bool

    def __len__(self) -> int:
        return len(self.keys)

    def counts(self) -> np.ndarray:
        """Rows in each group, (groups,) int64."""
        return np.bincount(self.place[self.place >= 0], minlength=len(self)).astype(np.int64)

    def only(self, kept: np.ndarray) -> Groups:
        """Return the groups at the given positions; rows of the others are then in none."""
        to = np.full(len(self) + 1, -1, dtype=np.int64)  # the last place is for rows that were in none before
        to[kept] = np.arange(len(kept))
        return Groups(self.by, tuple(self.keys[index] for index in kept), to[self.place], self.public)


def groups(table: polars.DataFrame, by: Sequence[str], values: Mapping[str, Sequence[str]]) -> Groups:
    """Return the groups of a table by the given columns.

    Where ``values`` names the values of every column, groups are all their combinations, also those that nobody is in;
    else they are those that occur.

    Raises:
        TargetMissing: the table has no such column.
        CasemateError: values are named for some columns and not for others, or there are too many groups.
    """
    check_columns(table, by)
    named = [name for name in by if name in values]
    if named and len(named) < len(by):
        missing = next(name for name in by if name not in values)
        raise CasemateError(
            f"values are named for {named[0]!r}, and none for {missing!r}",
            where=f"--values {missing}=...",
            why="groups are told in advance for all columns or for none",
            fix=f"add --values {missing}=A,B,... or leave all out",
        )
    texts = [_texts(table, name) for name in by]
    occurring = None if named or not by else sorted(set(zip(*texts, strict=True)))
    total = int(np.prod([len(values[name]) for name in by], dtype=object)) if occurring is None else len(occurring)
    if total > MOST_GROUPS:
        raise CasemateError(
            f"{total} groups are more than {MOST_GROUPS}", fix="group by fewer columns, or by coarser values"
        )
    keys = list(itertools.product(*(values[name] for name in by))) if occurring is None else occurring
    where = {key: index for index, key in enumerate(keys)}
    rows = zip(*texts, strict=True) if by else itertools.repeat((), table.height)
    place = np.fromiter((where.get(row, -1) for row in rows), dtype=np.int64, count=table.height)
    return Groups(tuple(by), tuple(keys), place, public=occurring is None)


def _texts(table: polars.DataFrame, name: str) -> list[str]:
    import polars as pl

    return table[name].cast(pl.String).fill_null(MISSING).to_list()
