"""OpenLineage in: events of any producer as runs, checked and within limits before anything is recorded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from casemate.core.errors import DataMissing, LineageError
from casemate.core.provenance import Run
from casemate.integrations import openlineage_events as seen
from casemate.integrations.openlineage_collect import Collected, Versions, called, time
from casemate.integrations.openlineage_graph import Link, Told


def read(path: Path) -> Iterator[bytes]:
    """Yield the events of a file: one JSON object a line, or one array of them.

    Raises:
        DataMissing: there is no such file.
        LineageError: an array of events that is too large to read at once.
    """
    if not path.is_file():
        raise DataMissing(f"there is no file {path}", fix="give a file of OpenLineage events, one a line")
    with path.open("rb") as file:
        if not file.read(1024).lstrip().startswith(b"["):
            file.seek(0)
            yield from lines(file)
            return
        file.seek(0)
        data = file.read(seen.LONGEST_LINE + 1)
    if len(data) > seen.LONGEST_LINE:
        raise LineageError("an array of events that is too large", where=str(path), fix="write one event a line")
    yield from (bytes(raw) for raw in seen.convert(data, list[msgspec.Raw], str(path)))


def lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines of a stream; of one that is too long for an event no more than tells that it is."""
    while line := file.readline(seen.LONGEST_LINE + 1):
        yield line


def ingest(events: Iterable[Mapping[str, Any] | bytes | str], source: str = "") -> list[Run]:
    """Return the runs that events tell of.

    Events of one run are put together. What Casemate sent comes back as it was recorded. What others sent becomes
    versions of data sets called ``namespace/name``: of a data set whose version nobody tells, the one written last. A
    run that nobody reported as finished counts as failed. Job events count as runs of that moment; events of a data set
    alone tell of no run and are passed over.

    Args:
        events: as dictionaries or JSON; empty lines are passed over.
        source: where they come from, for errors.

    Raises:
        LineageError: an event is wrong, or there is too much; with its place.
    """
    return [told.run for told in take_in(events, source)[0]]


def take_in(events: Iterable[Mapping[str, Any] | bytes | str], source: str = "") -> tuple[list[Told], list[Link]]:
    """Return the runs that events tell of, with the models they made, and deployments and consumers; see `ingest`."""
    reader = _Reader(source)
    for number, event in enumerate(events, start=1):
        line = event.encode() if isinstance(event, str) else event
        data = line if isinstance(line, bytes) else msgspec.json.encode(line)
        if data.strip():
            reader.take(data, number)
    return [run.told() for run in reader.runs.values()], reader.links


class _Reader:
    def __init__(self, source: str) -> None:
        self.source = source
        self.runs: dict[str, Collected] = {}
        self.links: list[Link] = []
        self.versions = Versions()

    def take(self, data: bytes, number: int) -> None:
        """Take one event."""
        where = f"{self.source}, line {number}" if self.source else f"event {number}"
        if number > seen.MOST_EVENTS:
            raise LineageError("too many events", where=where, why=f"at most {seen.MOST_EVENTS:,} are read at once")
        event, digest = seen.decode(data, where)
        if event.job is None:
            return
        link = seen.facet(event.job.facets, "casemate_link", seen.OurLink, where) if event.run is None else None
        if link is not None:
            self.links.append(self._link(event, event.job, link, where))
            return
        id = event.run.runId if event.run else f"job event {number}"
        if id not in self.runs:
            job = called(event.job.namespace, event.job.name, where)
            producer = event.producer or "an unnamed producer"
            self.runs[id] = Collected(job, producer, self.versions, event.run.runId if event.run else "")
        self.runs[id].take(event, event.job, digest, where)

    def _link(self, event: seen.Event, job: seen.Job, link: seen.OurLink, where: str) -> Link:
        kind: Any = link.kind
        if kind not in ("deployment", "consumer"):
            raise LineageError(f"a link of kind {kind[:40]!r}", where=where, why="it is a deployment or a consumer")
        time(event.eventTime, where)
        used = [self.versions.of(dataset, where) for dataset in event.inputs or ()]
        name = seen.named(job.name, where)
        version = used[0] if used else None
        return Link(kind, name, link.of, version, link.why, link.actor, event.eventTime, link.about)
