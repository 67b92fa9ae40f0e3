"""Out of core: a table that is larger than the memory, in four readings, and sorted in bins on disk.

Only the codes of the columns that are blurred, the group of each row and what is published of each group are held at
once. The first two may be paged out; the rows themselves pass by in batches.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from casemate.controls.anonymity.survey import domain_of
from casemate.controls.deidentification.blurred import Blurred, blur, check_batches, domains_of
from casemate.controls.deidentification.coded import distinct_values, write_codes
from casemate.controls.deidentification.meanings import composed
from casemate.controls.deidentification.sorting import sorted_batches
from casemate.controls.deidentification.source import Source
from casemate.controls.deidentification.staging import Sample, Staging
from casemate.controls.deidentification.work import Done, Watch, Work, Write, changed_batches

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
        source, work, write, watch: see `casemate.controls.deidentification.memory.in_memory`.
        scratch: a folder for temporary files, on a disk with room for about twice the table.
        memory: what rows may take while they are sorted, such as ``4GB``.
    """
    staging = Staging.of(work, _blurred(source, work, scratch, watch))
    sample = Sample(staging, source.rows)
    published = write_sorted(_staged(source, staging, sample, watch), staging, write, watch, scratch, memory)
    if not published:
        write(*staging.published(sample.staged[0].clear()))
    return sample.done(published)


def write_sorted(
    staged: Iterator[polars.DataFrame], staging: Staging, write: Write, watch: Watch, scratch: Path, memory: str
) -> int:
    """Write staged rows in the order in which they are published; return how many there are."""
    written = 0
    for batch in sorted_batches(staged, staging.key, scratch, memory):
        write(*staging.published(batch))
        written += batch.height
        watch("writing", written, 0)
    return written


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


def _staged(source: Source, staging: Staging, sample: Sample, watch: Watch) -> Iterator[polars.DataFrame]:
    """Yield staged rows in the raw table's order, and keep those of the sample."""
    done = 0
    for batch in source.batches(staging.work.read):
        staged = staging.stage(batch, done)
        sample.keep_raw(batch, done, sample.keep(staged))
        yield staged.drop(staging.place)
        done += batch.height
        watch("changing", done, source.rows)
