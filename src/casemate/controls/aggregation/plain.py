"""Plain answers for use within the house: exact figures, and none about a group that is too small."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from casemate.controls.aggregation.bounding import check_columns, numbers
from casemate.controls.aggregation.groups import Groups, groups
from casemate.controls.aggregation.question import Question
from casemate.core.errors import CasemateError, EmptyData

if TYPE_CHECKING:
    import polars


def plain_answer(
    table: polars.DataFrame,
    questions: Sequence[Question],
    *,
    by: Sequence[str] = (),
    subject: str | None,
    least: int,
) -> tuple[polars.DataFrame, int]:
    """Answer questions exactly, about groups of at least ``least`` people.

    Smaller groups are left out, and where that leaves out exactly one, so is the smallest of the others: else the total
    minus the rest would tell it. That is no guarantee against several tables about the same people, which only noise
    gives (Hundepool et al., Statistical Disclosure Control, 2012, chapter 4).

    Returns:
        The groups' columns and one column per figure, and how many groups were left out.

    Raises:
        CasemateError: no question.
        DataError: a column is absent or holds no numbers, or there are no rows.
    """
    import polars as pl

    if not questions:
        raise CasemateError("nothing is asked", fix="add --ask count")
    if not table.height:
        raise EmptyData("there are no rows to aggregate", fix="check the table")
    found = groups(table, by, {})
    sizes = _people(table, found, subject)
    kept = _large_enough(sizes, least)
    shown = found.only(kept)
    columns: dict[str, np.ndarray] = {}
    for question in questions:
        columns |= _figures(table, shown, question)
    keys = {name: [key[place] for key in shown.keys] for place, name in enumerate(shown.by)}
    return pl.DataFrame(keys | columns), len(found) - len(kept)


def _people(table: polars.DataFrame, found: Groups, subject: str | None) -> np.ndarray:
    """People in each group, (groups,)."""
    import polars as pl

    if subject is None:
        return found.counts()
    check_columns(table, [subject])
    pairs = pl.DataFrame({"group": found.place, "person": table[subject]}).drop_nulls().unique()
    return np.bincount(pairs["group"].to_numpy(), minlength=len(found))


def _large_enough(sizes: np.ndarray, least: int) -> np.ndarray:
    """Positions of the groups to show; one that is hidden alone takes the smallest of the others with it."""
    kept = np.flatnonzero(sizes >= least)
    hidden = len(sizes) - len(kept)
    if hidden == 1 and len(kept):
        kept = np.delete(kept, np.argmin(sizes[kept]))
    return kept


def _figures(table: polars.DataFrame, shown: Groups, question: Question) -> dict[str, np.ndarray]:
    if question.kind == "count":
        return {"count": shown.counts()}
    x = numbers(table, question)
    inside = (shown.place >= 0) & ~np.isnan(x)
    x, place, count = x[inside], shown.place[inside], len(shown)
    figures: list[np.ndarray]
    match question.kind:
        case "sum":
            figures = [np.bincount(place, x, minlength=count)]
        case "mean":
            figures = [np.bincount(place, x, minlength=count) / np.maximum(np.bincount(place, minlength=count), 1)]
        case "quantile":
            parts = [x[place == group] for group in range(count)]
            figures = [np.array([float(np.quantile(part, question.at)) if len(part) else np.nan for part in parts])]
        case _:
            figures = list(question.counted(x, place, count).T)
    return dict(zip(question.names, figures, strict=True))
