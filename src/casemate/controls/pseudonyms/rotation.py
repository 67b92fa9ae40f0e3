"""Rotation: from the pseudonyms of one key epoch to those of another; and what pseudonyms of few values give away."""

from __future__ import annotations

from typing import TYPE_CHECKING

from casemate.core.errors import PseudonymRefused, ShapeMismatch

if TYPE_CHECKING:
    import polars as pl

    from casemate.controls.pseudonyms.pseudonymiser import Pseudonymiser

FEWEST_DISTINCT = 1000
LARGEST_SHARE = 0.01


def rekey_map(
    published: pl.Series, old: Pseudonymiser, new: Pseudonymiser, *, raw: pl.Series | None = None
) -> pl.DataFrame:
    """Return which new pseudonym takes the place of each old one.

    The map joins both epochs, and so is as secret as the keys: seal it, and shred it when all tables have changed.

    Args:
        published: a column of old pseudonyms, (n,).
        old, new: of the same column, under the keys of the old and the new epoch.
        raw: the values that the old pseudonyms stand for, row by row, (n,); needed where ``old`` has no way back.

    Returns:
        Columns ``old`` and ``new``, one row for each distinct pseudonym, sorted by ``old``.

    Raises:
        PseudonymRefused: there is no way back and no raw column, or the raw column is not what the pseudonyms stand
            for.
        ShapeMismatch: a raw column of another length.
        SealBroken: a pseudonym that does not open under the old key.
    """
    import polars as pl

    if raw is not None:
        _check_raw(published, old, raw)
        pairs = pl.DataFrame({"old": published, "new": new.apply(raw)})
    elif old.reversible:
        pairs = pl.DataFrame({"old": published, "new": new.apply(old.reverse(published))})
    else:
        raise PseudonymRefused(
            f"pseudonyms of the kind {old.name} cannot be re-keyed without the values they stand for",
            where=f"column {published.name!r}",
            why="a keyed hash has no way back",
            fix="give the raw column, row by row",
        )
    return pairs.drop_nulls("old").unique("old").sort("old")


def rekey(published: pl.Series, old: Pseudonymiser, new: Pseudonymiser, *, raw: pl.Series | None = None) -> pl.Series:
    """Return the column under the new epoch's pseudonyms; arguments and errors as of `rekey_map`."""
    pairs = rekey_map(published, old, new, raw=raw)
    return published.replace_strict(pairs["old"], pairs["new"], default=None).rename(published.name)


def rekey_pairs(values: pl.Series, old: Pseudonymiser, new: Pseudonymiser) -> pl.DataFrame:
    """Return the map of `rekey_map` for all values that a column may hold, whatever the order of its rows.

    Args:
        values: raw values, in any order and number.
        old, new: see `rekey_map`.

    Raises:
        PseudonymRefused: values that have no pseudonyms.
    """
    import polars as pl

    distinct = values.drop_nulls().unique()
    return pl.DataFrame({"old": old.apply(distinct), "new": new.apply(distinct)}).unique("old").sort("old")


def swapped(published: pl.Series, pairs: pl.DataFrame) -> pl.Series:
    """Return the column with new pseudonyms in the place of the old ones, as a map tells; missing ones stay missing.

    Raises:
        PseudonymRefused: a pseudonym that the map does not hold.
    """
    found = published.replace_strict(pairs["old"], pairs["new"], default=None).rename(published.name)
    lost = found.is_null() & published.is_not_null()
    if lost.any():
        raise PseudonymRefused(
            f"{published.filter(lost).n_unique():,} pseudonyms stand for none of the values that were given",
            where=f"column {published.name!r}",
            why="whoever they stand for would lose their rows",
            fix="give the raw table that the release was made from, and the epoch that it was made under",
        )
    return found


def frequency_warning(values: pl.Series) -> str | None:
    """Return what the frequencies of a column's values would give away under any pseudonym; None where that is little.

    Equal values get equal pseudonyms, so whoever knows how common each value is can tell which is which. That works
    where values are few (below 1,000 different ones, each more than once on average) or where one is common (1 % of the
    rows or more).

    Args:
        values: raw values or their pseudonyms; the frequencies are the same.
    """
    counts = values.drop_nulls().value_counts(name="_rows").get_column("_rows").to_numpy()
    rows, distinct = int(counts.sum()), len(counts)
    if rows == distinct:
        return None
    share = int(counts.max()) / rows
    if distinct >= FEWEST_DISTINCT and share < LARGEST_SHARE:
        return None
    return (
        f"{values.name}: {distinct:,} different values in {rows:,} rows, the most common in {share:.1%} of them; "
        "whoever knows how common each value is can tell which pseudonym stands for it"
    )


def _check_raw(published: pl.Series, old: Pseudonymiser, raw: pl.Series) -> None:
    if len(raw) != len(published):
        raise ShapeMismatch(f"{len(published)} pseudonyms, but {len(raw)} raw values")
    differs = old.apply(raw).ne_missing(published)
    if differs.any():
        raise PseudonymRefused(
            f"{differs.sum():,} of {len(raw):,} raw values are not what the pseudonyms stand for",
            where=f"column {published.name!r}, first in row {differs.arg_max()} (counted from 0)",
            why="rows in another order, another table, or another key would give people the pseudonyms of others",
            fix="give the raw column of the same rows in the same order, and the key of the old epoch",
        )
