"""Labels: what is published of every group in every column, as numbers of labels, for tables of any size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from casemate.controls.anonymity.domains import Domain
from casemate.controls.anonymity.grouping import Grouping
from casemate.controls.anonymity.rendering import Extent, extent_of, label_groups
from casemate.core.release import Meanings

if TYPE_CHECKING:
    import polars


@dataclass(frozen=True, eq=False)
class GroupLabels:
    """What is published of every group.

    Args:
        of: the label of each group in each column, (groups, d) int32: a row of the column's meanings.
        meanings: what the labels of each column stand for, (d,).
        names: the columns, (d,).
    """

    of: np.ndarray
    meanings: tuple[Meanings, ...]
    names: tuple[str, ...]

    def numbers(self, groups: np.ndarray) -> polars.DataFrame:
        """Return the numbers of the labels of rows in these groups (m,), a column each, (m rows)."""
        import polars as pl

        return pl.DataFrame({name: self.of[groups, j] for j, name in enumerate(self.names)})

    def texts(self, frame: polars.DataFrame) -> polars.DataFrame:
        """Return a frame with the numbers of labels replaced by their texts; an empty one is a missing value."""
        import polars as pl

        columns = []
        for name, meaning in zip(self.names, self.meanings, strict=True):
            texts = pl.Series(name, [text or None for text in meaning.labels], dtype=pl.String)
            columns.append(texts.gather(frame[name]).alias(name))
        return frame.with_columns(columns)


def label_rows(grouping: Grouping, codes: np.ndarray, domains: Sequence[Domain], *, loose: bool = False) -> GroupLabels:
    """Return what is published of the groups of coded rows; ``codes`` (n, d) int16, one domain for each column.

    For ``loose`` see `casemate.controls.anonymity.loose`.
    """
    order = np.argsort(grouping.ids)
    starts = np.searchsorted(grouping.ids, np.arange(grouping.count + 1), sorter=order)
    order, starts = order[starts[0] :], starts[:-1] - starts[0]  # without the suppressed rows
    return label_extents(
        [extent_of(codes[:, j][order], starts, domain) for j, domain in enumerate(domains)],
        domains,
        grouping.count,
        loose=loose,
    )


def label_extents(
    extents: Sequence[Extent], domains: Sequence[Domain], groups: int, *, loose: bool = False
) -> GroupLabels:
    """Return what is published of groups that hold these values."""
    of = np.empty((groups, len(domains)), dtype=np.int32)
    meanings = []
    for j, (extent, domain) in enumerate(zip(extents, domains, strict=True)):
        of[:, j], meaning = label_groups(extent, domain, loose=loose)
        meanings.append(meaning)
    return GroupLabels(of, tuple(meanings), tuple(domain.name for domain in domains))


def classes_of(labels: GroupLabels) -> tuple[np.ndarray, int]:
    """Return which groups look alike once they are published, (groups,) int32 from 0, and how many classes there are.

    Groups with the same labels in every column are one to everybody who reads them.
    """
    if not len(labels.of):
        return np.zeros(0, dtype=np.int32), 0
    classes = np.zeros(len(labels.of), dtype=np.int64)
    for j, meaning in enumerate(labels.meanings):
        texts = np.unique(np.array(meaning.labels, dtype=object).astype(str), return_inverse=True)[1]
        classes = classes * (int(texts.max()) + 1) + texts[labels.of[:, j]]
        classes = np.unique(classes, return_inverse=True)[1]
    return classes.astype(np.int32), int(classes.max()) + 1
