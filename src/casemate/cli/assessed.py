"""Assessments in the lineage: which versions of data sets and of the model each finding concerns."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from casemate.cli import stored
from casemate.cli.tracing import actor, named_as_known, number_of, opened_at, store_of, versions_of

if TYPE_CHECKING:
    from casemate.core.assessment import Assessment
    from casemate.core.provenance import DatasetVersion
    from casemate.lineage import Lineage

JOB = "casemate assess"


def trace_assessment(done: Assessment, system_file: Path, started: datetime.datetime) -> None:
    """Record an assessment, what it read, and what each of its findings concerns.

    It goes into the lineage of the system file's folder. A system whose data are no files, such as those that
    scikit-learn ships, has nothing that a lineage could know.

    Raises:
        StoreError, LineageError: it could not be recorded.
    """
    if not done.system.data:
        return
    from casemate.core.digests import file_digest
    from casemate.lineage.things import Verdict

    file = stored.file_of(system_file)
    folder = system_file.absolute().parent
    versions = versions_of(done.system.data, folder)
    with opened_at(store_of(None, near=folder)) as lineage:
        concerned = _read(lineage, done, versions, started)
        findings = [
            Verdict(finding.attack, finding.verdict.value, finding.reason, concerned) for finding in done.of("full")
        ]
        verdict, who = done.verdict.value, actor()
        lineage.assess(file_digest(file), done.system.name, verdict, findings, actor=who, location=str(file))


def _read(
    lineage: Lineage, done: Assessment, versions: tuple[DatasetVersion, ...], started: datetime.datetime
) -> tuple[int, ...]:
    """Record the run that read these versions; return their numbers."""
    from casemate.core.provenance import Run

    facts = {"system": done.system.name, "verdict": done.verdict.value, "controls": ", ".join(done.system.controls)}
    finished = datetime.datetime.now(datetime.UTC)
    run = named_as_known(lineage, Run(JOB, actor(), started, finished, versions, facts=facts))
    lineage.record(run)
    return tuple(number_of(lineage, version) for version in run.inputs)
