"""Range labels: the text of many ranges of values at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from casemate.controls.anonymity.domains import Domain
from casemate.controls.anonymity.hierarchies import WHOLE
from casemate.controls.anonymity.labels import join, range_text
from casemate.core.release import Meanings

if TYPE_CHECKING:
    import polars

MOST_CELLS = 1 << 26  # labels times values of a table that says which may stand for which


def range_labels(first: np.ndarray, last: np.ndarray, missing: np.ndarray, domain: Domain) -> tuple[str, ...]:
    """Return the label of every range, (m,).

    Args:
        first, last: its lowest and highest value, as places in ``domain.raw``, (m,); a missing one alone is its last.
        missing: whether it stands for a missing value, too, (m,) bool.
        domain: the column's values.
    """
    c = len(domain.values)
    whole = (first == 0) & (last >= c - 1) & (missing == domain.missing) & (len(domain.raw) > 1) & (c > 0)
    empty = first == c
    if domain.hierarchy is not None and not domain.ordinal:
        told = zip(first.tolist(), last.tolist(), missing.tolist(), whole.tolist(), empty.tolist(), strict=True)
        return tuple(
            WHOLE if all_ else "" if none else _cover(low, high, gone, domain) for low, high, gone, all_, none in told
        )
    return tuple(_texts(first, last, missing & ~empty, whole, domain).to_list())


def meaning_of_spans(
    first: np.ndarray, last: np.ndarray, missing: np.ndarray, labels: tuple[str, ...], domain: Domain
) -> Meanings:
    """Return what the labels of ranges mean; for the arguments see `range_labels`."""
    c = len(domain.values)
    members = None
    if (missing & (last < c - 1)).any():
        places = np.arange(len(domain.raw))
        members = (places >= first[:, None]) & (places <= last[:, None])
        members[missing, -1] = True
    top = np.where(missing, c, last)
    return Meanings(domain.raw, labels, first.astype(np.int32), top.astype(np.int32), members)


def _cover(first: int, last: int, missing: bool, domain: Domain) -> str:
    """Return the fewest names of the hierarchy that stand for a range of values."""
    assert domain.hierarchy is not None
    members = np.zeros(len(domain.values), dtype=bool)
    members[first : last + 1] = True
    return join(map(domain.name_text, domain.hierarchy.cover(members)), missing=missing)


def _texts(
    first: np.ndarray, last: np.ndarray, missing: np.ndarray, whole: np.ndarray, domain: Domain
) -> polars.Series:
    import polars as pl

    used, at = np.unique(np.concatenate([first, last]), return_inverse=True)
    texts = [domain.text(place) for place in used.tolist()]
    ends = pl.Series("text", texts, dtype=pl.String)
    starts = pl.Series("start", [range_text(text, "") for text in texts], dtype=pl.String)
    one = pl.Series("one", first == last)
    frame = pl.DataFrame(
        [
            ends.gather(at[: len(first)]).alias("exact"),
            starts.gather(at[: len(first)]) + ends.gather(at[len(first) :]),
            one,
            pl.Series("tail", missing),
            pl.Series("whole", whole),
        ]
    )
    text = pl.when("one").then("exact").otherwise("start") + pl.when("tail").then(pl.lit("|")).otherwise(pl.lit(""))
    return frame.select(pl.when("whole").then(pl.lit(WHOLE)).otherwise(text)).to_series()
