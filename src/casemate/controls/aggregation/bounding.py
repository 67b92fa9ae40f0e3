"""Contribution bounds: how many rows of one person count, and between which ends their values lie."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from casemate.controls.aggregation.question import Question
from casemate.core.errors import EmptyData, NotFinite, OutOfRange, TargetMissing, did_you_mean

if TYPE_CHECKING:
    import polars

MISSING = "(missing)"


def bounded(table: polars.DataFrame, subject: str | None, contributions: int) -> polars.DataFrame:
    """Return at most ``contributions`` rows of every person, drawn at random.

    Which rows of a person are kept depends on nobody else's rows, so that adding or removing one person changes the
    result by at most that many rows. Rows without a subject are left out: nobody could bound what they tell.

    Args:
        subject: the column that says which person a row is about; None takes every row for a person of its own, and
            then ``contributions`` changes nothing.

    Raises:
        TargetMissing: the table has no such column.
        EmptyData: no rows are left.
    """
    import polars as pl

    if subject is not None:
        check_columns(table, [subject])
        table = table.filter(pl.col(subject).is_not_null())
        # A generator that nobody can foresee: which rows are dropped must not be known.
        order = np.random.default_rng(secrets.randbits(128)).permutation(table.height)
        table = table[order].group_by(subject, maintain_order=True).head(contributions)
    if not table.height:
        raise EmptyData("there are no rows to aggregate", fix="check the table, and the subject key in the policy")
    return table


def numbers(table: polars.DataFrame, question: Question) -> np.ndarray:
    """Return the column of a question, clipped to its bounds, (n,) float64; a missing value is NaN.

    Raises:
        TargetMissing: the table has no such column.
        OutOfRange: the column does not hold numbers.
        NotFinite: a value is infinite.
    """
    import polars as pl

    check_columns(table, [question.column])
    values = table[question.column]
    if not (values.dtype.is_numeric() or values.dtype == pl.Boolean):
        raise OutOfRange(
            f"column {question.column!r} holds {values.dtype}, and {question.kind} needs numbers",
            where=str(question),
            fix="ask for a count by this column instead",
        )
    array = values.cast(pl.Float64).to_numpy()
    if np.isinf(array).any():
        raise NotFinite(f"column {question.column!r} holds infinite values", where=str(question), fix="correct them")
    return np.asarray(np.clip(array, question.low, question.high))


def check_columns(table: polars.DataFrame, names: Sequence[str]) -> None:
    """Raise TargetMissing where the table lacks one of the named columns."""
    for name in names:
        if name not in table.columns:
            raise TargetMissing(
                f"the table has no column {name!r}.{did_you_mean(name, table.columns)}",
                fix=f"its columns are: {', '.join(table.columns[:20])}",
            )
