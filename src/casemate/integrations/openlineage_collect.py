"""OpenLineage collecting: what the events of one run say together, and which versions of data sets they mean."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from casemate.core.digests import digest
from casemate.core.errors import LineageError
from casemate.core.provenance import ColumnEdge, DatasetVersion, EdgeKind, Run, RunStatus
from casemate.integrations import openlineage_events as seen
from casemate.integrations.openlineage_graph import Told
from casemate.integrations.openlineage_known import DIGEST, RUN_ID
from casemate.integrations.openlineage_out import NAMESPACE

ENDS: dict[str, RunStatus] = {"COMPLETE": "complete", "FAIL": "failed", "ABORT": "failed"}
UNFINISHED = "never reported as finished"
MODEL = "MODEL"


@dataclass
class Versions:
    """The versions of data sets that events mean, and how many column edges were read so far.

    Args:
        latest: the version that was written last, or read first, by name.
        edges: column edges read.
    """

    latest: dict[str, str] = field(default_factory=dict)
    edges: int = 0

    def of(self, dataset: seen.Dataset, where: str, *, written: bool = False) -> DatasetVersion:
        """Return the version that a data set in an event means."""
        name = called(dataset.namespace, dataset.name, where)
        where = f"{where}, data set {name[:80]}"
        found = _told(name, dataset, where)
        if not found.digest:
            found = replace(found, digest=self.latest.get(name) or digest("openlineage", name, list(found.columns)))
        if written or name not in self.latest:
            self.latest[name] = found.digest
        return found

    def count(self, edges: int, where: str) -> None:
        """Count column edges.

        Raises:
            LineageError: there are too many.
        """
        self.edges += edges
        if self.edges > seen.MOST_EDGES:
            raise LineageError(
                "too many column edges", where=where, why=f"at most {seen.MOST_EDGES:,} are read at once"
            )


@dataclass
class Collected:
    """What the events of one run said together.

    Args:
        job, producer: of its first event.
        versions: of all runs.
        id: what its producer calls the run; empty for an event of a job alone.
        told_by: digests of its events.
    """

    job: str
    producer: str
    versions: Versions
    id: str = ""
    told_by: set[str] = field(default_factory=set)
    times: list[datetime.datetime] = field(default_factory=list)
    status: RunStatus | None = None
    actor: str = ""
    ours: seen.OurRun | None = None
    inputs: dict[str, DatasetVersion] = field(default_factory=dict)
    outputs: dict[str, DatasetVersion] = field(default_factory=dict)
    models: dict[str, dict[str, str]] = field(default_factory=dict)
    edges: dict[ColumnEdge, None] = field(default_factory=dict)

    def take(self, event: seen.Event, job: seen.Job, digest: str, where: str) -> None:
        """Take one event of the run."""
        self.told_by.add(digest)
        self.times.append(time(event.eventTime, where))
        self.status = "complete" if event.run is None else ENDS.get(event.eventType or "", self.status)
        owners = seen.facet(job.facets, "ownership", seen.Ownership, where)
        if owners and owners.owners:
            self.actor = owners.owners[0].name
        ours = seen.facet(event.run.facets if event.run else None, "casemate_run", seen.OurRun, where)
        if ours is not None:
            self.ours = ours
            self.versions.count(len(ours.edges), where)
            self.times += [time(ours.started, where)] if ours.started else []
        for dataset in event.inputs or ():
            self._add(self.inputs, dataset, where)
        for dataset in event.outputs or ():
            version = self._add(self.outputs, dataset, where, written=True)
            if self.ours is None:  # ours tells every edge as it was recorded
                self._columns(dataset, version, where)

    def _add(
        self, into: dict[str, DatasetVersion], dataset: seen.Dataset, where: str, *, written: bool = False
    ) -> DatasetVersion:
        found = self.versions.of(dataset, where, written=written)
        kind = seen.facet(dataset.facets, "datasetType", seen.DatasetType, where)
        if kind and kind.datasetType == MODEL:
            ours = seen.facet(dataset.facets, "casemate_dataset", seen.OurDataset, where)
            self.models[found.name] = ours.facts if ours else {}
        old = into.get(found.name)
        if old is not None:  # two events of a run: the later one's version, and all columns
            columns = tuple(dict.fromkeys((*old.columns, *found.columns)))
            found = replace(found, columns=columns, rows=found.rows if found.rows >= 0 else old.rows)
        into[found.name] = found
        return found

    def _columns(self, dataset: seen.Dataset, version: DatasetVersion, where: str) -> None:
        where = f"{where}, data set {version.name[:80]}"
        found = seen.facet(dataset.facets, "columnLineage", seen.ColumnLineage, where)
        if found is None:
            return
        for target, owed in found.fields.items():
            for column in owed.inputFields:
                self._edges(version, seen.named(target, where), column, _old_style(owed), where)
        for target in version.columns or tuple(found.fields):
            for column in found.dataset or ():
                self._edges(version, target, column, seen.Transformation("INDIRECT"), where)

    def _edges(
        self,
        version: DatasetVersion,
        target: str,
        column: seen.InputField,
        default: seen.Transformation,
        where: str,
    ) -> None:
        source = called(column.namespace, column.name, where)
        if source not in self.inputs:
            self._add(self.inputs, seen.Dataset(column.namespace, column.name), where)
        done = column.transformations or [default]
        self.versions.count(len(done), where)
        for one in done:
            kind: EdgeKind = "indirect" if "INDIRECT" in (one.type.upper(), default.type) else "direct"
            words = (one.subtype or one.type).lower().replace("_", "-")
            why = one.description or default.description or f"told by {self.producer}"
            masking = bool(one.masking or default.masking)
            name = seen.named(column.field, where)
            self.edges[ColumnEdge(name, target, words, why, kind, masking, source, version.name)] = None

    def told(self) -> Told:
        """Return what was collected."""
        ours = self.ours or seen.OurRun(status=self.status or "failed", edges=list(self.edges), facts=self._facts())
        made = Run(
            self.job,
            ours.actor or self.actor or self.producer,
            min(self.times),
            max(self.times),
            tuple(self._of(self.inputs, models=False)),
            tuple(self._of(self.outputs, models=False)),
            tuple(ours.edges),
            ours.purpose,
            ours.policyDigest,
            ours.keyEpoch,
            ours.status,
            ours.facts,
        )
        asked, trained = self._of(self.inputs, models=True), self._of(self.outputs, models=True)
        return Told(made, tuple(asked), tuple(trained), self.models)

    def _of(self, some: dict[str, DatasetVersion], *, models: bool) -> Iterator[DatasetVersion]:
        return (version for name, version in some.items() if (name in self.models) == models)

    def _facts(self) -> dict[str, str]:
        id = {RUN_ID: self.id[:200]} if self.id else {}
        state = {} if self.status else {"state": UNFINISHED}
        return {"producer": self.producer[:200], **id, DIGEST: digest("openlineage", sorted(self.told_by)), **state}


def _told(name: str, dataset: seen.Dataset, where: str) -> DatasetVersion:
    """What is told of a version; its digest is empty where none is told."""
    schema = seen.facet(dataset.facets, "schema", seen.Schema, where)
    told = seen.facet(dataset.facets, "version", seen.Version, where)
    ours = seen.facet(dataset.facets, "casemate_dataset", seen.OurDataset, where)
    columns = tuple(dict.fromkeys(field.name for field in (schema.fields or () if schema else ())))
    content = told.datasetVersion if told else ""
    if content and ours is None:  # what others call a version is no digest of ours
        content = digest("openlineage", name, content)
    rows = -1 if ours is None else ours.rows
    for held, facet in ((dataset.inputFacets, "inputStatistics"), (dataset.outputFacets, "outputStatistics")):
        counted = seen.facet(held, facet, seen.Statistics, where)
        if ours is None and counted and counted.rowCount is not None:
            rows = max(counted.rowCount, -1)
    ours = ours or seen.OurDataset()
    return DatasetVersion(name, content, ours.location, rows, columns, dict(ours.roles))


def called(namespace: str, name: str, where: str) -> str:
    """Return what a data set or job is called here: with its namespace, unless that is ours."""
    seen.named(name, where)
    return name if namespace in (NAMESPACE, "") else seen.named(f"{namespace.rstrip('/')}/{name.lstrip('/')}", where)


def _old_style(owed: seen.OutputField) -> seen.Transformation:
    """The transformation as older versions of the standard tell it, for a whole column."""
    kind, told = owed.transformationType or "TRANSFORMATION", owed.transformationDescription
    return seen.Transformation("DIRECT", kind, told, kind == "MASKED")


def time(text: str, where: str) -> datetime.datetime:
    """Return a time with its zone.

    Raises:
        LineageError: it is none.
    """
    try:
        found = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise LineageError(
            f"{text[:60]!r} is no time", where=where, why="times are written as in ISO 8601", fix="correct it"
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=datetime.UTC)
