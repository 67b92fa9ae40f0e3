"""What is counted in one column: missing and different values, how evenly they are spread, and their shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from casemate.controls.profiling.coding import class_sizes, encode
from casemate.controls.profiling.roles import RoleGuess

if TYPE_CHECKING:
    import polars

_LONGEST_SHAPE = 24


@dataclass(frozen=True)
class ColumnFacts:
    """One column, counted and guessed at. It holds no value of the column.

    Args:
        name: its name.
        type: what it holds, in the words of a policy's ``type``, or "nothing" or "other".
        guess: what it is proposed to be.
        role: its role: the guess's, or what the user said.
        missing: the share of rows without a value, in 0 to 1.
        different: how many different values there are, missing ones left out.
        alone: the share of rows whose value no other row has, in 0 to 1.
        entropy: of the values over the rows, in bits; missing ones are one value.
        shape: what most values look like, letters and digits masked, such as ``Aaaaa 99``; empty where nothing stands
            out.
    """

    name: str
    type: str
    guess: RoleGuess
    role: str
    missing: float
    different: int
    alone: float
    entropy: float
    shape: str

    @property
    def unique(self) -> bool:
        """Whether every row has a value of its own."""
        return self.alone == 1.0 and not self.missing


@dataclass(frozen=True)
class Counted:
    """Counts of one column over all rows."""

    missing: float
    different: int
    alone: float
    entropy: float


def count(column: polars.Series) -> Counted:
    """Return the counts of a column of at least one row; of nested or binary values only the missing are counted."""
    rows = len(column)
    missing = column.null_count() + (int(column.is_nan().sum()) if column.dtype.is_float() else 0)
    if column.dtype.is_nested() or not _plain(column):
        return Counted(missing / rows, 0, 0.0, 0.0)
    codes = encode([column])
    sizes = class_sizes(codes.columns[0], codes.sizes[0])
    share = sizes / rows
    return Counted(
        missing=missing / rows,
        different=len(sizes) - (missing > 0),
        alone=float(((sizes == 1).sum() - (missing == 1)) / rows),
        entropy=max(float(-(share * np.log2(share)).sum()), 0.0),
    )


def shape_of(values: list[str]) -> str:
    """Return the shape that most of some values have: ``A`` and ``a`` for letters, ``9`` for digits; or empty."""
    shapes: dict[str, int] = {}
    for value in values:
        shape = "".join(map(_masked, value[: _LONGEST_SHAPE + 1]))
        shapes[shape] = shapes.get(shape, 0) + 1
    best = max(shapes, key=lambda shape: (shapes[shape], shape), default="")
    if not best or shapes[best] * 4 < len(values):
        return ""
    return best if len(best) <= _LONGEST_SHAPE else f"{best[:_LONGEST_SHAPE]}..."


def _masked(char: str) -> str:
    if char.isdigit():
        return "9"
    if char.isalpha():
        return "A" if char.isupper() else "a"
    return char if char.isascii() and char.isprintable() else "?"


def _plain(column: polars.Series) -> bool:
    import polars as pl

    return column.dtype not in (pl.Binary, pl.Object, pl.Null, pl.Duration, pl.Time)
