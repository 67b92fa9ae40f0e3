"""Reading labels: what the values of a blurred column, ours or somebody else's, may stand for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from casemate.controls.anonymity.domains import Domain
from casemate.controls.anonymity.hierarchies import WHOLE
from casemate.controls.anonymity.labels import End, Label, Span, parse_label
from casemate.core.errors import DataUnreadable, OutOfRange, did_you_mean
from casemate.core.release import Meanings

if TYPE_CHECKING:
    import polars


def read_meanings(published: polars.Series, domain: Domain) -> Meanings:
    """Return what the labels of a published column may stand for.

    Labels are read as `labels.parse_label` says, names of the domain's hierarchy included; a missing value stands for a
    missing one.

    Args:
        published: the column as it was given away: text, or numbers that were not blurred.
        domain: the raw values, with their hierarchy where names of one were published.

    Raises:
        DataUnreadable: a label that says nothing in this grammar.
        OutOfRange: a label that names a value that the domain lacks, or a range that holds none.
    """
    import polars as pl

    texts = published.cast(pl.String).fill_null("").unique().sort().to_list()
    words = {word: place for place, word in enumerate(domain.values.tolist())} if domain.kind == "word" else {}
    members = np.array([_members(text, domain, words) for text in texts]).reshape(len(texts), len(domain.raw))
    low = members.argmax(axis=1)
    high = members.shape[1] - 1 - members[:, ::-1].argmax(axis=1)
    whole_ranges = bool((members.sum(axis=1) == high - low + 1).all())
    return Meanings(
        domain.raw, tuple(texts), low.astype(np.int32), high.astype(np.int32), None if whole_ranges else members
    )


def _members(text: str, domain: Domain, words: dict[str, int]) -> np.ndarray:
    """Return which raw values a label may stand for, (c,) bool."""
    members = np.zeros(len(domain.raw), dtype=bool)
    if domain.hierarchy is not None and text != WHOLE and text in domain.hierarchy.places:
        low, high = domain.hierarchy.places[text]
        members[low : high + 1] = True
        return members
    try:
        label = parse_label(text, domain.kind)
        _fill(members, label, domain, words)
    except (DataUnreadable, OutOfRange) as error:
        raise type(error)(
            error.what, where=f"column {domain.name!r}, value {text!r}", why=error.why, fix=error.fix
        ) from None
    if not members.any():
        raise OutOfRange(
            f"no value of {domain.name!r} is what {text!r} says",
            where=f"column {domain.name!r}",
            fix="check that both tables are of the same people and in the same unit",
        )
    return members


def _fill(members: np.ndarray, label: Label, domain: Domain, words: dict[str, int]) -> None:
    if label.whole:
        members[:] = True
    if label.missing:
        if not domain.missing:
            raise OutOfRange(f"no value of {domain.name!r} is missing", fix="give the raw table that was blurred")
        members[-1] = True
    for span in label.spans:
        low, high = _places(span, domain, words)
        members[low : high + 1] = True


def _places(span: Span, domain: Domain, words: dict[str, int]) -> tuple[int, int]:
    if domain.kind == "number":
        low = np.searchsorted(domain.values, span.low, side="right" if span.open_low else "left")
        high = np.searchsorted(domain.values, span.high, side="left" if span.open_high else "right") - 1
        return int(low), int(high)
    first, last = (_place(end, domain, words) for end in (span.low, span.high))
    return first[0] + span.open_low, last[1] - span.open_high


def _place(end: End, domain: Domain, words: dict[str, int]) -> tuple[int, int]:
    assert isinstance(end, str)
    if end in words:
        return words[end], words[end]
    if domain.hierarchy is not None and end in domain.hierarchy.places:
        return domain.hierarchy.places[end]
    raise OutOfRange(
        f"{end!r} is no value of {domain.name!r}, nor a name of its hierarchy.{did_you_mean(end, words)}",
        fix="give the hierarchy that was used, or the raw table that was blurred",
    )
