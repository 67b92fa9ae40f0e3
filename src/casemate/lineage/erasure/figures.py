"""Figures: what can be said of a person in aggregates, which hold nobody's row and are not rewritten."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from casemate.lineage.names import Thing
from casemate.store import tables

if TYPE_CHECKING:
    from sqlalchemy import Connection

JOB = "casemate aggregate"


@dataclass(frozen=True)
class Made:
    """How an aggregate was made.

    Args:
        facts: of the run.
        sources: numbers of the versions that it read.
    """

    facts: Mapping[str, str]
    sources: frozenset[int]


def aggregates(connection: Connection) -> dict[int, Made]:
    """Return how each aggregate was made, by the number of its version; not those that another job wrote as well."""
    from sqlalchemy import func, select

    run, job, text, wrote, read = tables.run, tables.job, tables.text, tables.run_output, tables.run_input
    query = (
        select(wrote.c.dataset, wrote.c.entry, job.c.name, func.coalesce(text.c.body, ""))
        .join(run, run.c.entry == wrote.c.entry)
        .join(job, job.c.id == run.c.job)
        .outerjoin(text, text.c.id == run.c.facts)
        .order_by(wrote.c.entry)
    )
    found: dict[int, Made] = {}
    others = set()
    for number, entry, name, body in connection.execute(query).all():
        if name == JOB and body:
            sources = connection.execute(select(read.c.dataset).where(read.c.entry == entry)).scalars()
            found[number] = Made(msgspec.json.decode(body, type=dict[str, str]), frozenset(sources))
        else:
            others.add(number)
    return {number: made for number, made in found.items() if number not in others}


@dataclass(frozen=True)
class Figures:
    """A version that holds figures about groups of people, the person among them as far as anybody knows.

    Args:
        dataset: the version.
        protected: whether noise hides every single person.
        note: what can be said of the person in it.
    """

    dataset: Thing
    protected: bool
    note: str


def figures(dataset: Thing, made: Made, *, counted: bool) -> Figures | None:
    """Return what can be said of a person in an aggregate; None where its run tells neither noise nor group size.

    Args:
        dataset: the version.
        made: how it was made.
        counted: whether the person is known to be in what it was made of; else nobody knows.
    """
    facts = made.facts
    if "epsilon" in facts:
        delta = f", delta={facts['delta']}" if facts.get("delta", "0") != "0" else ""
        whom = "any one row" if facts.get("hides") == "row" else "any one person"
        loss = f"epsilon={facts['epsilon']}{delta}"
        note = f"protected by {loss}: its figures would be about as likely without {whom}; not rewritten"
        return Figures(dataset, True, note)
    if "min-group" not in facts:
        return None
    whose = "the person among them" if counted else "perhaps the person among them"
    return Figures(dataset, False, f"exact, {facts['min-group']} people or more in each figure, {whose}; not rewritten")
