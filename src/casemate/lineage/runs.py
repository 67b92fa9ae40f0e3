"""Runs on their way into the store: what they read and wrote, and every edge between columns."""

from __future__ import annotations

import datetime
import functools
from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import TYPE_CHECKING

import msgspec

from casemate.core.errors import LineageError
from casemate.core.provenance import ColumnEdge, DatasetVersion, Run, Summary
from casemate.lineage.batch import Batch, plain
from casemate.lineage.ends import Ends
from casemate.lineage.versions import Known, Versions

if TYPE_CHECKING:
    from sqlalchemy import Table

DETAIL = attrgetter("kind", "masking", "transformation", "why")
UNRECORDED = "no edges between columns were recorded, so that each may have come from any"


class Runs:
    """Writes runs into a batch.

    Args:
        batch: where to.
        mentioned: the versions that the runs mention.
    """

    def __init__(self, batch: Batch, mentioned: Iterable[DatasetVersion]) -> None:
        self.batch = batch
        self.versions = Versions(batch, mentioned)
        self._names: dict[str, dict[str, int]] = {}

    def add(self, run: Run, models: Sequence[int] = (), made: int | None = None, kind: str = "run") -> int:
        """Add one run; return the number of its entry.

        Args:
            run: what ran.
            models: model versions that it asked.
            made: the model version that it made.
            kind: of the entry.

        Raises:
            LineageError: a run without a job, an actor or a time zone, or an edge without a reason.
            UnknownName: an edge of a data set or column that is not there.
        """
        _check(run)
        batch = self.batch
        inputs = [self.versions.of(version) for version in run.inputs]
        outputs = [self.versions.of(version) for version in run.outputs]
        purpose = self.named("purpose", run.purpose, 0) if run.purpose else 0
        facts = batch.text(plain(run.facts))
        job = self.named("job", run.job)
        started, finished = stamp(run.started), stamp(run.finished)
        batch.put("run", job, started, finished, purpose, run.policy_digest, run.key_epoch, run.status, facts)
        for table, versions in (("run_input", inputs), ("run_output", outputs)):
            for place, known in enumerate(dict.fromkeys(known.id for known in versions)):
                batch.put(table, place, known)
        self._gaps(self._column_edges(run, inputs, outputs, made), inputs, outputs, models, made)
        return batch.close(kind, finished, run.actor)

    def named(self, table: str, name: str, *more: int) -> int:
        """Return the number of a job, a purpose or a consumer; added where it is new."""
        if table not in self._names:
            self._names[table] = self._stored(table)
        known = self._names[table]
        if name not in known:
            known[name] = self.batch.add(table, name, *more)
        return known[name]

    def _stored(self, table: str) -> dict[str, int]:
        from sqlalchemy import select

        from casemate.store.tables import metadata

        stored: Table = metadata.tables[table]
        return {row.name: row.id for row in self.batch.connection.execute(select(stored.c.id, stored.c.name))}

    def _column_edges(self, run: Run, inputs: list[Known], outputs: list[Known], made: int | None) -> set[int]:
        """Add the edges between columns; return the ids of the data sets and the model at their ends."""
        sources, targets = Ends(self.batch, inputs, "read"), Ends(self.batch, outputs, "wrote")
        edges: Sequence[ColumnEdge] = run.edges
        whats = list(map(self.batch.details.__getitem__, map(DETAIL, edges)))
        try:  # almost always an end means one column
            froms = [sources[edge.source_dataset][edge.source] for edge in edges]
            tos = [made or targets[edge.target_dataset][edge.target] for edge in edges]
        except KeyError:
            edges, froms, tos, whats = self._spread(edges, sources, targets, whats, made)
        sources.touch(set(map(attrgetter("source_dataset"), edges)))
        targets.touch({edge.target_dataset for edge in edges if edge.target})
        first = self.batch.edges(froms, tos, whats)
        if any(map(attrgetter("before"), edges)) or any(map(attrgetter("after"), edges)):
            self._summaries(first, edges)
        return sources.touched | targets.touched | ({made} if edges and made is not None else set())

    def _spread(
        self, edges: Sequence[ColumnEdge], sources: Ends, targets: Ends, whats: list[int], made: int | None
    ) -> tuple[list[ColumnEdge], list[int], list[int], list[int]]:
        """The same for edges whose ends mean several columns, or none that is known yet: one edge for every pair."""
        found = [
            (edge, source, target, what)
            for edge, what in zip(edges, whats, strict=True)
            for source in sources.meant(edge.source_dataset, edge.source)
            for target in (targets.meant(edge.target_dataset, edge.target) if made is None else (made,))
        ]
        spread, froms, tos, kept = zip(*found, strict=True)
        return list(spread), list(froms), list(tos), list(kept)

    def _summaries(self, first: int, edges: Sequence[ColumnEdge]) -> None:
        for number, edge in enumerate(edges, first):
            if edge.before is not None or edge.after is not None:
                self.batch.summarise(number, self._summary(edge.before), self._summary(edge.after))

    def _summary(self, summary: Summary | None) -> int:
        if summary is None:
            return 0
        return self.batch.text(msgspec.json.encode(summary, order="deterministic").decode())

    def _gaps(
        self, told: set[int], inputs: list[Known], outputs: list[Known], models: Sequence[int], made: int | None
    ) -> None:
        """Add edges between whole data sets for those of which no columns were told: never a silent gap."""
        starts = [known.id for known in inputs]
        ends = [known.id for known in outputs] + ([made] if made is not None else [])
        pairs = [
            (start, end) for start in starts for end in ends if not (start in told and end in told) and start != end
        ]
        if pairs:
            self._whole(pairs, self.batch.detail("opaque", False, "opaque", UNRECORDED))
        if models and ends:
            detail = self.batch.detail("opaque", False, "predict", "the run asked the model")
            self._whole([(model, end) for model in models for end in ends], detail)

    def _whole(self, pairs: list[tuple[int, int]], detail: int) -> None:
        froms, tos = zip(*pairs, strict=True)
        self.batch.edges(froms, tos, [detail] * len(pairs))


def now() -> datetime.datetime:
    """Return the time, with its zone."""
    return datetime.datetime.now(datetime.UTC)


@functools.lru_cache(maxsize=1024)  # runs of one batch share their times
def stamp(time: datetime.datetime) -> str:
    """Return a time in UTC, ISO 8601 with microseconds: times sort as text."""
    return time.astimezone(datetime.UTC).isoformat(timespec="microseconds")


def _check(run: Run) -> None:
    for name, value in (("job", run.job), ("actor", run.actor)):
        if not value:
            raise LineageError(f"a run needs its {name}", why="lineage says who did what", fix=f"give {name}=...")
    for time in (run.started, run.finished):
        if time.tzinfo is None:
            raise LineageError(
                "a run's times need a time zone", where=run.job, fix="use datetime.datetime.now(datetime.UTC)"
            )
