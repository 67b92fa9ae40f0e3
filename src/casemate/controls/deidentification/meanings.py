"""Meanings: what published values may stand for, where rows were changed one by one before they were blurred."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from casemate.controls.anonymity.composition import compose
from casemate.controls.deidentification.work import RowStep, Work, change, release_of, run
from casemate.controls.privacy.date_shift import DateShift, within
from casemate.core.release import Meanings, Release

if TYPE_CHECKING:
    import polars


def composed(
    blurred: Mapping[str, Meanings], work: Work, raw: Mapping[str, polars.Series], changed: Mapping[str, polars.Series]
) -> dict[str, Meanings]:
    """Return what labels may stand for in the raw table, not only in the table as the row steps left it.

    Args:
        blurred: what they may stand for there.
        work: what was done.
        raw, changed: distinct values of those columns, before and after the row steps.
    """
    told = dict(blurred)
    for name, meaning in blurred.items():
        steps = [step for step in work.rows if name in step.columns]
        if steps:
            told[name] = compose(meaning, _of_values(steps, raw[name], changed[name], work.seed))
    return told


def of_sample(raw: Release, work: Work, besides: Mapping[str, Meanings]) -> dict[str, Meanings]:
    """Return what the published values of columns that were changed but not blurred may stand for, told from a sample.

    Args:
        raw: rows of the raw table.
        work: what was done.
        besides: columns that were blurred.
    """
    steps = tuple(step for step in work.rows if not set(step.columns) <= set(besides))
    found = change(raw, steps, work.seed).meanings
    return {name: meaning for name, meaning in found.items() if name in work.publish and name not in besides}


def _of_values(steps: list[RowStep], raw: polars.Series, changed: polars.Series, seed: int) -> Meanings:
    """Return what the values of a column that steps have changed may stand for."""
    shift = next((step.control for step in steps if isinstance(step.control, DateShift)), None)
    if shift is not None:  # by how much a date moves is not told by the date, but how far it may
        return within(raw, changed, shift.days)
    values = release_of(raw.to_frame(), {})
    for step in steps:
        values = run(step.control, values, values, seed)
    return values.meanings[raw.name]
