"""Pointwise: what controls that change one column at a time have in common."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from casemate.core.errors import DataUnreadable, ShapeMismatch, did_you_mean
from casemate.core.release import Meanings, Release

if TYPE_CHECKING:
    import polars


def column_of(release: Release, name: str, asked_by: str) -> polars.Series:
    """Return a column of the release.

    Raises:
        ShapeMismatch: the release has no such column.
    """
    if name not in release.table.columns:
        raise ShapeMismatch(
            f"the release has no column {name!r}.{did_you_mean(name, release.table.columns)}",
            where=asked_by,
            fix=f"its columns are: {', '.join(release.table.columns)}",
        )
    return release.table[name]


def numbers_of(column: polars.Series) -> polars.Series:
    """Return a column of numbers as it is.

    Raises:
        DataUnreadable: it holds something else.
    """
    if not column.dtype.is_numeric():
        raise DataUnreadable(
            f"the column {column.name!r} holds {column.dtype}, not numbers",
            where=f"column {column.name!r}",
            why="only numbers have a size that could be rounded or limited",
            fix="leave it out here, or read it as numbers",
        )
    return column


def number_columns(release: Release, besides: Iterable[str]) -> list[str]:
    """Return the quasi-identifiers that hold numbers, besides those named."""
    named = set(besides)
    names = release.columns("quasi-identifier")
    return [name for name in names if name not in named and release.table[name].dtype.is_numeric()]


def with_column(release: Release, after: polars.Series, told: Meanings | None = None) -> Release:
    """Return the release with a column in place of the one of its name.

    Args:
        release: the table.
        after: the new column, (n,).
        told: what its values may stand for; by default, what the rows held that each of them replaced.
    """
    from casemate.controls.anonymity.composition import compose

    name = after.name
    meanings = dict(release.meanings)
    told = told or replaced(release.table[name], after)
    meanings[name] = compose(told, meanings[name]) if name in meanings else told
    return replace(release, table=release.table.with_columns(after), meanings=meanings)


def replaced(before: polars.Series, after: polars.Series) -> Meanings:
    """Return what the values of ``after`` may stand for: the values of ``before``, (n,) both, that they replaced.

    A range is told from the lowest to the highest of them.
    """
    import polars as pl

    from casemate.controls.anonymity.coding import encode
    from casemate.controls.anonymity.survey import domain_of

    domain = domain_of(before)
    places = pl.Series("place", encode(before, domain, exact=True))
    spans = (
        pl.DataFrame({"label": after.cast(pl.String).fill_null(""), "place": places})
        .group_by("label")
        .agg(pl.col("place").min().alias("low"), pl.col("place").max().alias("high"))
        .sort("low", "high", "label")
    )
    low, high = (spans[end].to_numpy().astype(np.int32) for end in ("low", "high"))
    return Meanings(domain.raw, tuple(spans["label"].to_list()), low, high)
