"""Samples: an example as something to look at: three pictures, or the columns that changed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from casemate.core.evidence import Example
from casemate.report import picture, words

MOST_CHANGES = 12


@dataclass(frozen=True)
class Pictures:
    """An image before, after, and what changed, as data URIs."""

    before: str
    after: str
    difference: str
    width: int
    height: int


@dataclass(frozen=True)
class Change:
    """One column of a table row."""

    name: str
    before: str
    after: str


@dataclass(frozen=True)
class Sample:
    """One example, ready to show.

    Args:
        before_label, after_label: the system's answers.
        note: what a reader should know.
        pictures: for images; else None.
        changes: the columns that changed most, for tables.
        more: how many further columns changed.
        features: number of columns or pixels.
        changed: how many of them changed.
        largest: the largest change of one of them, in its own unit.
        told: whether the columns are words, such as what was known of a person and what was published.
    """

    before_label: str
    after_label: str
    note: str
    pictures: Pictures | None
    changes: tuple[Change, ...]
    more: int
    features: int
    changed: int
    largest: str
    told: bool = False


def sample(example: Example) -> Sample:
    """Return an example ready to show. Damaged examples, whose parts disagree, show what they have in common."""
    if example.before_text or example.after_text:
        return _in_words(example)
    n = min(len(example.before), len(example.after))
    before, after = np.asarray(example.before[:n]), np.asarray(example.after[:n])
    moved = np.abs(np.nan_to_num(after) - np.nan_to_num(before))
    changed = np.flatnonzero(moved)
    pictures = _pictures(example)
    shown = () if pictures else tuple(_change(example, int(i)) for i in sorted(_largest(moved, changed)))
    return Sample(
        example.before_label,
        example.after_label,
        example.note,
        pictures,
        shown,
        0 if pictures else len(changed) - len(shown),
        n,
        len(changed),
        words.figure(float(moved.max())) if n else "0",
    )


def _in_words(example: Example) -> Sample:
    """An example that is no numbers: columns that say something, before and after."""
    n = min(len(example.before_text), len(example.after_text))
    pairs = zip(example.before_text[:n], example.after_text[:n], strict=True)
    rows = [
        Change(example.names[at] if at < len(example.names) else f"column {at + 1}", before, after)
        for at, (before, after) in enumerate(pairs)
        if before or after
    ]
    shown = tuple(rows[:MOST_CHANGES])
    more = len(rows) - len(shown)
    return Sample(
        example.before_label, example.after_label, example.note, None, shown, more, n, len(rows), "", told=True
    )


def _largest(moved: np.ndarray, changed: np.ndarray) -> np.ndarray:
    return changed[np.argsort(-moved[changed], kind="stable")][:MOST_CHANGES]


def _change(example: Example, column: int) -> Change:
    name = example.names[column] if column < len(example.names) else f"column {column + 1}"
    return Change(name, words.figure(example.before[column]), words.figure(example.after[column]))


def _pictures(example: Example) -> Pictures | None:
    before = picture.as_pixels(example.before, example.shape)
    after = picture.as_pixels(example.after, example.shape)
    if before is None or after is None:
        return None
    low, high = picture.value_range(before, after)
    height, width, _ = before.shape
    return Pictures(
        picture.picture(before, low, high),
        picture.picture(after, low, high),
        picture.difference(before, after),
        width,
        height,
    )
