"""Staging: rows as they will be published, in the raw table's order, with what puts them into another one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from casemate.controls.deidentification.blurred import Blurred
from casemate.controls.deidentification.labels import classes_of
from casemate.controls.deidentification.meanings import of_sample
from casemate.controls.deidentification.order import order_keys
from casemate.controls.deidentification.sample import chosen
from casemate.controls.deidentification.source import BATCH_ROWS
from casemate.controls.deidentification.work import Done, Work, change, release_of
from casemate.core.release import Release

if TYPE_CHECKING:
    import polars

Sampled = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""Says which rows, given their positions and keys, belong to the sample."""


@dataclass(frozen=True, eq=False)
class Staging:
    """How a batch of raw rows becomes a batch of staged ones; a pure function of the batch and its place.

    Args:
        work: what is to be done.
        blurred: what is published of the groups; None where nothing is blurred.
        key: the column of the rows' order while they are staged; none of the table's own, as the next two.
        place: the column of their positions in the raw table.
        beside: the column of whom they are about.
    """

    work: Work
    blurred: Blurred | None
    key: str
    place: str
    beside: str

    @classmethod
    def of(cls, work: Work, blurred: Blurred | None) -> Staging:
        """Return a staging whose columns are none of the table's."""
        longest = "_" * max((len(name) for name in work.read), default=0)
        return cls(work, blurred, f"order{longest}", f"place{longest}", f"subject{longest}")

    def stage(self, batch: polars.DataFrame, start: int) -> polars.DataFrame:
        """Return the rows that are published, with the numbers of labels in place of blurred values.

        Args:
            batch: raw rows, with the columns that the work reads.
            start: position of the first of them in the raw table.
        """
        import polars as pl

        work = self.work
        table = change(release_of(batch, work.roles), work.rows, work.seed).table.select(work.publish)
        if work.subject is not None:
            table = table.with_columns(batch[work.subject].alias(self.beside))
        positions = np.arange(start, start + batch.height)
        if self.blurred is not None:
            ids = self.blurred.grouping.ids[positions]
            shown = ids >= 0
            positions, table, ids = positions[shown], table.filter(shown), ids[shown]
            table = table.with_columns(self.blurred.labels.numbers(ids).get_columns())
        keys = order_keys(work.order_seed, positions)
        return table.with_columns(pl.Series(self.key, keys), pl.Series(self.place, positions, dtype=pl.Int64))

    def published(self, staged: polars.DataFrame) -> tuple[polars.DataFrame, polars.Series | None]:
        """Return staged rows as they are published, and whom they are about."""
        texts = staged if self.blurred is None else self.blurred.labels.texts(staged)
        subject = self.work.subject
        return texts.select(self.work.publish), None if subject is None else staged[self.beside].alias(subject)


@dataclass(eq=False)
class Sample:
    """The rows that are kept in memory, staged and raw, so that the outcome can be attacked.

    Args:
        staging: how they were staged.
        rows: rows of the raw table.
    """

    staging: Staging
    rows: int
    staged: list[polars.DataFrame] = field(default_factory=list)
    raw: list[polars.DataFrame] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._belong = sampled(self.rows, self.staging.work, self.staging.blurred)

    def keep(self, staged: polars.DataFrame) -> np.ndarray:
        """Keep those of some staged rows that belong to the sample; return their positions in the raw table."""
        places = staged[self.staging.place].to_numpy()
        if self._belong is not None:
            mine = self._belong(places, staged[self.staging.key].to_numpy())
            staged, places = staged.filter(mine), places[mine]
        if staged.height or not self.staged:
            self.staged.append(staged)
        return places

    def keep_raw(self, batch: polars.DataFrame, start: int, places: np.ndarray) -> None:
        """Keep raw rows: those at ``places``, or all where the sample is everything."""
        self.raw.append(batch if self._belong is None else batch[places - start])

    @property
    def whole(self) -> bool:
        """Whether the sample is everything."""
        return self._belong is None

    def done(self, published: int) -> Done:
        """Return what came of it, in the order in which rows are published."""
        import polars as pl

        staging, work = self.staging, self.staging.work
        staged, raw = pl.concat(self.staged), release_of(pl.concat(self.raw), work.roles)
        places = staged[staging.place].to_numpy()
        if not self.whole:
            places = np.argsort(np.argsort(places))  # among the raw rows that were kept, which lie in their order
        order = np.argsort(staged[staging.key].to_numpy())
        labels = None if staging.blurred is None else staging.blurred.labels
        meanings = {} if labels is None else dict(zip(labels.names, labels.meanings, strict=True))
        meanings |= of_sample(raw, work, meanings)
        roles = {name: role for name, role in work.roles.items() if name in work.publish}
        pseudonyms = change(release_of(raw.table[:1], work.roles), work.rows, work.seed).pseudonyms
        pseudonyms = {name: kind for name, kind in pseudonyms.items() if name in work.publish}
        table, _ = staging.published(staged[order])
        release = Release(table, roles, places[order].astype(np.int64), meanings, pseudonyms)
        return Done(published, self.rows - published, raw, release, meanings, pseudonyms)


def sampled(rows: int, work: Work, blurred: Blurred | None) -> Sampled | None:
    """Return what says which rows belong to the sample; None where all do."""
    published = rows - (0 if blurred is None else blurred.grouping.suppressed)
    if published <= work.sample:
        return None
    if blurred is None:
        last = _key_of(rows, work, work.sample, None)
        return lambda _, keys: keys <= last
    classes, count = classes_of(blurred.labels)
    ids = blurred.grouping.ids
    sizes = np.bincount(classes, weights=blurred.grouping.sizes, minlength=count).astype(np.int64)
    last = _key_of(rows, work, work.sample, ids)
    first = np.concatenate([p[(order_keys(work.order_seed, p) <= last) & (ids[p] >= 0)] for p in _positions(rows)])
    first = first[np.argsort(order_keys(work.order_seed, first))]
    kept = chosen(classes[ids[first]], sizes, work.sample)[classes]
    return lambda positions, _: kept[ids[positions]]


def _key_of(rows: int, work: Work, place: int, ids: np.ndarray | None) -> np.uint64:
    """Return the key of the published row at a place, counted from 1, in the order in which they are published."""
    smallest = np.zeros(0, dtype=np.uint64)
    for positions in _positions(rows):
        keys = order_keys(work.order_seed, positions if ids is None else positions[ids[positions] >= 0])
        smallest = np.concatenate([smallest, keys])
        if len(smallest) > place:
            smallest = np.partition(smallest, place - 1)[:place]
    return np.uint64(smallest.max())


def _positions(rows: int) -> Iterator[np.ndarray]:
    return (np.arange(start, min(start + BATCH_ROWS, rows)) for start in range(0, rows, BATCH_ROWS))
