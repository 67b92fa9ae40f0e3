"""Recorded: what the lineage holds beside its nodes: runs, assessments, findings, purposes and epochs of keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from casemate.lineage.names import things
from casemate.store import Store, tables

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Select

    from casemate.lineage.web import ThingKind

CONCERNED: tuple[ThingKind, ...] = ("dataset", "model", "deployment")


@dataclass(frozen=True)
class RecordedRun:
    """One run: its entry in the chain, what ran, how it ended, when, who ran it, for which purpose and keys."""

    entry: int
    job: str
    status: str
    finished: str
    actor: str
    purpose: str
    key_epoch: str


@dataclass(frozen=True)
class RecordedAssessment:
    """One assessment: its number, of which system, the verdict, when, who assessed, its digest, where it is kept."""

    number: int
    system: str
    verdict: str
    at: str
    actor: str
    digest: str
    location: str


@dataclass(frozen=True)
class RecordedFinding:
    """What became of one attack, in the assessment of that number, and the version or deployment that it concerns."""

    assessment: int
    attack: str
    verdict: str
    concerns: str
    reason: str


@dataclass(frozen=True)
class RecordedPurpose:
    """A purpose that data were used for, what is said about it, and how many runs served it."""

    name: str
    about: str
    runs: int


@dataclass(frozen=True)
class RecordedEpoch:
    """An epoch of the keys of a purpose or data set.

    Args:
        of: the purpose or data set; empty where a run named an epoch and no purpose.
        epoch: what the policy calls it.
        status: what was recorded of it, such as ``begun``; else how many runs used it.
        at: when that was recorded, or when a run first used it.
    """

    of: str
    epoch: str
    status: str
    at: str


def runs(store: Store) -> list[RecordedRun]:
    """Return every run, the oldest first."""
    from sqlalchemy import func, select

    run, job, entry, purpose = tables.run, tables.job, tables.entry, tables.purpose
    query = (
        select(
            run.c.entry,
            job.c.name,
            run.c.status,
            run.c.finished,
            entry.c.actor,
            func.coalesce(purpose.c.name, ""),
            run.c.key_epoch,
        )
        .join(job, job.c.id == run.c.job)
        .join(entry, entry.c.id == run.c.entry)
        .outerjoin(purpose, purpose.c.id == run.c.purpose)
        .order_by(run.c.entry)
    )
    return [RecordedRun(*row) for row in _rows(store, query)]


def assessments(store: Store) -> list[RecordedAssessment]:
    """Return every assessment, the oldest first."""
    from sqlalchemy import select

    made, entry, text = tables.assessment, tables.entry, tables.text
    query = (
        select(made.c.id, made.c.system, made.c.verdict, entry.c.at, entry.c.actor, made.c.digest, _words())
        .join(entry, entry.c.id == made.c.entry)
        .outerjoin(text, text.c.id == made.c.location)
        .order_by(made.c.id)
    )
    return [RecordedAssessment(*row) for row in _rows(store, query)]


def findings(store: Store) -> list[RecordedFinding]:
    """Return every finding, the oldest first; one that concerns several versions is several."""
    from sqlalchemy import select

    found, text = tables.finding, tables.text
    query = (
        select(found.c.assessment, found.c.attack, found.c.verdict, found.c.node, _words())
        .outerjoin(text, text.c.id == found.c.reason)
        .order_by(found.c.id)
    )
    rows = _rows(store, query)
    nodes = {row[3] for row in rows}
    names = {thing.number: str(thing) for kind in CONCERNED for thing in things(store, nodes, kind)}
    return [RecordedFinding(of, attack, verdict, names[node], reason) for of, attack, verdict, node, reason in rows]


def purposes(store: Store) -> list[RecordedPurpose]:
    """Return every purpose, the oldest first."""
    from sqlalchemy import func, select

    purpose, run, text = tables.purpose, tables.run, tables.text
    served = select(func.count()).where(run.c.purpose == purpose.c.id).scalar_subquery()
    query = select(purpose.c.name, _words(), served).outerjoin(text, text.c.id == purpose.c.about)
    return [RecordedPurpose(*row) for row in _rows(store, query.order_by(purpose.c.id))]


def epochs(store: Store) -> list[RecordedEpoch]:
    """Return every key epoch that a run used, and whatever was recorded of epochs by itself; the oldest first."""
    from sqlalchemy import func, select

    run, purpose, told, entry = tables.run, tables.purpose, tables.key_epoch, tables.entry
    used = (
        select(purpose.c.name, run.c.key_epoch, func.count(), func.min(run.c.finished))
        .outerjoin(purpose, purpose.c.id == run.c.purpose)
        .where(run.c.key_epoch != "")
        .group_by(purpose.c.name, run.c.key_epoch)
    )
    by_itself = select(told.c.name, told.c.epoch, told.c.status, entry.c.at).join(entry, entry.c.id == told.c.entry)
    found = [
        RecordedEpoch(name or "", epoch, f"used by {count} run{'s' if count > 1 else ''}", at)
        for name, epoch, count, at in _rows(store, used)
    ]
    found += [RecordedEpoch(*row) for row in _rows(store, by_itself)]
    return sorted(found, key=lambda one: (one.at, one.of, one.epoch))


def _words() -> ColumnElement[str]:
    """The body of a joined text; empty where there is none, or where an erasure took it away."""
    from sqlalchemy import func

    return func.coalesce(tables.text.c.body, "")


def _rows(store: Store, query: Select[Any]) -> list[Any]:
    with store.reading() as connection:
        return list(connection.execute(query))
