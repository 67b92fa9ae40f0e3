"""Runs on their way into the store: what they read and wrote, and every edge between columns."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import msgspec

from casemate.core.errors import LineageError, UnknownName, did_you_mean
from casemate.core.provenance import ColumnEdge, DatasetVersion, Run, Summary
from casemate.lineage.batch import Batch, plain
from casemate.lineage.versions import Known, Versions

if TYPE_CHECKING:
    from sqlalchemy import Table

UNRECORDED = "no edges between columns were recorded, so that each may have come from any"
NOWHERE = 0
"""The target of an edge of a column that its run dropped."""

Ends = dict[tuple[str, str], tuple[int, ...]]
"""The columns that an edge's data set and column may mean."""


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
        sources, targets = _Ends(self.batch, inputs, "read"), _Ends(self.batch, outputs, "wrote")
        summaries = _Summaries(self.batch)
        detail = self.batch.detail
        froms: list[int] = []
        tos: list[int] = []
        details: list[int] = []
        befores: list[int] = []
        afters: list[int] = []
        for edge in run.edges:
            start = sources[edge.source_dataset, edge.source]
            end = targets[edge.target_dataset, edge.target] if made is None else (made,)
            what = detail(edge.kind, edge.masking, edge.transformation, edge.why or _no_reason(edge))
            before = summaries.of(edge.before) if edge.before is not None else 0
            after = summaries.of(edge.after) if edge.after is not None else 0
            for source in start:
                for target in end:
                    froms.append(source)
                    tos.append(target)
                    details.append(what)
                    befores.append(before)
                    afters.append(after)
        self.batch.edges(froms, tos, details, befores, afters)
        return sources.touched | targets.touched | ({made} if run.edges and made is not None else set())

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
        none = [0] * len(pairs)
        self.batch.edges(froms, tos, [detail] * len(pairs), none, none)


class _Ends(dict[tuple[str, str], tuple[int, ...]]):
    """The columns that an edge's ends mean: of the data set that is named, else of all that have it, else of all."""

    def __init__(self, batch: Batch, versions: list[Known], verb: str) -> None:
        super().__init__()
        self.batch = batch
        self.versions = versions
        self.verb = verb
        self.touched: set[int] = set()

    def __missing__(self, key: tuple[str, str]) -> tuple[int, ...]:
        dataset, column = key
        self[key] = found = self._meant(dataset, column)
        return found

    def _meant(self, dataset: str, column: str) -> tuple[int, ...]:
        if not column and self.verb == "wrote":
            return (NOWHERE,)
        meant = [known for known in self.versions if not dataset or known.version.name == dataset]
        if not meant:
            names = sorted({known.version.name for known in self.versions})
            raise UnknownName(
                f"an edge of the column {column!r} names the data set {dataset!r}, which its run never {self.verb}."
                f"{did_you_mean(dataset, names)}",
                fix=f"it {self.verb}: {', '.join(names) or 'nothing'}",
            )
        having = [known for known in meant if column in known.columns] or meant
        self.touched.update(known.id for known in having)
        return tuple(known.column(self.batch, column) for known in having)


class _Summaries:
    """Summaries of columns as texts; the same object is encoded once."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self._seen: dict[int, int] = {}

    def of(self, summary: Summary) -> int:
        found = self._seen.get(id(summary))
        if found is None:
            body = msgspec.json.encode(summary, order="deterministic").decode()
            found = self._seen[id(summary)] = self.batch.text(body)
        return found


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


def _no_reason(edge: ColumnEdge) -> str:
    raise LineageError(
        f"the edge from {edge.source!r} to {edge.target!r} has no reason",
        why="lineage says why, for every column",
        fix="give why=...",
    )
