"""Foreign: a table that another program made ready, with its labels read as that program may have meant them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from casemate.controls.anonymity.labels import Kind, Label, Span, parse_label
from casemate.core.errors import DataUnreadable, ShapeMismatch
from casemate.core.reading import as_they_are
from casemate.core.release import Meanings, Release

if TYPE_CHECKING:
    import polars


def read_foreign(raw: Release, published: polars.DataFrame, rows: np.ndarray) -> Release:
    """Return a published table as a release: which labels stand for what, and which columns hold pseudonyms.

    A label stands for the values that its text names, as `labels.parse_label` reads it, and for those that its rows
    hold: names of bands and rounded numbers tell no more by themselves. A column whose values are all values of the raw
    column is published as it is; one that shares none with it and stands for them one to one holds pseudonyms. Columns
    that the raw table does not have are kept, and nobody is known by them.

    Args:
        raw: the table that it was made from, with its columns' roles.
        published: the table, (n rows).
        rows: which raw row each published row is about, (n,) int64.

    Raises:
        ShapeMismatch: more published rows than raw ones and no key to tell them by.
    """
    if len(rows) and int(rows.max()) >= len(raw):
        raise ShapeMismatch(
            f"{published.height:,} rows were published, the raw table has {len(raw):,}",
            why="rows are matched by their order",
            fix="name a key, a column of both files that tells which row is which",
        )
    meanings, pseudonyms = {}, {}
    for name in published.columns:
        if name not in raw.table.columns:
            continue
        before, after = raw.table[name], published[name]
        told = _meaning(before, after, rows)
        if told is None:
            continue
        if _one_to_one(before, after, rows):
            pseudonyms[name] = "one stand-in for each value"
        else:
            meanings[name] = told
    roles = {name: role for name, role in raw.roles.items() if name in published.columns}
    labels = {name: published[name].cast(_text()) for name in meanings}
    return Release(published.with_columns(**labels), roles, rows, meanings, pseudonyms)


def _meaning(before: polars.Series, after: polars.Series, rows: np.ndarray) -> Meanings | None:
    """What the labels of a column may stand for; None where they are the raw values."""
    import polars as pl

    own, codes = as_they_are(before)
    kind: Kind = "number" if own.domain.dtype.kind == "f" else "word"
    same = before[rows].cast(pl.String).eq_missing(after.cast(pl.String))
    if same.all() or (kind == "number" and after.dtype.is_numeric() and bool((before[rows].eq_missing(after)).all())):
        return None
    text = after.cast(pl.String).fill_null("")
    distinct = text.unique().sort()
    label = text.replace_strict(distinct, np.arange(len(distinct)), return_dtype=pl.Int64).to_numpy()
    members = np.zeros((len(distinct), len(own.domain)), dtype=bool)
    members[label, codes[rows]] = True
    for at, word in enumerate(distinct.to_list()):
        members[at] |= _named(word, own.domain, kind)
    low, high = members.argmax(axis=1), len(own.domain) - 1 - members[:, ::-1].argmax(axis=1)
    whole = bool((members.sum(axis=1) == high - low + 1).all())
    return Meanings(
        own.domain, tuple(distinct.to_list()), low.astype(np.int32), high.astype(np.int32), None if whole else members
    )


def _named(word: str, domain: np.ndarray, kind: Kind) -> np.ndarray:
    """Which values of a domain a label names, (c,) bool; none where it is only a name."""
    try:
        label = parse_label(word, kind)
    except DataUnreadable:
        label = Label()
    if label.whole:
        return np.ones(len(domain), dtype=bool)
    named = np.zeros(len(domain), dtype=bool)
    for span in label.spans:
        named |= _within(span, domain)
    if label.missing and len(domain):
        last = domain[-1]
        named[-1] |= (isinstance(last, float) and math.isnan(last)) or last == ""
    return named


def _within(span: Span, domain: np.ndarray) -> np.ndarray:
    above = domain > span.low if span.open_low else domain >= span.low
    below = domain < span.high if span.open_high else domain <= span.high
    return np.asarray(above & below, dtype=bool)


def _one_to_one(before: polars.Series, after: polars.Series, rows: np.ndarray) -> bool:
    """Whether every published value stands for one raw value and the other way round, and none is a raw value."""
    import polars as pl

    pairs = pl.DataFrame({"raw": before[rows].cast(pl.String), "label": after.cast(pl.String)}).drop_nulls()
    distinct = pairs.unique()
    if distinct.height != pairs["raw"].n_unique() or distinct.height != pairs["label"].n_unique():
        return False
    return not bool(distinct["label"].is_in(distinct["raw"].to_list()).any())


def _text() -> type[polars.String]:
    import polars as pl

    return pl.String
