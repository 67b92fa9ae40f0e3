"""Out of core: a table that is larger than the memory, in four readings, with DuckDB to put the rows in order.

Only the codes of the columns that are blurred, the group of each row and what is published of each group are held at
once. The first two may be paged out; the rows themselves pass by in batches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from casemate.controls.anonymity.survey import domain_of
from casemate.controls.deidentification.blurred import Blurred, blur, check_batches, domains_of
from casemate.controls.deidentification.coded import distinct_values, write_codes
from casemate.controls.deidentification.labels import classes_of
from casemate.controls.deidentification.meanings import composed, of_sample
from casemate.controls.deidentification.order import order_keys
from casemate.controls.deidentification.sample import chosen
from casemate.controls.deidentification.sorting import sorted_batches
from casemate.controls.deidentification.source import BATCH_ROWS, Source
from casemate.controls.deidentification.work import Done, Watch, Work, Write, change, changed_batches, release_of
from casemate.core.release import Release

if TYPE_CHECKING:
    import polars


def out_of_core(
    source: Source,
    work: Work,
    write: Write,
    watch: Watch,
    *,
    scratch: Path,
    memory: str = "4GB",
) -> Done:
    """Carry out work on a table of any size; arguments as of `in_memory`.

    Args:
        scratch: a folder for temporary files, on a disk with room for about twice the table.
        memory: what DuckDB may hold while it sorts, such as ``4GB``.
    """
    blurred = _blurred(source, work, scratch, watch)
    pass_ = _Pass(source, work, blurred, _sampled(source.rows, work, blurred))
    published = source.rows - (0 if blurred is None else blurred.grouping.suppressed)
    if published == 0:
        write(*pass_.split(pass_.none()))
    written = 0
    for batch in sorted_batches(pass_.staged(watch), pass_.key, scratch, memory):
        write(*pass_.split(batch))
        written += batch.height
        watch("writing", written, published)
    return pass_.done(published)


def _blurred(source: Source, work: Work, scratch: Path, watch: Watch) -> Blurred | None:
    if work.blur is None:
        return None
    check_batches(work.blur)
    n, columns, secrets = source.rows, work.quasi_identifiers(), work.of("sensitive")
    changed = [name for name in columns if any(name in step.columns for step in work.rows)]
    raw = distinct_values(source.batches(changed), changed, lambda done: watch("looking", done, n)) if changed else {}
    distinct = distinct_values(
        changed_batches(source, work, (*columns, *secrets)),
        (*columns, *secrets),
        lambda done: watch("looking", done, n),
    )
    coded = write_codes(
        changed_batches(source, work, (*columns, *secrets)),
        n,
        domains_of(work.blur, distinct, columns),
        [domain_of(distinct[name].alias(name)) for name in secrets],
        scratch,
        lambda done: watch("coding", done, n),
    )
    found = blur(work.blur, coded, work.seed, lambda done: watch("grouping", done, n))
    labels = found.labels
    told = composed(dict(zip(labels.names, labels.meanings, strict=True)), work, raw, distinct)
    return replace(found, labels=replace(labels, meanings=tuple(told.values())))


def _sampled(rows: int, work: Work, blurred: Blurred | None) -> Callable[[np.ndarray, np.ndarray], np.ndarray] | None:
    """Return what says which rows, by their positions and keys, belong to the sample; None where all do."""
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


@dataclass(eq=False)
class _Pass:
    """The last reading: every row as it will be published, in the raw table's order, and those that are kept."""

    source: Source
    work: Work
    blurred: Blurred | None
    sampled: Callable[[np.ndarray, np.ndarray], np.ndarray] | None
    raw: list[polars.DataFrame] = field(default_factory=list)
    kept: list[polars.DataFrame] = field(default_factory=list)
    rows: list[np.ndarray] = field(default_factory=list)
    passed: int = 0
    pseudonyms: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """The column of the order of the rows while they are sorted; none of the table's own."""
        return "order" + "_" * max((len(name) for name in self.source.columns), default=0)

    @property
    def beside(self) -> str:
        """The column of whom a row is about, as the raw table says, while rows are sorted."""
        return "subject" + self.key

    def staged(self, watch: Watch) -> Iterator[polars.DataFrame]:
        """Yield batches with the numbers of labels in place of blurred values, and the key of each row's place."""
        done = 0
        for batch in self.source.batches(self.work.read):
            yield self._changed(batch, done)
            done += batch.height
            watch("changing", done, self.source.rows)

    def _changed(self, batch: polars.DataFrame, start: int) -> polars.DataFrame:
        import polars as pl

        release = change(release_of(batch, self.work.roles), self.work.rows, self.work.seed)
        subject = self.work.subject
        self.pseudonyms.update({n: kind for n, kind in release.pseudonyms.items() if n in self.work.publish})
        table = release.table.select(self.work.publish)
        if subject is not None:
            table = table.with_columns(batch[subject].alias(self.beside))
        positions = np.arange(start, start + batch.height)
        if self.blurred is not None:
            ids = self.blurred.grouping.ids[positions]
            shown = ids >= 0
            positions, table, ids = positions[shown], table.filter(shown), ids[shown]
            table = table.with_columns(self.blurred.labels.numbers(ids).get_columns())
        keys = order_keys(self.work.order_seed, positions)
        staged = table.with_columns(pl.Series(self.key, keys))
        self._keep(staged, batch, positions - start, keys)
        return staged

    def _keep(self, staged: polars.DataFrame, batch: polars.DataFrame, places: np.ndarray, keys: np.ndarray) -> None:
        """Keep rows of the sample, published and raw; ``places`` says where in the batch each published row stood."""
        if self.sampled is None:
            self.rows.append(places + sum(part.height for part in self.raw))
            self.kept.append(staged)
            self.raw.append(batch)
            return
        mine = self.sampled(places + self.passed, keys)
        self.passed += batch.height
        if mine.any():
            self.rows.append(np.arange(int(mine.sum())) + sum(part.height for part in self.raw))
            self.kept.append(staged.filter(mine))
            self.raw.append(batch[places[mine]])

    def none(self) -> polars.DataFrame:
        """Return what is staged of no row."""
        first = next(self.source.batches(self.work.read, 1))
        return self._changed(first.clear(), 0)

    def split(self, staged: polars.DataFrame) -> tuple[polars.DataFrame, polars.Series | None]:
        """Return rows as they are published, and whom they are about."""
        texts = staged if self.blurred is None else self.blurred.labels.texts(staged)
        subject = self.work.subject
        return texts.select(self.work.publish), None if subject is None else staged[self.beside].alias(subject)

    def done(self, published: int) -> Done:
        """Return what came of it."""
        import polars as pl

        labels = None if self.blurred is None else self.blurred.labels
        staged, whole = pl.concat(self.kept), pl.concat(self.raw)
        order = np.argsort(staged[self.key].to_numpy())
        texts = staged if labels is None else labels.texts(staged)
        table = texts.select(self.work.publish)[order]
        roles = {name: role for name, role in self.work.roles.items() if name in self.work.publish}
        raw = release_of(whole, self.work.roles)
        meanings = {} if labels is None else dict(zip(labels.names, labels.meanings, strict=True))
        meanings |= of_sample(raw, self.work, meanings)
        return Done(
            rows=published,
            suppressed=self.source.rows - published,
            raw=raw,
            release=Release(table, roles, np.concatenate(self.rows)[order].astype(np.int64), meanings, self.pseudonyms),
            meanings=meanings,
            pseudonyms=self.pseudonyms,
        )
