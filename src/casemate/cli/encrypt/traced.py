"""Traced: what the verbs of casemate encrypt read, asked and made, in the lineage."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from casemate.cli.tracing import Facts, actor, named_as_known, number_of, opened_at, store_of, trace_reading

if TYPE_CHECKING:
    from casemate.core.provenance import DatasetVersion
    from casemate.lineage import Lineage

COMPILE, PREDICT = "casemate encrypt compile", "casemate encrypt predict"
CALIBRATED = "ranges and polynomials of the program were calibrated on it"


def version_of(source: str | Path, columns: Sequence[str] = ()) -> DatasetVersion | None:
    """Return the version of the data in a file; None for what scikit-learn ships, which no lineage could know."""
    from casemate.core.digests import file_digest
    from casemate.core.provenance import DatasetVersion

    path = Path(source)
    if not path.is_file():
        return None
    return DatasetVersion(path.stem, file_digest(path), str(path.absolute()), columns=tuple(columns))


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
    with opened_at(store_of(lineage)) as kept:
        run = named_as_known(kept, Run(PREDICT, actor(), started, _now(), (rows,), (made,) if made else (), facts=told))
        kept.record(run, models=_known(kept, program))
        if made is not None:
            source, target = (number_of(kept, version) for version in (run.inputs[0], run.outputs[0]))
            kept.index_like(target, source, actor=run.actor)


def trace_rows(job: str, source: str | Path, started: datetime.datetime, lineage: str | None, facts: Facts) -> None:
    """Record that rows were read, and left the process encrypted or not at all.

    Raises:
        StoreError, LineageError: it could not be recorded.
    """
    if (version := version_of(source)) is not None:
        trace_reading(job, version, started, lineage, facts=facts)


def _known(kept: Lineage, program: str) -> list[int]:
    """The numbers under which the lineage knows a program; none where it was compiled elsewhere."""
    from casemate.core.errors import UnknownName

    try:
        return [thing.number for thing in kept.find(program) if thing.kind == "model"]
    except UnknownName:
        return []


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC)
