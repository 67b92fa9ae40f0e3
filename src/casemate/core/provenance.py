"""Provenance: what a run read and wrote, column by column, and why. The words that lineage records."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from casemate.core.schema import Role

EdgeKind = Literal["direct", "indirect", "opaque"]
"""direct: values come from values. indirect: values decided which rows or groups there are. opaque: nobody knows."""

RunStatus = Literal["complete", "failed", "quarantined"]


@dataclass(frozen=True)
class Summary:
    """What may be told of a column's values without telling anybody's.

    Args:
        rows: values, missing ones included.
        distinct: how many differ.
        missing: how many are missing.
        low, high: ends of the range of numbers and dates, as text; empty for words and for whatever identifies people.
        shares: share of the rows, in [0, 1], per bucket (a range or a frequent word), for a picture; at most 12.
            Empty for whatever identifies people.
    """

    rows: int
    distinct: int
    missing: int = 0
    low: str = ""
    high: str = ""
    shares: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class DatasetVersion:
    """One content of one data set.

    Args:
        name: what its owner calls it, such as ``crm.people``; the same for all its versions.
        digest: SHA-256 of the content, as `casemate.core.digests.file_digest` gives it for a file.
        location: where it was found: a path or an address, without secrets.
        rows: how many; -1 where unknown.
        columns: their names, in order.
        roles: what each column is to a person; columns that nobody declared are left out.
    """

    name: str
    digest: str
    location: str = ""
    rows: int = -1
    columns: tuple[str, ...] = ()
    roles: Mapping[str, Role] = field(default_factory=dict)


@dataclass(frozen=True)
class ColumnEdge:
    """What one column of an output owes to one column of an input.

    Args:
        source, target: names of the columns.
        transformation: what was done, in a few words with a colon after the family: ``identity``,
            ``pseudonym:hmac-sha256``, ``generalise:mondrian``, ``drop``.
        why: the reason; never empty.
        kind: see `EdgeKind`.
        masking: whether the target tells less than the source.
        source_dataset, target_dataset: names of the data sets, where a run reads or writes more than one.
        before, after: summaries of both columns.
    """

    source: str
    target: str
    transformation: str
    why: str
    kind: EdgeKind = "direct"
    masking: bool = False
    source_dataset: str = ""
    target_dataset: str = ""
    before: Summary | None = None
    after: Summary | None = None


@dataclass(frozen=True)
class Run:
    """One execution of a job: what it read, what it wrote, on whose behalf and under which rules.

    Args:
        job: what was run, such as ``casemate deidentify``.
        actor: who ran it.
        started, finished: with time zone.
        inputs, outputs: data sets.
        edges: between their columns.
        purpose: what the output is for, as the policy calls it.
        policy_digest: content digest of the policy that it followed.
        key_epoch: epoch of the keys that were used.
        status: how it ended.
        facts: further short facts worth keeping, by name, such as ``k``; no secrets and nobody's values.
    """

    job: str
    actor: str
    started: datetime.datetime
    finished: datetime.datetime
    inputs: tuple[DatasetVersion, ...] = ()
    outputs: tuple[DatasetVersion, ...] = ()
    edges: tuple[ColumnEdge, ...] = ()
    purpose: str = ""
    policy_digest: str = ""
    key_epoch: str = ""
    status: RunStatus = "complete"
    facts: Mapping[str, str] = field(default_factory=dict)
