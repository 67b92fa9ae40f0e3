"""Differentially private answers: figures about groups that change little whether or not one person is in the data."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from casemate.controls.aggregation import noise
from casemate.controls.aggregation.bounding import bounded, numbers
from casemate.controls.aggregation.groups import Groups, groups
from casemate.controls.aggregation.question import Question
from casemate.core.errors import CasemateError

if TYPE_CHECKING:
    import polars

KEY_SHARE = 0.2
"""Share of the budget that goes into finding out which groups may be told of, where the asker does not name them."""
ERROR = math.log(1 / 0.05)
"""Scales within which Laplace noise stays with 95 % probability."""


@dataclass(frozen=True)
class Loss:
    """What an answer may cost in privacy.

    Args:
        epsilon: bound on the privacy loss of one person's presence, over the whole answer.
        delta: probability with which that bound may fail; above 0 only where groups are found in the data.
        contributions: rows of one person that count.
    """

    epsilon: float
    delta: float = 0.0
    contributions: int = 1


@dataclass(frozen=True, eq=False)
class Answer:
    """Figures per group.

    Args:
        table: the groups' columns, then one column per figure.
        errors: for each figure's column, the distance within which its noise stays with 95 % probability; absent where
            it depends on the data, and must not be told.
        spent: the privacy loss.
    """

    table: polars.DataFrame
    errors: Mapping[str, float]
    spent: Loss


def answer(
    table: polars.DataFrame,
    questions: Sequence[Question],
    *,
    by: Sequence[str] = (),
    values: Mapping[str, Sequence[str]] | None = None,
    subject: str | None,
    loss: Loss,
    pay: Callable[[], object] = lambda: None,
) -> Answer:
    """Answer questions about groups with epsilon-differential privacy for every person (add or remove one).

    The budget is divided evenly over the questions. A row is in one group only, so that all groups share one person's
    bound, and noise does not grow with their number (Dwork et al., TCC 2006; parallel composition, McSherry 2009).

    Args:
        by: columns that make groups.
        values: for each of them, its possible values, which must not be read off the data. Without, groups that enough
            people are in are found in the data, and that costs `KEY_SHARE` of epsilon and all of delta.
        subject: the column that says which person a row is about; None takes every row for a person of its own.
        loss: what the answer may cost.
        pay: called once, after everything was checked and before anything is told; what it raises stops the answer.

    Raises:
        CasemateError: no question, values named for some columns only, or no delta where groups must be found.
        DataError: a column is absent or holds no numbers.
        ExtraMissing: OpenDP is not installed.
    """
    import polars as pl

    if not questions:
        raise CasemateError("nothing is asked", fix="add --ask count")
    noise.opendp()
    rows = bounded(table, subject, loss.contributions)
    found = groups(rows, by, values or {})
    if not found.public and loss.delta <= 0:
        raise _no_delta(found.by)
    for question in questions:
        if question.column:
            numbers(rows, question)
    pay()
    epsilon = loss.epsilon
    if not found.public:
        found, epsilon = _told_of(found, loss)
    share = epsilon / sum(question.parts for question in questions)
    columns: dict[str, np.ndarray] = {}
    errors: dict[str, float] = {}
    for question in questions:
        for name, figures, error in _figures(rows, found, question, share, loss.contributions):
            columns[name] = figures
            if error is not None:
                errors[name] = error
    keys = {name: [key[place] for key in found.keys] for place, name in enumerate(found.by)}
    spent = Loss(loss.epsilon, 0.0 if found.public else loss.delta, loss.contributions)
    return Answer(pl.DataFrame(keys | columns), errors, spent)


def _told_of(found: Groups, loss: Loss) -> tuple[Groups, float]:
    """Return the groups that enough people are in, and the epsilon that is left."""
    kept = noise.frequent(found.counts(), loss.contributions, KEY_SHARE * loss.epsilon, loss.delta)
    return found.only(kept), (1 - KEY_SHARE) * loss.epsilon


def _no_delta(by: Sequence[str]) -> CasemateError:
    return CasemateError(
        f"the groups by {', '.join(by)} would be read off the data, and that needs a delta above 0",
        where="delta of the purpose",
        why="a group that only one person is in would give that person away by being there",
        fix="name all values (--values COLUMN=A,B,...), or set a delta such as 1e-6 in the policy",
    )


def _figures(
    rows: polars.DataFrame, found: Groups, question: Question, epsilon: float, contributions: int
) -> list[tuple[str, np.ndarray, float | None]]:
    """Return one column per figure: its name, its values (groups,), and its error at 95 %."""
    count = len(found)
    if question.kind == "count":
        counts, scale = noise.laplace(found.counts(), contributions, epsilon)
        return [("count", np.maximum(counts, 0), ERROR * scale)]
    x = numbers(rows, question)
    inside = (found.place >= 0) & ~np.isnan(x)
    place, x = found.place[inside], x[inside]
    error: float | None = None
    match question.kind:
        case "sum":
            total, error = _sum(x, place, count, max(abs(question.low), abs(question.high)), contributions, epsilon)
            figures = [total]
        case "mean":
            figures = [_mean(x, place, count, question, contributions, epsilon)]
        case "quantile":
            figures = [_quantiles(x, place, count, question, contributions, epsilon)]
        case _:
            # A row is in one bin only, so that all bins share one person's bound.
            noisy, scale = noise.laplace(question.counted(x, place, count).ravel(), contributions, epsilon)
            figures, error = list(np.maximum(noisy, 0).reshape(count, question.bins).T), ERROR * scale
    return [(name, values, error) for name, values in zip(question.names, figures, strict=True)]


def _sum(
    x: np.ndarray, place: np.ndarray, count: int, largest: float, contributions: int, epsilon: float
) -> tuple[np.ndarray, float]:
    """Noisy sums per group, (count,), and their error: values are rounded to a grid first, and summed exactly."""
    step = largest / noise.GRID
    steps = np.rint(x / step).astype(np.int64)
    totals = np.zeros(count, dtype=np.int64)
    np.add.at(totals, place, steps)
    noisy, scale = noise.laplace(totals, contributions * noise.GRID, epsilon)
    return noisy * step, ERROR * scale * step


def _mean(
    x: np.ndarray, place: np.ndarray, count: int, question: Question, contributions: int, epsilon: float
) -> np.ndarray:
    """Noisy means: the sum of distances from the middle, which one person changes least, over a noisy count."""
    middle, half = (question.low + question.high) / 2, (question.high - question.low) / 2
    totals, _ = _sum(x - middle, place, count, half, contributions, epsilon)
    counts, _ = noise.laplace(np.bincount(place, minlength=count), contributions, epsilon)
    return np.asarray(np.clip(middle + totals / np.maximum(counts, 1), question.low, question.high))


def _quantiles(
    x: np.ndarray, place: np.ndarray, count: int, question: Question, contributions: int, epsilon: float
) -> np.ndarray:
    order = np.argsort(place, kind="stable")
    parts = np.split(x[order], np.searchsorted(place[order], np.arange(1, count)))
    bounds = question.low, question.high, question.at, contributions, epsilon
    return np.array([noise.quantile(part, *bounds) for part in parts[:count]])
