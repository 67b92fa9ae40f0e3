"""OpenLineage events as they come in: what of them is read, checked while it is decoded, within limits."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec

from casemate.core.digests import digest
from casemate.core.errors import LineageError
from casemate.core.provenance import ColumnEdge, RunStatus
from casemate.core.schema import Role

LONGEST_LINE = 32 * 2**20
MOST_EVENTS = 1_000_000
MOST_EDGES = 5_000_000
DEEPEST = 40
LONGEST_NAME = 4096
"""Bytes of a line, events, column edges, levels of nesting, and letters of a name, beyond which input is refused."""

T = TypeVar("T")
Facets = dict[str, msgspec.Raw]


class Job(msgspec.Struct):
    """A job."""

    namespace: str
    name: str
    facets: Facets | None = None


class RunPart(msgspec.Struct):
    """A run."""

    runId: str  # noqa: N815
    facets: Facets | None = None


class Dataset(msgspec.Struct):
    """A data set that is read or written."""

    namespace: str
    name: str
    facets: Facets | None = None
    inputFacets: Facets | None = None  # noqa: N815
    outputFacets: Facets | None = None  # noqa: N815


class Event(msgspec.Struct):
    """A run event, a job event (no run), or a data set event (no job)."""

    eventTime: str  # noqa: N815
    producer: str = ""
    eventType: str | None = None  # noqa: N815
    run: RunPart | None = None
    job: Job | None = None
    inputs: list[Dataset] | None = None
    outputs: list[Dataset] | None = None


class Deletable(msgspec.Struct):
    """A facet that an event may take away again."""

    deleted: bool = msgspec.field(default=False, name="_deleted")


class Transformation(msgspec.Struct):
    """What was done to a field."""

    type: str = "DIRECT"
    subtype: str | None = None
    description: str | None = None
    masking: bool | None = None


class InputField(msgspec.Struct):
    """A column that something owes."""

    namespace: str
    name: str
    field: str
    transformations: list[Transformation] | None = None


class OutputField(msgspec.Struct):
    """What a column owes."""

    inputFields: list[InputField]  # noqa: N815
    transformationDescription: str | None = None  # noqa: N815
    transformationType: str | None = None  # noqa: N815


class ColumnLineage(msgspec.Struct):
    """What the columns of a data set owe, and what all of them owe."""

    fields: dict[str, OutputField]
    dataset: list[InputField] | None = None


class SchemaField(msgspec.Struct):
    """A column."""

    name: str


class Schema(msgspec.Struct):
    """The columns of a data set."""

    fields: list[SchemaField] | None = None


class Version(msgspec.Struct):
    """Which content of a data set it is."""

    datasetVersion: str  # noqa: N815


class Statistics(msgspec.Struct):
    """How many rows were read or written."""

    rowCount: int | None = None  # noqa: N815


class Owner(msgspec.Struct):
    """Who owns a job."""

    name: str


class Ownership(msgspec.Struct):
    """The owners of a job."""

    owners: list[Owner] | None = None


class DatasetType(msgspec.Struct):
    """What kind of thing a data set is."""

    datasetType: str = ""  # noqa: N815


class OurRun(msgspec.Struct):
    """Our own facet of a run."""

    actor: str = ""
    started: str = ""
    purpose: str = ""
    policyDigest: str = ""  # noqa: N815
    keyEpoch: str = ""  # noqa: N815
    status: RunStatus = "complete"
    facts: dict[str, str] = msgspec.field(default_factory=dict)
    edges: list[ColumnEdge] = msgspec.field(default_factory=list)


class OurDataset(msgspec.Struct):
    """Our own facet of a data set."""

    location: str = ""
    rows: int = -1
    roles: dict[str, Role] = msgspec.field(default_factory=dict)
    facts: dict[str, str] = msgspec.field(default_factory=dict)


class OurLink(msgspec.Struct):
    """Our own facet of a deployment's or a consumer's job."""

    kind: str
    of: str
    why: str = ""
    actor: str = ""
    about: str = ""


def decode(line: bytes, where: str) -> tuple[Event, str]:
    """Return one event, and the digest of all that it says, however that is laid out.

    Raises:
        LineageError: it is too long, nested too deeply, no JSON, or no event; with the place.
    """
    if len(line) > LONGEST_LINE:
        raise _refused(f"an event of more than {LONGEST_LINE:,} bytes", where, "it could fill the memory")
    try:
        whole = msgspec.json.decode(line)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise _refused(f"this is no JSON: {error}", where, "events are JSON objects, one a line") from None
    if any(depth > DEEPEST for depth in _depths(whole)):
        raise _refused("an event that is nested too deeply", where, f"at most {DEEPEST} levels are read")
    return convert(line, Event, where), digest("event", msgspec.json.encode(whole, order="sorted"))


def facet(held: Facets | None, name: str, kind: type[T], where: str) -> T | None:
    """Return a facet; None where there is none, or where it was deleted.

    Raises:
        LineageError: it does not look as its name promises.
    """
    raw = (held or {}).get(name)
    if raw is None or bytes(raw) == b"null":
        return None
    if convert(bytes(raw), Deletable, f"{where}, facet {name}").deleted:
        return None
    return convert(bytes(raw), kind, f"{where}, facet {name}")


def convert(data: bytes, kind: type[T], where: str) -> T:
    """Return JSON as a type.

    Raises:
        LineageError: it does not fit.
    """
    try:
        return msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise _refused(f"this is no OpenLineage: {error}", where, "it could be misunderstood") from None


def named(text: str, where: str) -> str:
    """Return a name that may be recorded.

    Raises:
        LineageError: it is empty or too long.
    """
    if not text or len(text) > LONGEST_NAME:
        raise _refused(f"a name of {len(text):,} letters", where, f"it must have between 1 and {LONGEST_NAME:,}")
    return text


def _depths(value: Any) -> Iterator[int]:
    waiting: list[tuple[Any, int]] = [(value, 1)]
    while waiting:
        item, depth = waiting.pop()
        yield depth
        if isinstance(item, dict | list) and depth <= DEEPEST:
            waiting += [(inner, depth + 1) for inner in (item.values() if isinstance(item, dict) else item)]


def _refused(what: str, where: str, why: str) -> LineageError:
    return LineageError(what, where=where, why=why, fix="nothing was taken in: correct it and send all events again")
