"""A question about groups of people: count, sum, mean, quantile or histogram, and the bounds it is asked in."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from casemate.core.errors import CasemateError, did_you_mean

Kind = Literal["count", "sum", "mean", "quantile", "histogram"]
FORMS: dict[str, str] = {
    "count": "count",
    "sum": "sum:COLUMN:LOW:HIGH",
    "mean": "mean:COLUMN:LOW:HIGH",
    "quantile": "quantile:COLUMN:LOW:HIGH:AT",
    "histogram": "histogram:COLUMN:LOW:HIGH:BINS",
}
"""How each kind of question is written."""
MOST_BINS = 1000


@dataclass(frozen=True)
class Question:
    """One figure per group.

    Args:
        kind: what is asked.
        column: the column that it is about; empty for a count.
        low, high: bounds that hold whatever the data are; values outside count as the nearer end. They must not be read
            off the data: that alone would tell of the person who is at the end.
        at: which quantile, in (0, 1).
        bins: equal bins between low and high.
    """

    kind: Kind
    column: str = ""
    low: float = 0.0
    high: float = 0.0
    at: float = 0.5
    bins: int = 0

    def __str__(self) -> str:
        last = {"quantile": f":{self.at:g}", "histogram": f":{self.bins}"}.get(self.kind, "")
        return self.kind if self.kind == "count" else f"{self.kind}:{self.column}:{self.low:g}:{self.high:g}{last}"

    @property
    def parts(self) -> int:
        """Among how many measurements its share of the budget is divided: a mean is a sum and a count."""
        return 2 if self.kind == "mean" else 1

    @property
    def edges(self) -> tuple[float, ...]:
        """Ends of the bins of a histogram, low to high, (bins + 1,)."""
        return tuple(self.low + (self.high - self.low) * step / self.bins for step in range(self.bins + 1))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns that answer it: one, or one per bin of a histogram."""
        if self.kind == "histogram":
            return tuple(f"{self.column} {low:g}..{high:g}" for low, high in itertools.pairwise(self.edges))
        what = f"{self.at:g} quantile" if self.kind == "quantile" else self.kind
        return (self.kind if self.kind == "count" else f"{what} of {self.column}",)

    def counted(self, x: np.ndarray, place: np.ndarray, groups: int) -> np.ndarray:
        """Return how many values x (n,) of the groups ``place`` (n,) fall into each bin, (groups, bins) int64."""
        bins = np.clip(np.searchsorted(self.edges, x, side="right") - 1, 0, self.bins - 1)
        flat = np.bincount(place * self.bins + bins, minlength=groups * self.bins)
        return np.asarray(flat.reshape(groups, self.bins), dtype=np.int64)


def parse_question(text: str) -> Question:
    """Read a question such as ``mean:income:0:100000``; see `FORMS`.

    Raises:
        CasemateError: another form, bounds that are no numbers or in the wrong order, a quantile outside (0, 1).
    """
    kind, *rest = text.split(":")
    if kind not in FORMS:
        raise CasemateError(
            f"{kind!r} is no question.{did_you_mean(kind, FORMS)}", where=text, fix=f"ask one of: {_forms()}"
        )
    if len(rest) != FORMS[kind].count(":"):
        raise CasemateError(f"{text!r} has not the form {FORMS[kind]}", where=text, fix=f"write {FORMS[kind]}")
    if kind == "count":
        return Question("count")
    column, *numbers = rest
    try:
        low, high, *last = (float(number) for number in numbers)
    except ValueError:
        raise CasemateError(f"{text!r} holds a bound that is no number", where=text, fix=FORMS[kind]) from None
    if not (math.isfinite(low) and math.isfinite(high) and low < high and column):
        raise CasemateError(
            f"{text!r} needs a column and two finite bounds, the lower first",
            where=text,
            why="how much one person can change the figure follows from the bounds",
            fix=f"write {FORMS[kind]}",
        )
    if kind == "quantile" and not 0 < last[0] < 1:
        raise CasemateError(f"{last[0]:g} is no quantile", where=text, fix="give a number between 0 and 1")
    if kind == "histogram" and not (last[0].is_integer() and 1 <= last[0] <= MOST_BINS):
        raise CasemateError(f"{last[0]:g} bins are no histogram", where=text, fix=f"give 1 to {MOST_BINS} bins")
    at = last[0] if kind == "quantile" else 0.5
    return Question(kind, column, low, high, at, int(last[0]) if kind == "histogram" else 0)  # type: ignore[arg-type]


def _forms() -> str:
    return ", ".join(FORMS.values())
