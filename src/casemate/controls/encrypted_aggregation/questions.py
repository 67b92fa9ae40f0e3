"""What is asked of many clients together: counts, sums, means and histograms, as sums of whole numbers within bounds.

The words are those of ``controls.aggregation``. Two things differ: a sum is of whole steps, because ciphertexts add
whole numbers, and a value outside its bounds is refused where the plain questions clip it.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import Literal

import msgspec
import numpy as np

from casemate.controls.aggregation.question import MOST_BINS, Question
from casemate.core.errors import NotFinite, OutOfRange, ShapeMismatch, TargetMissing, did_you_mean

Kind = Literal["count", "sum", "mean", "histogram"]
MOST_STEPS = 1 << 50
"""Steps between zero and either bound; up to there, float64 tells every step from the next."""
LONGEST = 1 << 24
"""Numbers in one value."""
_DIGITS = 20


@dataclass(frozen=True)
class Fields:
    """Whole numbers that every client contributes, all of them within the same bounds.

    Args:
        count: how many.
        lowest: the least that one of them can be.
        spread: by how much it can be larger than that; at least 1.
        l1, l2: by how much one client can change all of them together, as a sum and as a root of a sum of squares.
    """

    count: int
    lowest: int
    spread: int
    l1: float
    l2: float


@dataclass(frozen=True, eq=False)
class Figure:
    """One answer.

    Args:
        name: what it is, such as "mean of income".
        values: one number, or one for each entry or bin, float64.
        steps: the same as whole steps, int64; None for a mean, which is no whole number of steps.
        step: what one step is worth.
    """

    name: str
    values: np.ndarray
    steps: np.ndarray | None = None
    step: Decimal = Decimal(1)

    @property
    def exact(self) -> tuple[Decimal, ...]:
        """The values as decimal fractions; empty for a mean."""
        return () if self.steps is None else tuple(int(number) * self.step for number in self.steps)


class EncryptedQuestion(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab", dict=True):
    """One figure about all clients.

    Args:
        kind: what is asked.
        column: the column that it is about; empty for a count of rows.
        low, high: bounds of every value of a sum or a mean, each a whole number of steps; they must not be read off the
            data.
        step: what values are rounded to before they are encrypted.
        length: numbers in one value, for columns that hold vectors.
        edges: ends of the bins of a histogram of numbers, low to high; a bin holds its lower end, the last one both.
        categories: values of a histogram of names.
    """

    kind: Kind
    column: str = ""
    low: Decimal = Decimal(0)
    high: Decimal = Decimal(0)
    step: Decimal = Decimal(1)
    length: int = 1
    edges: tuple[float, ...] = ()
    categories: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.kind == "count":
            return "count"
        if self.kind == "histogram":
            return f"histogram:{self.column}:{len(self.names)} bins"
        size = f":{self.length} numbers" if self.length > 1 else ""
        return f"{self.kind}:{self.column}:{self.low}:{self.high}:{self.step}{size}"

    @property
    def names(self) -> tuple[str, ...]:
        """Names of what answers it: one, or one per bin of a histogram."""
        if self.kind == "histogram":
            bins = self.categories or [f"{low:g}..{high:g}" for low, high in itertools.pairwise(self.edges)]
            return tuple(f"{self.column} {name}" for name in bins)
        return (self.kind if self.kind == "count" else f"{self.kind} of {self.column}",)

    @cached_property
    def _bounds(self) -> tuple[int, int]:
        return int(self.low / self.step), int(self.high / self.step)

    def check(self) -> None:
        """Raise OutOfRange where the question has no answer, or bounds that are none."""
        told = {
            "count": not self.column,
            "sum": bool(self.column),
            "mean": bool(self.column),
            "histogram": bool(self.column) and bool(self.edges) != bool(self.categories),
        }
        if not told[self.kind]:
            raise OutOfRange(
                f"a question of kind {self.kind!r} is not complete",
                where=str(self),
                fix="name its column, with low, high and step for sums and means, and with edges or categories for "
                "histograms; a count has no column",
            )
        if self.kind in ("sum", "mean"):
            self._check_bounds()
        elif self.kind == "histogram":
            self._check_bins()
        if not 1 <= self.length <= LONGEST or (self.length > 1 and self.kind not in ("sum", "mean")):
            raise OutOfRange(f"values of {self.length} numbers", where=str(self), fix=f"1 to {LONGEST}, for sums only")

    def _check_bounds(self) -> None:
        for number in (self.low, self.high, self.step):
            if not number.is_finite() or len(number.as_tuple().digits) > _DIGITS or abs(number.adjusted()) > _DIGITS:
                raise OutOfRange(
                    f"{number} is no bound or step", where=self.column, fix=f"a number of at most {_DIGITS} digits"
                )
        if self.step <= 0 or not self.low < self.high:
            raise OutOfRange(
                f"values between {self.low} and {self.high} in steps of {self.step} are none",
                where=self.column,
                fix="give two bounds, the lower first, and a step above 0",
            )
        if max(-self.low, self.high) / self.step > MOST_STEPS:
            raise OutOfRange(
                f"{self.low} to {self.high} are too many steps of {self.step}",
                where=self.column,
                why=f"beyond {MOST_STEPS} steps from zero, float64 no longer tells every step from the next",
                fix="take a coarser step, or narrower bounds",
            )
        if self.low % self.step or self.high % self.step:
            raise OutOfRange(
                f"the bounds {self.low} and {self.high} are not whole numbers of steps of {self.step}",
                where=self.column,
                why="a value at a bound would be rounded beyond it",
                fix="move the bounds outwards to the next step",
            )

    def _check_bins(self) -> None:
        ascending = all(low < high for low, high in itertools.pairwise(self.edges))
        finite = all(math.isfinite(edge) for edge in self.edges)
        unlike = len(set(self.categories)) == len(self.categories)
        if not (ascending and finite and unlike and len(self.edges) != 1 and 1 <= len(self.names) <= MOST_BINS):
            raise OutOfRange(
                "the bins of a histogram cannot be told apart",
                where=self.column,
                fix=f"give 2 to {MOST_BINS + 1} finite edges in ascending order, or 1 to {MOST_BINS} unlike categories",
            )

    def fields(self, rows: int) -> tuple[Fields, ...]:
        """Return what every client contributes to it, with at most so many rows of its own."""
        counted = Fields(1, 0, rows, rows, rows)
        if self.kind == "count":
            return (counted,)
        if self.kind == "histogram":  # all rows can move from one bin into another one
            return (Fields(len(self.names), 0, rows, 2 * rows, math.sqrt(2) * rows),)
        lowest, highest = min(0, rows * self._bounds[0]), max(0, rows * self._bounds[1])
        spread = highest - lowest
        sums = Fields(self.length, lowest, spread, self.length * spread, math.sqrt(self.length) * spread)
        return (sums, counted) if self.kind == "mean" else (sums,)

    def contribution(self, columns: Mapping[str, np.ndarray], rows: int) -> list[np.ndarray]:
        """Return what one client contributes, an int64 array for each of `fields`.

        Args:
            columns: the client's rows; a missing value (NaN, None) counts for nothing.
            rows: how many rows there are.

        Raises:
            TargetMissing: there is no such column.
            OutOfRange: a value outside the bounds, or in no bin.
            NotFinite: an infinite value, or a missing one in a vector.
            ShapeMismatch: vectors of another length.
        """
        if self.kind == "count":
            return [np.array([rows], np.int64)]
        if self.column not in columns:
            raise TargetMissing(
                f"there is no column {self.column!r}.{did_you_mean(self.column, columns)}",
                where=str(self),
                fix="give the column; where a client has nothing to say, with missing values",
            )
        values = columns[self.column]
        if self.kind == "histogram":
            place = self._named(values) if self.categories else self._binned(values)
            return [np.bincount(place, minlength=len(self.names)).astype(np.int64)]
        steps = self._stepped(values, rows)
        sums = steps.sum(axis=0, dtype=np.int64)
        return [sums, np.array([len(steps)], np.int64)] if self.kind == "mean" else [sums]

    def _stepped(self, values: np.ndarray, rows: int) -> np.ndarray:
        """Steps of the values that are there, (present, length) int64."""
        x = _numbers(values, self.column)
        if x.size != rows * self.length or x.ndim > 2:
            raise ShapeMismatch(
                f"values of shape {x.shape}, where {(rows, self.length)} is expected", where=f"column {self.column!r}"
            )
        x = x.reshape(rows, self.length)
        x = x[~np.isnan(x[:, 0])] if self.length == 1 else x
        self._check_inside(x, float(self.low), float(self.high))
        return np.rint(x / float(self.step)).astype(np.int64)

    def _binned(self, values: np.ndarray) -> np.ndarray:
        x = _numbers(values, self.column).ravel()
        x = x[~np.isnan(x)]
        self._check_inside(x, self.edges[0], self.edges[-1])
        return np.asarray(np.minimum(np.searchsorted(self.edges, x, side="right"), len(self.edges) - 1) - 1)

    def _check_inside(self, x: np.ndarray, low: float, high: float) -> None:
        if not np.isfinite(x).all():
            raise NotFinite(
                f"column {self.column!r} holds a value that is not finite",
                where=str(self),
                fix="correct it; a vector is contributed whole or not at all",
            )
        if x.size and (x.min() < low or x.max() > high):
            raise OutOfRange(  # the value itself is a secret, and errors end up in logs
                f"column {self.column!r} holds a value outside {low:g} to {high:g}",
                where=str(self),
                why="the sum was planned for values within these bounds; beyond them it might wrap",
                fix="clip the value, or ask for a plan with wider bounds",
            )

    def _named(self, values: np.ndarray) -> np.ndarray:
        places = {name: place for place, name in enumerate(self.categories)}
        there = [value for value in values.ravel().tolist() if value is not None and value == value]
        if not all(isinstance(value, str) and value in places for value in there):
            raise OutOfRange(
                f"column {self.column!r} holds a value that is none of its {len(places)} categories",
                where=str(self),
                fix="map it to one of them, or ask for a plan that has it",
            )
        return np.array([places[value] for value in there], np.int64)

    def figures(self, totals: Sequence[np.ndarray]) -> tuple[Figure, ...]:
        """Return the answers, given the sum over all clients of each of `fields`, int64.

        With noise, a count below zero is told as zero, and a mean outside the bounds as the nearer bound.
        """
        if self.kind in ("count", "histogram"):
            counts = np.maximum(totals[0], 0)
            return tuple(
                Figure(name, counts[place : place + 1].astype(np.float64), counts[place : place + 1])
                for place, name in enumerate(self.names)
            )
        (name,), sums = self.names, totals[0]
        if self.kind == "sum":
            return (Figure(name, sums * float(self.step), sums, self.step),)
        means = sums * float(self.step) / max(1, int(totals[1][0]))
        return (Figure(name, np.clip(means, float(self.low), float(self.high))),)


def encrypted_question(question: Question, step: Decimal = Decimal(1)) -> EncryptedQuestion:
    """Return a question of ``controls.aggregation`` as one that is asked under encryption.

    Raises:
        OutOfRange: a quantile, which is no sum; or bounds that are no whole numbers of steps.
    """
    if question.kind == "quantile":
        raise OutOfRange(
            "a quantile is no sum, and only sums are computed on encrypted",
            where=str(question),
            fix=f"ask for a histogram: histogram:{question.column}:{question.low:g}:{question.high:g}:BINS",
        )
    if question.kind == "histogram":
        made = EncryptedQuestion("histogram", question.column, edges=question.edges)
    elif question.kind == "count":
        made = EncryptedQuestion("count")
    else:
        low, high = Decimal(repr(question.low)), Decimal(repr(question.high))
        made = EncryptedQuestion(question.kind, question.column, low, high, step)
    made.check()
    return made


def _numbers(values: np.ndarray, column: str) -> np.ndarray:
    try:
        return np.asarray(values, np.float64)
    except (TypeError, ValueError):
        raise OutOfRange(f"column {column!r} holds values that are no numbers", fix="ask for its categories") from None
