"""Automatic hierarchies, where nobody declared one: round bands for numbers and dates, halves for words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from casemate.controls.anonymity.bands import STEPS
from casemate.controls.anonymity.domains import Detail
from casemate.controls.anonymity.hierarchies import WHOLE, Hierarchy, in_order
from casemate.controls.anonymity.labels import join, range_text, word_text
from casemate.controls.anonymity.numbers import beyond_exact, round_up

if TYPE_CHECKING:
    import polars

MOST_BANDS = 32  # bands of numbers that nobody declared, at the narrowest step
MOST_LISTED = 8  # words of a node that are still listed; beyond, its first and last are named


def automatic(column: polars.Series, detail: Detail) -> Detail:
    """Return how a column may be blurred, with round bands for numbers and dates that have no hierarchy yet.

    Numbers get bands of 1, 2 or 5 times a power of ten, at most 32 of them, doubled until they hold the whole range;
    dates get months, quarters, years and decades.
    """
    import polars as pl

    if detail.rows or detail.widths or detail.steps or detail.prefixes or detail.ordinal is False or detail.order:
        return detail
    if column.dtype.is_numeric() and not beyond_exact(column):
        return replace(detail, widths=_round_widths(column))
    if column.dtype == pl.Date or isinstance(column.dtype, pl.Datetime):
        return replace(detail, steps=STEPS)
    return detail


def _round_widths(column: polars.Series) -> tuple[float, ...]:
    import polars as pl

    numbers = column.cast(pl.Float64).drop_nulls().drop_nans()
    span = float(numbers.max() or 0.0) - float(numbers.min() or 0.0) if len(numbers) else 0.0  # type: ignore[arg-type]
    if not np.isfinite(span) or span == 0:
        return ()
    narrow = round_up(span / MOST_BANDS)
    if column.dtype.is_integer():
        narrow = max(narrow, 2.0)
    widths = [narrow]
    while widths[-1] < span:
        widths.append(widths[-1] * 2)
    return tuple(widths[:-1] or widths)


def halves(values: Sequence[str], *, ranges: bool = False) -> Hierarchy:
    """Return a hierarchy over c values in an order, each of whose nodes is one half of the node above.

    Which values share a node is a matter of their order alone, and not of the rows: a node says nothing of who is in
    it. Words are listed, ``single|widowed``, or where there are more than eight, named by the first and the last.

    Args:
        values: the values, in an order in which neighbours had better be alike; at least one.
        ranges: name every node by its first and last value, as the order says something.
    """
    texts, c = [word_text(value) for value in values], len(values)
    columns = [texts]
    for depth in range(max(c - 1, 1).bit_length() - 1, 0, -1):
        nodes = np.arange(c) * 2**depth // c
        first = np.flatnonzero(np.diff(nodes, prepend=-1)).tolist()
        names = [_name(texts[low:high], ranges) for low, high in zip(first, [*first[1:], c], strict=True)]
        columns.append([names[node] for node in nodes.tolist()])
    return in_order([*columns, [WHOLE] * c], written=True)


def _name(texts: Sequence[str], ranges: bool) -> str:
    if len(texts) == 1:
        return texts[0]
    return join(texts) if len(texts) <= MOST_LISTED and not ranges else range_text(texts[0], texts[-1])
