"""Release job: a table through its plan, past the attacks, and only then to where it is to go."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from casemate.assess.release import Gate, attack_release
from casemate.assess.release_record import Outcome, failed_run, fewest_people, run_of, version_of, write_beside
from casemate.controls.deidentification import scratch
from casemate.controls.deidentification.engines import EngineName, carry_out
from casemate.controls.deidentification.order import order_seed
from casemate.controls.deidentification.sink import Sink
from casemate.controls.deidentification.source import Source
from casemate.controls.deidentification.witness import Witness
from casemate.controls.deidentification.work import Done, Watch
from casemate.controls.privacy.plan import Plan
from casemate.core.assessment import Assessment
from casemate.core.digests import file_digest
from casemate.core.errors import CasemateError
from casemate.core.provenance import DatasetVersion, Run
from casemate.core.seeds import derive
from casemate.core.system import DataVersion

if TYPE_CHECKING:
    import polars

    from casemate.controls.privacy.policy import Policy

Record = Callable[[Run, Mapping[str, "polars.Series"]], object]
"""Keeps a run in the lineage, with whom each row of its data sets is about, by their names."""


@dataclass(frozen=True)
class Seal:
    """How an output is sealed.

    Args:
        columns: says, given the Arrow schema of a Parquet file, how pyarrow seals its columns; None leaves them open.
        whole: seals a finished file as a whole: given the open file and the sealed one; None leaves it open.
    """

    columns: Callable[[Any], Any] | None = None
    whole: Callable[[Path, Path], object] | None = None

    @property
    def name(self) -> str:
        """What it is called in a policy."""
        return "parquet" if self.columns else "envelope" if self.whole else "none"


@dataclass(frozen=True, eq=False)
class Job:
    """What is to be released, and how.

    Args:
        source: the raw table.
        policy, plan: what it is held to, and what becomes of it.
        output: where it goes.
        actor: on whose behalf.
        location: where the raw table was found.
        engine: what carries out the plan.
        memory: what may be held while rows are sorted out of core.
        seal: how the output is sealed.
        allow_broken: why it is given away even where it does not withstand the attacks; empty where it is not.
    """

    source: Source
    policy: Policy
    plan: Plan
    output: Path
    actor: str
    location: str = ""
    engine: EngineName = "memory"
    memory: str = "4GB"
    seal: Seal = field(default_factory=Seal)
    allow_broken: str = ""

    @property
    def raw(self) -> DatasetVersion:
        """The version of the raw table."""
        return version_of(self.source, self.policy, self.location)


def release(job: Job, record: Record, watch: Watch) -> Outcome:
    """Carry out a plan, measure and attack what came of it, and publish it where it withstands.

    The run is recorded before the file takes its place: no data is written without a line in the lineage.

    Args:
        job: what is to be released.
        record: keeps the run; what it raises stops the release.
        watch: told what is being done, how many rows are done, and how many there are.

    Returns:
        What came of it; its path is None where it was not published.

    Raises:
        CasemateError: it could not be done; the run is recorded as failed.
        KeyboardInterrupt: nothing was written.
    """
    started = datetime.datetime.now(datetime.UTC)
    scratch.sweep(job.output)
    try:
        with scratch.folder(job.output) as folder, Sink(job.output, encryption=job.seal.columns) as sink:
            return _Release(job, record, watch, started, folder, sink).run()
    except CasemateError as error:
        raise recorded(record, error, job.raw, job.policy, job.plan.purpose, job.actor, started) from error.__cause__


def recorded(
    record: Record,
    error: CasemateError,
    raw: DatasetVersion,
    policy: Policy,
    purpose: str,
    actor: str,
    started: datetime.datetime,
) -> CasemateError:
    """Record that a release came to nothing, and return its error to be raised."""
    try:
        record(failed_run(raw, policy, purpose, actor, started, error), {})
    except CasemateError as other:
        error.add_note(f"the lineage could not be written either: {other.what}")
    return error


@dataclass(eq=False)
class _Release:
    """One release on its way."""

    job: Job
    record: Record
    watch: Watch
    started: datetime.datetime
    folder: Path
    sink: Sink
    people: list[polars.Series] = field(default_factory=list)

    def run(self) -> Outcome:
        """Carry out, seal, measure, attack, record, publish."""
        job, plan, source = self.job, self.job.plan, self.job.source
        digest = source.digest
        work = plan.work(derive(0, digest, plan.purpose), order_seed(digest, plan.purpose))
        witness = Witness(source.rows, plan.blurred(), plan.of("sensitive"), self.folder)

        def write(frame: polars.DataFrame, subjects: polars.Series | None) -> None:
            witness.see(frame)
            self.sink.write(frame)
            if subjects is not None:
                self.people.append(subjects)

        done = carry_out(job.engine, source, work, write, self.watch, scratch=self.folder, memory=job.memory)
        part = self._sealed(self.sink.finish())
        self.watch("measuring", 0, 0)
        outcome = Outcome(
            plan=plan,
            assessment=self._attacked(done),
            rows=done.rows,
            suppressed=done.suppressed,
            attacked=len(done.release),
            anonymity=witness.anonymity(),
            people=fewest_people(plan, done.raw, done.release),
            losses=witness.losses(done.meanings, done.suppressed),
            seal=job.seal.name,
            waiver=job.allow_broken,
            digest=file_digest(part),
        )
        return self._published(outcome, done)

    def _sealed(self, part: Path) -> Path:
        if self.job.seal.whole is not None:
            self.watch("sealing", 0, 0)
            sealed = self.folder / "sealed"
            self.job.seal.whole(part, sealed)
            sealed.replace(part)
        return part

    def _attacked(self, done: Done) -> Assessment:
        self.watch("attacking", 0, 0)
        job, gate = self.job, self.job.policy.declared.gate
        return attack_release(
            done.release,
            done.raw,
            Gate(limits=gate.limits, skip=gate.skip, samples=gate.samples),
            name=f"{job.plan.dataset} for {job.plan.purpose}",
            seed=derive(0, job.source.digest, "gate"),
            versions=(DataVersion("release", job.location or job.source.name, job.source.digest),),
        )

    def _published(self, outcome: Outcome, done: Done) -> Outcome:
        """Record the run; move the file to its place where it may go there."""
        job, plan = self.job, self.job.plan
        roles = {name: plan.roles[name] for name in plan.publish}
        made = DatasetVersion(outcome.dataset, outcome.digest, str(job.output), outcome.rows, plan.publish, roles)
        run = run_of(
            plan,
            job.raw,
            (made,) if outcome.may_go else (),
            job.actor,
            self.started,
            outcome.facts(),
            (done.raw, done.release),
        )
        self.record(run, self._whose(made.name) if outcome.may_go else {})
        if not outcome.may_go:
            return outcome
        self.sink.publish()
        return replace(outcome, path=job.output, record=write_beside(job.output, outcome))

    def _whose(self, name: str) -> dict[str, polars.Series]:
        """Return whom each row is about, of the raw table and of the published one."""
        import polars as pl

        subject = self.job.plan.subject
        if subject is None:
            return {}
        raw = self.job.source.whole((subject,))[subject]
        return {self.job.plan.dataset: raw, name: pl.concat(self.people) if self.people else raw.clear()}
