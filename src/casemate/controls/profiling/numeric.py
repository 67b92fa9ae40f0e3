"""What a column of numbers is: an age, a year, a place, a running number."""

from __future__ import annotations

from casemate.controls.profiling.kinds import KINDS
from casemate.controls.profiling.sample import Sample

_RANGES: dict[str, tuple[float, float]] = {
    "age": (0, 130),
    "birth-year": (1850, 2100),
    "coordinates": (-180, 180),
    "household": (0, 40),
    "body": (0, 1000),
    "postcode": (100, 999_999),
}
"""Ranges that values of a kind keep to."""

TELLING = 20
"""Rows from which it says something that every row has a value of its own."""

Told = tuple[str, float, str]
"""A kind, how sure it is, and why."""


def number_kind(taken: Sample, named: str | None) -> Told | None:
    """Return what a column of numbers is; None leaves it to its name.

    Args:
        taken: the column's values.
        named: the kind that its name suggests, one that numbers can be.
    """
    low, high = float(str(taken.column.min())), float(str(taken.column.max()))
    if named in _RANGES:
        least, most = _RANGES[named]
        if least <= low and high <= most:
            return named, 0.9, f"its name says so, and its numbers are between {least:g} and {most:g}"
        return (
            "number",
            0.5,
            f"its name says {KINDS[named].title}, but its numbers leave the range of {least:g} to {most:g}",
        )
    if named == "person-key":
        return named, 0.9, "its name says so"
    if taken.whole and taken.unique and (named == "row-key" or len(taken.column) >= TELLING):
        running = high - low + 1 == len(taken.column)
        if named == "row-key" or running:
            why = "a running number" if running else "its name says so"
            return "row-key", 0.9 if named == "row-key" else 0.7, f"every row has a number of its own: {why}"
        return "row-key", 0.5, "every row has a whole number of its own"
    if named == "row-key":
        return "person-key", 0.6, "its name says a number for each, and some come in several rows"
    return None
