"""Value hierarchies: ever wider names for the values of a column, as a tree whose nodes are ranges of codes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

import numpy as np

from casemate.core.errors import DataUnreadable, EmptyData, OutOfRange, did_you_mean

WHOLE = "*"
WHY = "a published name must stand for one set of values, and a value must have one name at each level"

Where = Callable[[int], str]


@dataclass(frozen=True, eq=False)
class Hierarchy:
    """A tree over the values of a column, all leaves at the same depth.

    Args:
        names: for each level the names of its nodes, in the order of the tree; level 0 holds the values themselves,
            the last level one node that stands for all.
        nodes: the node of every value at every level, (levels, c) int32; no row ever descends, so that each node is a
            range of codes.
        written: whether the names are labels as they stand; else they are words, in which some signs need a backslash.
    """

    names: tuple[tuple[str, ...], ...]
    nodes: np.ndarray
    written: bool = False

    @property
    def values(self) -> tuple[str, ...]:
        """The values, in the order of the tree: neighbours are alike."""
        return self.names[0]

    @property
    def levels(self) -> int:
        """How many levels there are, the values and the root included."""
        return len(self.names)

    @cached_property
    def spans(self) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
        """For each level the lowest and the highest code of every node."""
        return tuple(
            (np.searchsorted(row, np.arange(len(names))), np.searchsorted(row, np.arange(len(names)), "right") - 1)
            for row, names in zip(self.nodes, self.names, strict=True)
        )

    @cached_property
    def places(self) -> dict[str, tuple[int, int]]:
        """The lowest and highest code that each name stands for."""
        found: dict[str, tuple[int, int]] = {}
        for names, (low, high) in zip(self.names, self.spans, strict=True):
            found.update(zip(names, zip(low.tolist(), high.tolist(), strict=True), strict=True))
        return found

    def common(self, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """Return the lowest level at which the codes ``low`` and ``high``, both (m,), lie in one node, (m,) int64."""
        level = np.zeros(len(low), dtype=np.int64)
        for row in self.nodes[:-1]:
            level += row[low] != row[high]
        return level

    def cover(self, members: np.ndarray) -> list[str]:
        """Return the fewest names that together stand for exactly the values in ``members``, (c,) bool."""
        left, names = members.copy(), []
        for level in range(self.levels - 1, -1, -1):
            low, high = self.spans[level]
            whole = np.add.reduceat(left, low) == high - low + 1
            for node in np.flatnonzero(whole):
                names.append((int(low[node]), self._nearest(low[node], high[node])))
                left[low[node] : high[node] + 1] = False
            if not left.any():
                break
        return [name for _, name in sorted(names)]

    def _nearest(self, low: int, high: int) -> str:
        """Return the name nearest to the values that covers these codes."""
        level = int(self.common(np.array([low]), np.array([high]))[0])
        return self.names[level][int(self.nodes[level, low])]

    def take(self, codes: np.ndarray) -> Hierarchy:
        """Return the tree over the values with these ascending codes, (m,); at least one."""
        return in_order(
            [[names[node] for node in row[codes]] for names, row in zip(self.names, self.nodes, strict=True)],
            written=self.written,
        )

    def codes_of(self, values: Sequence[str], column: str) -> np.ndarray:
        """Return the code of each value, (m,) int64.

        Raises:
            OutOfRange: a value that the hierarchy has no row for.
        """
        codes = {value: code for code, value in enumerate(self.values)}
        for value in values:
            if value not in codes:
                raise OutOfRange(
                    f"the hierarchy of {column!r} has no row for the value {value!r}.{did_you_mean(value, codes)}",
                    where=f"column {column!r}",
                    why="a value without wider names could only be published as it is",
                    fix="add a row for it, or repair the data",
                )
        return np.array([codes[value] for value in values], dtype=np.int64)


def from_rows(rows: Sequence[Sequence[str]], where: Where = lambda row: f"row {row + 1}") -> Hierarchy:
    """Build a hierarchy from rows ``value, wider name, ..., widest name``; the rows' order decides that of siblings.

    Where the widest names differ, ``*`` is set above them.

    Args:
        where: says where a row was written, for errors.

    Raises:
        EmptyData: no rows.
        DataUnreadable: rows of different lengths, empty names, a value twice, a node with two parents, names that go
            round in a circle, or a name for two different sets of values.
    """
    _check_shape(rows, where)
    _check_values(rows, where)
    _check_parents(rows, where)
    _check_circles(rows)
    columns = [list(column) for column in zip(*rows, strict=True)]
    if len(set(columns[-1])) > 1 or len(columns) == 1:
        columns.append([WHOLE] * len(rows))
    first = [_first_seen(column) for column in columns]
    order = np.lexsort([np.arange(len(rows)), *first[1:]])
    return in_order([[column[row] for row in order] for column in columns])


def in_order(columns: Sequence[Sequence[str]], *, written: bool = False) -> Hierarchy:
    """Build a hierarchy from the names of c values at every level, values first, that are in the tree's order already.

    Args:
        written: whether the names are labels as they stand.

    Raises:
        DataUnreadable: a name for two different sets of values.
    """
    names, nodes = [], []
    for column in columns:
        changes = np.array([one != other for one, other in zip(column[1:], column[:-1], strict=True)], dtype=bool)
        nodes.append(np.concatenate([[0], np.cumsum(changes)]).astype(np.int32))
        names.append(tuple(column[row] for row in np.concatenate([[0], np.flatnonzero(changes) + 1])))
    made = Hierarchy(tuple(names), np.stack(nodes), written)
    _check_names(made)
    return made


def _first_seen(column: list[str]) -> np.ndarray:
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(name, len(numbers)) for name in column])


def _check_shape(rows: Sequence[Sequence[str]], where: Where) -> None:
    if not rows:
        raise EmptyData("the hierarchy is empty", fix="write one row for each value: the value, then ever wider names")
    for number, row in enumerate(rows):
        if len(row) != len(rows[0]):
            raise DataUnreadable(
                f"this row of the hierarchy has {len(row)} names, the first one {len(rows[0])}",
                where=where(number),
                why="every value needs a name at every level",
                fix="repeat a name where a level adds nothing",
            )
        if "" in row:
            raise DataUnreadable(
                f"the name at level {list(row).index('')} is empty",
                where=where(number),
                why="missing values are published as missing and need no row",
                fix="give it a name, or delete the row",
            )


def _check_values(rows: Sequence[Sequence[str]], where: Where) -> None:
    seen: dict[str, int] = {}
    for number, row in enumerate(rows):
        if row[0] in seen:
            raise DataUnreadable(
                f"the value {row[0]!r} has two rows",
                where=f"{where(number)}; the first is {where(seen[row[0]])}",
                why=WHY,
                fix="delete one of them",
            )
        seen[row[0]] = number


def _check_parents(rows: Sequence[Sequence[str]], where: Where) -> None:
    for level in range(1, len(rows[0]) - 1):
        parents: dict[str, tuple[str, int]] = {}
        for number, row in enumerate(rows):
            parent, first = parents.setdefault(row[level], (row[level + 1], number))
            if parent != row[level + 1]:
                raise DataUnreadable(
                    f"{row[level]!r} lies in {row[level + 1]!r} here, and in {parent!r} there",
                    where=f"{where(number)}; {where(first)}",
                    why=WHY,
                    fix="give it the same wider names everywhere, or two different names",
                )


def _check_circles(rows: Sequence[Sequence[str]]) -> None:
    wider: dict[str, set[str]] = {}
    for row in rows:
        for one, other in pairwise(row):
            if one != other:
                wider.setdefault(one, set()).add(other)
    try:
        TopologicalSorter(wider).prepare()
    except CycleError as error:
        circle = " in ".join(repr(name) for name in reversed(error.args[1]))
        raise DataUnreadable(
            f"the hierarchy goes round in a circle: {circle}", why=WHY, fix="rename one of them"
        ) from None


def _check_names(tree: Hierarchy) -> None:
    for names, (low, high) in zip(tree.names, tree.spans, strict=True):
        for name, *span in zip(names, low.tolist(), high.tolist(), strict=True):
            if tree.places[name] != tuple(span):
                raise DataUnreadable(
                    f"the hierarchy uses the name {name!r} for two different sets of values",
                    where=f"values {tree.values[span[0]]!r} to {tree.values[span[1]]!r}, and "
                    f"{tree.values[tree.places[name][0]]!r} to {tree.values[tree.places[name][1]]!r}",
                    why=WHY,
                    fix="rename one of them",
                )
