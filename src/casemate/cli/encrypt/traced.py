"""Traced: what the verbs of casemate encrypt read, asked and made, in the lineage."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from casemate.cli.tracing import Facts, actor, named_as_known, opened_at, store_of, trace, trace_reading, version_of

if TYPE_CHECKING:
    from casemate.core.provenance import DatasetVersion

COMPILE, PREDICT = "casemate encrypt compile", "casemate encrypt predict"
CALIBRATED = "ranges and polynomials of the program were calibrated on it"


def trace_program(
    name: str,
    digest: str,
    place: Path,
    data: Sequence[DatasetVersion],
    started: datetime.datetime,
    lineage: str | None,
    facts: Facts,
) -> None:
    """Record a program as a version of a model, and the data that it was made from.

    Raises:
        StoreError, LineageError: it could not be recorded.
    """
    from casemate.core.provenance import Run
    from casemate.lineage.things import Model

    if not data:
        return
    with opened_at(store_of(lineage)) as kept:
        read = named_as_known(kept, Run(COMPILE, actor(), started, _now(), tuple(data))).inputs
        made = Model(name, digest, str(place.absolute()), facts)
        kept.record_model(made, read, actor=actor(), job=COMPILE, why=CALIBRATED, started=started, finished=_now())


def trace_answers(
    program: str,
    rows: DatasetVersion | None,
    answers: Path | None,
    columns: Sequence[str],
    started: datetime.datetime,
    lineage: str | None,
    facts: Facts,
) -> None:
    """Record that a program was asked about rows, and where the answers are.

    Args:
        program: its digest.
        rows: what was asked about; nothing is recorded where no lineage could know it.
        answers: the file, a row for each that was asked about.
        columns: of the answers.
        started: when.
        lineage: the store that the command line names.
        facts: worth keeping.

    Raises:
        StoreError, LineageError: it could not be recorded.
    """
    from casemate.core.provenance import Run

    if rows is None:
        return
    made = version_of(answers, columns) if answers is not None else None
    told = {"program": program, **facts}
    run = Run(PREDICT, actor(), started, _now(), (rows,), (made,) if made else (), facts=told)
    trace(run, lineage, same_rows=made is not None, model=program)


def trace_rows(job: str, source: str | Path, started: datetime.datetime, lineage: str | None, facts: Facts) -> None:
    """Record that rows were read, and left the process encrypted or not at all.

    Raises:
        StoreError, LineageError: it could not be recorded.
    """
    if (version := version_of(source)) is not None:
        trace_reading(job, version, started, lineage, facts=facts)


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
