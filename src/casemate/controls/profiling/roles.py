"""What a column is to a person: told from its values' forms, from listed words, from its name, and from uniqueness."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from casemate.controls.profiling.forms import Form, best_form
from casemate.controls.profiling.hints import hint
from casemate.controls.profiling.kinds import KINDS, Kind
from casemate.controls.profiling.numeric import number_kind
from casemate.controls.profiling.sample import Sample, sample
from casemate.controls.profiling.wording import word_kind

if TYPE_CHECKING:
    import polars


@dataclass(frozen=True)
class RoleGuess:
    """What a column is proposed to be.

    Args:
        kind: a key of `KINDS`.
        confidence: how sure the proposal is, in 0 to 1.
        reasons: why, in words, the strongest first; they hold no value of the column.
    """

    kind: str
    confidence: float
    reasons: tuple[str, ...]

    @property
    def of(self) -> Kind:
        """The kind."""
        return KINDS[self.kind]


def guess_role(column: polars.Series, unique: bool | None = None) -> RoleGuess:
    """Return what a column is proposed to be.

    Args:
        column: its values and its name.
        unique: whether every row has a value of its own; None counts where that matters.
    """
    return guess_of(sample(column, unique))


def guess_of(taken: Sample) -> RoleGuess:
    """Return what a column is proposed to be, from some of its values."""
    column = taken.column
    if taken.holds == "other":
        why = "it holds lists, structures, bytes or durations, which nobody has looked into"
        return RoleGuess("unreadable", 1.0, (why,))
    if taken.holds == "nothing" or not len(taken.values):
        return RoleGuess("empty", 1.0, ("every value is missing",))
    if taken.different == 1 and column.n_unique() - (column.null_count() > 0) == 1:
        return RoleGuess("constant", 1.0, ("every row has the same value",))
    named = hint(column.name)
    if named is not None and taken.holds not in KINDS[named].holds:
        named = None
    form = best_form(taken, named) if taken.holds in ("text", "number") else None
    return _by_form(taken, named, form) if form is not None else _otherwise(taken, named)


def _by_form(taken: Sample, named: str | None, form: Form) -> RoleGuess:
    reasons = (form.text, "its name says so too") if named == form.kind else (form.text,)
    if form.kind == "date":
        return _date(taken, named, reasons)
    return RoleGuess(form.kind, min(form.score + 0.1 * (named == form.kind), 1.0), reasons)


def _otherwise(taken: Sample, named: str | None) -> RoleGuess:
    contradicted = ""
    if named is not None and KINDS[named].by_form:
        contradicted = f"it is called like {KINDS[named].title}, but its values do not look so"
        named = None
    if taken.holds == "date":
        return _date(taken, named, ())
    told = number_kind(taken, named) if taken.holds == "number" else word_kind(taken, named)
    kind, confidence, reason = told or _by_name(taken, named)
    return RoleGuess(kind, confidence, tuple(text for text in (reason, contradicted) if text))


def _by_name(taken: Sample, named: str | None) -> tuple[str, float, str]:
    if named is not None and named != "label":
        return named, 0.7, "its name says so"
    if taken.holds == "boolean":
        return "flag", 0.6, "yes or no, and its name says nothing of a person"
    if taken.holds == "number":
        return "number", 0.6, "numbers, and its name says nothing of a person"
    if taken.different <= max(20, len(taken.words) // 20):
        return "category", 0.6, "a few different words, and its name says nothing of a person"
    return "text", 0.4, "words that no list knows, and its name says nothing of a person"


def _date(taken: Sample, named: str | None, reasons: tuple[str, ...]) -> RoleGuess:
    if named == "birth-date":
        return RoleGuess("birth-date", 0.95, ("its name says so", *reasons))
    years = taken.values.str.extract(r"([0-9]{4})").cast(_int(), strict=False).drop_nulls()
    if len(years):
        first, last = years.quantile(0.02) or 0, years.quantile(0.98) or 0
        if last - first >= 40 and first >= 1900 and last <= 2025:
            text = f"dates over {last - first:.0f} years, as dates of birth are"
            return RoleGuess("birth-date", 0.6, (text, *reasons))
    text = "dates of events that others may know of too"
    return RoleGuess("date", 0.7 if named == "date" else 0.5, (text, *reasons))


def _int() -> type[polars.DataType]:
    import polars as pl

    return pl.Int64
