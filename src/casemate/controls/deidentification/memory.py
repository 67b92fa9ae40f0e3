"""In memory: the whole table at once, the fastest way as long as it fits."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from casemate.controls.deidentification.meanings import of_sample
from casemate.controls.deidentification.order import order_keys
from casemate.controls.deidentification.sample import keep_classes
from casemate.controls.deidentification.source import Source
from casemate.controls.deidentification.work import Done, Watch, Work, Write, change, release_of, run
from casemate.core.release import Release

BATCH = 1 << 17


def in_memory(source: Source, work: Work, write: Write, watch: Watch) -> Done:
    """Carry out work on a table in memory.

    Args:
        source: the table.
        work: what is to be done.
        write: given the published rows.
        watch: told what is being done.
    """
    n = source.rows
    watch("reading", 0, n)
    raw = release_of(source.whole(work.read), work.roles)
    watch("changing", 0, n)
    release = change(raw, work.rows, work.seed)
    if work.blur is not None:
        watch("blurring", 0, n)
        release = run(work.blur, release, raw, work.seed)
    release = in_order(release, work)
    subjects = None if work.subject is None else raw.table[work.subject].gather(release.rows)
    for start in range(0, max(len(release), 1), BATCH):
        write(release.table[start : start + BATCH], None if subjects is None else subjects[start : start + BATCH])
        watch("writing", min(start + BATCH, len(release)), len(release))
    kept = keep_classes(release.table, work.quasi_identifiers(), work.sample)
    if kept is None:
        return Done(len(release), n - len(release), raw, release, release.meanings, release.pseudonyms)
    rows = np.arange(len(kept), dtype=np.int64)
    sampled = replace(raw, table=raw.table[release.rows[kept]], rows=rows)
    blurred = {name: m for name, m in release.meanings.items() if name in work.quasi_identifiers()}
    meanings = blurred | of_sample(sampled, work, blurred)
    shown = replace(release, table=release.table[kept], rows=rows, meanings=meanings)
    return Done(len(release), n - len(release), sampled, shown, meanings, release.pseudonyms)


def in_order(release: Release, work: Work) -> Release:
    """Return the published columns of the published rows, in the order that tells nothing."""
    order = np.argsort(order_keys(work.order_seed, release.rows))
    release = release.drop(*(name for name in release.table.columns if name not in work.publish))
    return replace(release, table=release.table.select(work.publish)[order], rows=release.rows[order])
