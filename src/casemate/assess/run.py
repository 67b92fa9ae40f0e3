"""Run: from a system to its assessment: plan, attack, price, judge."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from casemate.assess import engine
from casemate.assess.cache import Cache
from casemate.assess.environment import environment
from casemate.assess.jobs import CellJob, CostJob, Job, PreflightJob, Record, TwinJob
from casemate.assess.judge import judge, judge_twin
from casemate.assess.plan import Plan, PlannedCell, plan
from casemate.assess.preflight import Preflight
from casemate.attacks import attacks as registered
from casemate.core.access import Access, Budget
from casemate.core.assessment import SCHEMA, Assessment, Catalogue, Cell, SystemFacts, Twin
from casemate.core.attack import Attack
from casemate.core.policy import Policy
from casemate.core.system import System
from casemate.threats import catalogue

TWIN_SAMPLES = 100


@dataclass(frozen=True)
class Override:
    """What one attack is given instead of what all are given."""

    budget: Budget = field(default_factory=Budget)
    samples: int | None = None


@dataclass(frozen=True)
class Options:
    """How to run an assessment.

    Args:
        seed: every random choice follows from it.
        samples: rows attacked by each attack, at most.
        workers: processes; None for one per processor.
        engine: ``local`` or ``ray``.
        cache: folder for evidence; None keeps none.
        overrides: budgets and samples of single attacks, by id.
        warnings: what the reader must know from before the run.
        path: the system file, for the report's commands.
    """

    seed: int = 0
    samples: int = 100
    workers: int | None = None
    engine: engine.Engine = "local"
    cache: Path | None = None
    overrides: Mapping[str, Override] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    path: str = ""


@dataclass(frozen=True)
class Progress:
    """One more job is done: how many of how many, which, and whether it came from the cache."""

    done: int
    total: int
    label: str
    cached: bool


class Interrupted(KeyboardInterrupt):
    """The run was interrupted; finished jobs are in the cache.

    Args:
        done, total: jobs.
        kept: whether there is a cache that keeps them.
    """

    def __init__(self, done: int, total: int, kept: bool) -> None:
        super().__init__(f"interrupted with {done} of {total} jobs done")
        self.done, self.total, self.kept = done, total, kept


def assess(
    system: System,
    attacks: Iterable[Attack],
    *,
    access: Access,
    policy: Policy,
    options: Options | None = None,
    today: datetime.date | None = None,
    watch: Callable[[Progress], None] | None = None,
) -> Assessment:
    """Attack a system with each control off and on, and judge what came of it.

    Args:
        access: what attackers are assumed to have.
        policy: what the owner accepts.
        today: the day for waivers; the current UTC day by default.
        watch: called after every job.

    Raises:
        Interrupted: on a keyboard interrupt.
        ExtraMissing: the engine is not installed.
    """
    options = options or Options()
    now = datetime.datetime.now(datetime.UTC)
    attacks = _with_twins(list(attacks))
    planned = plan(system, attacks, access, {id: own.budget for id, own in options.overrides.items()})
    jobs = _jobs(planned, attacks, system, options)
    records = _run(jobs, options, watch or (lambda _: None))
    cells = [r for job, r in zip(jobs, records, strict=True) if isinstance(job, CellJob)]
    warnings = [w for job, r in zip(jobs, records, strict=True) if isinstance(job, PreflightJob) for w in r.warnings]
    record = Assessment(
        schema=SCHEMA,
        system=_facts(system, options.path),
        catalogue=Catalogue(catalogue().edition),
        seed=options.seed,
        created=now.isoformat(timespec="seconds"),
        policy=policy,
        arms=planned.arms,
        cells=tuple(cells),
        twins=tuple(_twins(jobs, records, attacks)),
        findings=(),
        costs=tuple(r for job, r in zip(jobs, records, strict=True) if isinstance(job, CostJob)),
        warnings=(*options.warnings, *warnings),
        environment=environment(),
    )
    return judge(record, policy, today or now.date())


def _with_twins(attacks: list[Attack]) -> list[Attack]:
    """Give an attack without a twin of its own that of another on the same threat that requires at least as much.

    Lenders are the attacks at hand and then Casemate's own, whether they run or not.
    """
    if all(attack.twin is not None for attack in attacks):
        return attacks
    own = [attack for attack in (*attacks, *registered().values()) if attack.twin is not None]

    def lend(attack: Attack) -> Attack:
        for other in own:
            if other.threat == attack.threat and set(attack.requires) <= set(other.requires):
                return replace(attack, twin=other.twin)
        return attack

    return [attack if attack.twin is not None else lend(attack) for attack in attacks]


def _jobs(planned: Plan, attacks: list[Attack], system: System, options: Options) -> list[Job]:
    """Cells attack by attack, so that arms that share trained models run near each other; slow attacks first."""
    running = {cell.attack.id for cell in planned.cells if not cell.reason}
    jobs: list[Job] = [PreflightJob(system.bare(), options.seed)] if system.recipe else []
    jobs += [TwinJob(a, options.seed, TWIN_SAMPLES) for a in attacks if a.twin and a.id in running]
    jobs += [_cell_job(cell, options) for cell in planned.cells]
    jobs += [CostJob(planned.systems[arm.id], arm.id, options.seed) for arm in planned.arms]
    return jobs


def _cell_job(cell: PlannedCell, options: Options) -> CellJob:
    own = options.overrides.get(cell.attack.id, Override())
    return CellJob(cell, options.seed, own.samples or options.samples)


def _run(jobs: list[Job], options: Options, watch: Callable[[Progress], None]) -> list[Record]:
    cache = Cache(options.cache)
    keys = [job.key for job in jobs]
    records: dict[int, Record] = {}

    def note(index: int, record: Record, cached: bool) -> None:
        records[index] = record
        watch(Progress(len(records), len(jobs), jobs[index].label, cached))

    for index, (job, key) in enumerate(zip(jobs, keys, strict=True)):
        found = cache.get(key, job.kind)
        if found is not None:
            note(index, replace(found, cached=True) if isinstance(found, Cell) else found, True)

    def run(part: list[int]) -> None:
        def done(position: int, record: Record) -> None:
            index = part[position]
            if _worth_keeping(record):
                cache.put(keys[index], record)
            note(index, record, False)

        workers = _workers(options, len(part))
        engine.run_all([jobs[index] for index in part], done, workers=workers, engine=options.engine)

    try:
        todo = [index for index in range(len(jobs)) if index not in records]
        first = [index for index in todo if isinstance(jobs[index], PreflightJob | TwinJob)]
        run(first)
        # A recipe that hung or died would do so again in every cell, each time up to its limit.
        hopeless = next((r.failure for r in records.values() if isinstance(r, Preflight) and r.hopeless), None)
        for index in todo:
            job = jobs[index]
            if hopeless and isinstance(job, CellJob | CostJob) and job.trains:
                note(index, job.failed(hopeless), False)
        run([index for index in todo if index not in records])
    except KeyboardInterrupt:
        raise Interrupted(len(records), len(jobs), options.cache is not None) from None
    return [records[index] for index in range(len(jobs))]


def _workers(options: Options, jobs: int) -> int:
    import joblib

    wanted = options.workers if options.workers is not None else joblib.cpu_count()
    return max(1, min(wanted, jobs))


def _worth_keeping(record: Record) -> bool:
    """Failures are not kept: whatever caused them may have been mended."""
    return getattr(record, "failure", None) is None


def _twins(jobs: list[Job], records: list[Record], attacks: list[Attack]) -> list[Twin]:
    broken = {job.attack.id: record for job, record in zip(jobs, records, strict=True) if isinstance(job, TwinJob)}
    return [judge_twin(attack.id, broken.get(attack.id)) for attack in attacks]


def _facts(system: System, path: str) -> SystemFacts:
    schema = system.train.schema
    return SystemFacts(
        name=system.name,
        digest=system.digest,
        model=_model(system),
        features=schema.features,
        classes=schema.classes,
        shape=schema.shape,
        train_rows=len(system.train),
        test_rows=len(system.test),
        controls=tuple(control.id for control in system.controls),
        path=path,
        released_rows=0 if system.release is None else len(system.release),
        released_columns=() if system.release is None else tuple(system.release.table.columns),
        data=system.versions,
    )


def _model(system: System) -> str:
    """What answers, in words; empty where nothing does."""
    if system.model is not None:
        return system.model.kind
    return f"trained by {system.recipe.name}" if system.recipe is not None else ""
