"""Small lineages for tests."""

import datetime
from collections.abc import Sequence

from casemate.core.provenance import ColumnEdge, DatasetVersion, Run, Summary

NOW = datetime.datetime(2026, 11, 26, 12, 0, tzinfo=datetime.UTC)
SEEN = Summary(10, 3, 1, "1", "9", {"1 to 5": 0.5, "6 to 9": 0.5})


def version(name: str, digest: str = "", columns: Sequence[str] = ("id", "age"), **more: object) -> DatasetVersion:
    full = (digest or name).encode().hex().ljust(64, "0")
    return DatasetVersion(name, full, columns=tuple(columns), **more)  # type: ignore[arg-type]


def run(inputs: Sequence[DatasetVersion], outputs: Sequence[DatasetVersion], *edges: ColumnEdge, **more: object) -> Run:
    return Run("etl", "anna", NOW, NOW, tuple(inputs), tuple(outputs), edges, **more)  # type: ignore[arg-type]


def same(column: str, **more: object) -> ColumnEdge:
    return ColumnEdge(column, column, "identity", "it is needed", **more)  # type: ignore[arg-type]


RAW = version("crm.people", roles={"id": "identifier"}, rows=10, location="/data/people.csv")
PUBLIC = version("crm.public", columns=("age",), rows=10)
DEIDENTIFY = run(
    [RAW],
    [PUBLIC],
    ColumnEdge("id", "", "drop", "it identifies people"),
    ColumnEdge("age", "age", "generalise:mondrian", "k = 5", masking=True, before=SEEN, after=SEEN),
    purpose="train",
    policy_digest="p" * 64,
    key_epoch="2",
    facts={"k": "5"},
)
