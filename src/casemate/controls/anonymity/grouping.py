"""Guarantee: what every group of rows must fulfil. Grouping: which rows form a group."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from casemate.core.errors import DataError, EmptyData, ShapeMismatch

SUPPRESSED = -1
"""The group of a row that is not published."""


@dataclass(frozen=True)
class Guarantee:
    """What every published group of rows must fulfil.

    Args:
        k: rows in a group, at least (k-anonymity; Samarati & Sweeney 1998).
        l: sensitive values in a group, at least (l-diversity; Machanavajjhala et al., TKDD 2007). May be a fraction
            where ``entropy`` counts.
        entropy: count values by the exponential of their entropy, not by how many differ.
        t: how far a group's sensitive values may lie from those of all rows, in [0, 1] (t-closeness, earth mover's
            distance; Li, Li & Venkatasubramanian, ICDE 2007). None: as far as they like.

    Raises:
        DataError: a number that no group could be held to.
    """

    k: int = 5
    l: float = 1  # noqa: E741
    entropy: bool = False
    t: float | None = None

    def __post_init__(self) -> None:
        if self.k < 1:
            raise DataError(
                f"k is {self.k}", why="a group has at least one row", fix="choose k of 1 or more, such as 5"
            )
        if not self.l >= 1:
            raise DataError(f"l is {self.l}", why="a group has at least one value", fix="choose l of 1 or more")
        if not self.entropy and self.l != int(self.l):
            raise DataError(
                f"l is {self.l}",
                why="different values are counted in whole numbers",
                fix="round l, or count by entropy",
            )
        if self.t is not None and not 0 <= self.t <= 1:
            raise DataError(f"t is {self.t}", why="a distance of distributions is from 0 to 1", fix="try 0.2")

    @property
    def sensitive(self) -> bool:
        """Whether sensitive values matter to it."""
        return self.l > 1 or self.t is not None


@dataclass(frozen=True, eq=False)
class Grouping:
    """Which rows form a group.

    Args:
        ids: the group of each row, 0 to ``count`` - 1, or -1 where the row is suppressed, (n,) int32.
        count: how many groups there are.
    """

    ids: NDArray[np.int32]
    count: int

    def __post_init__(self) -> None:
        if self.ids.ndim != 1 or self.ids.dtype != np.int32:
            raise ShapeMismatch(f"group numbers must be (n,) int32, not {self.ids.shape} {self.ids.dtype}")
        if len(self.ids) and not (self.ids.min() >= SUPPRESSED and self.ids.max() < self.count):
            raise DataError(f"group numbers reach from {self.ids.min()} to {self.ids.max()}, of {self.count} groups")

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """Rows of each group, (count,)."""
        published = self.ids if self.suppressed == 0 else self.ids[self.ids >= 0]
        return np.bincount(published, minlength=self.count)

    @cached_property
    def suppressed(self) -> int:
        """How many rows are not published."""
        return int((self.ids < 0).sum())


def check_rows(n: int, guarantee: Guarantee) -> None:
    """Refuse a table that has too few rows for a guarantee.

    Raises:
        EmptyData: no row at all.
        DataError: fewer rows than one group needs.
    """
    if n == 0:
        raise EmptyData("there are no rows to group", fix="look at the filter or the file that the table comes from")
    if guarantee.k > n:
        raise DataError(
            f"k is {guarantee.k}, but the table has {n} rows",
            why="even one group of all rows would be too small",
            fix=f"choose k of {n} or less, or wait for more rows",
        )
