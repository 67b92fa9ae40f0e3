"""OpenLineage known: which of the runs, deployments and consumers that events tell of the store holds already."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec

from casemate.core.provenance import DatasetVersion
from casemate.integrations.openlineage_graph import Link, Told, told_of
from casemate.lineage.runs import stamp
from casemate.store import tables

if TYPE_CHECKING:
    from casemate.lineage.lineage import Lineage

RUN_ID = "producer-run"
DIGEST = "events-digest"
"""Facts of a run that somebody else told of: what its producer calls it, and the digest of all that was told."""


class Known:
    """What a store holds, as far as events may tell of it.

    What others told of is known by its producer's id and the digest of its events: a run of which more is told is told
    anew. What Casemate recorded is known by what ran, when, for whom, and on which versions.

    Args:
        lineage: an open lineage.
        told, links: what the events tell of; only what they need is read.
    """

    def __init__(self, lineage: Lineage, told: Sequence[Told], links: Sequence[Link]) -> None:
        self._seen: set[Hashable] = set()
        if any(DIGEST in one.run.facts for one in told):
            self._seen |= {_foreign(facts) for facts in _facts(lineage) if DIGEST in facts}
        if links or any(DIGEST not in one.run.facts for one in told):
            runs, uses = told_of(lineage.graph())
            self._seen |= {_ours(one) for one in runs} | {_link(one) for one in uses}

    def has(self, one: Told | Link) -> bool:
        """Return whether a run, a deployment or a consumer is known; from now on it is."""
        key = _link(one) if isinstance(one, Link) else _foreign(f) if DIGEST in (f := one.run.facts) else _ours(one)
        known = key in self._seen
        self._seen.add(key)
        return known


def _foreign(facts: Mapping[str, str]) -> Hashable:
    return facts.get(RUN_ID, ""), facts[DIGEST]


def _ours(told: Told) -> Hashable:
    run = told.run
    ends = (run.inputs, run.outputs, told.asked, told.made)
    return run.job, run.actor, stamp(run.started), stamp(run.finished), *map(_versions, ends)


def _link(link: Link) -> Hashable:
    used = _versions(() if link.version is None else (link.version,))
    return link.kind, link.name, link.of, used, link.why, link.actor, link.about


def _versions(some: Sequence[DatasetVersion]) -> frozenset[tuple[str, str]]:
    return frozenset((version.name, version.digest) for version in some)


def _facts(lineage: Lineage) -> list[dict[str, str]]:
    """The facts of every run that somebody else told of."""
    from sqlalchemy import select

    run, text = tables.run, tables.text
    query = select(text.c.body).join(run, run.c.facts == text.c.id).where(text.c.body.contains(f'"{DIGEST}"'))
    with lineage.store.reading() as connection:
        return [msgspec.json.decode(body, type=dict[str, str]) for body in connection.execute(query).scalars()]
