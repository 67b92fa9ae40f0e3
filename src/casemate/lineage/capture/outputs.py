"""Outputs: the data sets that captured code writes, and the edges of their columns."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from casemate.core.digests import file_digest
from casemate.core.errors import LineageError
from casemate.core.provenance import ColumnEdge, DatasetVersion, Summary
from casemate.lineage.capture.flow import Owes
from casemate.lineage.capture.sources import Source

if TYPE_CHECKING:
    import duckdb
    import polars

    from casemate.core.schema import Role

STRICTEST: tuple[Role, ...] = ("identifier", "quasi-identifier", "sensitive", "ignored", "target", "feature")
"""Of several roles that a column could have, the first is taken to summarise it."""
MASKING = ("aggregate:", "function:hash", "function:cut", "function:round")


@dataclass(frozen=True)
class Output:
    """One data set that was written.

    Args:
        version: what is recorded of it.
        owed: what each column owes.
        load: returns the named columns, for their summaries; None where they cannot be read.
        why: the reason of its edges.
    """

    version: DatasetVersion
    owed: Mapping[str, Owes]
    load: Callable[[list[str]], polars.DataFrame] | None
    why: str

    def with_roles(self, roles: Mapping[str, Role] | None, sources: Mapping[str, Source]) -> Output:
        """Return the same with the roles given; columns without one that are copies have that of their original."""
        copies = {name: self._copied(owes, sources) for name, owes in self.owed.items()}
        known = {name: role for name, role in copies.items() if role is not None}
        return replace(self, version=replace(self.version, roles={**known, **(roles or {})}))

    def _copied(self, owes: Owes, sources: Mapping[str, Source]) -> Role | None:
        found = {sources[key].version.roles.get(column) for (key, column), steps in owes.direct.items() if not steps}
        return next((role for role in STRICTEST if role in found), None)

    def summary(self, column: str, sources: Mapping[str, Source]) -> Summary | None:
        """Return the summary of a column, with the caution that the strictest of its sources asks for."""
        if self.load is None:
            return None
        from casemate.lineage.summary import summarise

        owes = self.owed[column]
        before = {sources[key].version.roles.get(name) for key, name in (*owes.direct, *owes.opaque)}
        role = self.version.roles.get(column)
        strictest = next((role for role in STRICTEST if role in before), None)
        cautious = role if strictest is None or role == "identifier" else strictest
        return summarise(self.load([column])[column], None if None in before else cautious)


def edges_of(outputs: Sequence[Output], sources: Mapping[str, Source], *, summaries: bool) -> Iterator[ColumnEdge]:
    """Yield the edges of all columns of all outputs."""
    for output in outputs:
        for target, owes in output.owed.items():
            after = output.summary(target, sources) if summaries and owes.direct else None
            for kind, (key, column), transformation in owes.edges():
                source = sources[key]
                told = summaries and kind == "direct"
                yield ColumnEdge(
                    column,
                    target,
                    transformation or kind,
                    output.why,
                    kind,
                    masking=kind == "direct" and any(mark in transformation for mark in MASKING),
                    source_dataset=source.version.name,
                    target_dataset=output.version.name,
                    before=source.summary(column) if told else None,
                    after=after if told else None,
                )


def written(table: polars.DataFrame, path: Path, name: str) -> DatasetVersion:
    """Write a table to a file, whole or not at all, and return what is recorded of it.

    Raises:
        LineageError: an end of the file's name that is not known.
        OSError: the folder does not exist, is not writable, or the disk is full; ``path`` is then as it was.
    """
    kinds: dict[str, Callable[[Path], object]] = {
        ".parquet": table.write_parquet,
        ".csv": table.write_csv,
        ".ndjson": table.write_ndjson,
        ".jsonl": table.write_ndjson,
        ".arrow": table.write_ipc,
        ".feather": table.write_ipc,
        ".ipc": table.write_ipc,
    }
    write = kinds.get(path.suffix.lower())
    if write is None:
        raise _unwritable(path, list(kinds))
    with _replacing(path) as temporary:
        write(temporary)
    return DatasetVersion(name, file_digest(path), str(path.absolute()), table.height, tuple(table.columns))


def copied(connection: duckdb.DuckDBPyConnection, query: str, path: Path, name: str) -> DatasetVersion:
    """Write the result of a query to a file, whole or not at all, and return what is recorded of it.

    Raises:
        LineageError: an end of the file's name that is not known.
        duckdb.Error: the query failed; ``path`` is then as it was.
    """
    kinds = {".parquet": "FORMAT parquet", ".csv": "FORMAT csv, HEADER"}
    if path.suffix.lower() not in kinds:
        raise _unwritable(path, list(kinds))
    with _replacing(path) as temporary:
        where = "'" + str(temporary).replace("'", "''") + "'"
        connection.execute(f"COPY ({query.strip().rstrip(';')}) TO {where} ({kinds[path.suffix.lower()]})")
    import polars as pl

    from casemate.lineage.capture.sources import scan

    lazy = scan([path])
    columns = lazy.collect_schema().names()
    rows = lazy.select(pl.len()).collect().item()
    return DatasetVersion(name, file_digest(path), str(path.absolute()), int(rows), tuple(columns))


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside another, which it replaces when all went well."""
    temporary = path.with_name(f".{path.stem}.{secrets.token_hex(8)}{path.suffix}")
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _unwritable(path: Path, kinds: list[str]) -> LineageError:
    return LineageError(
        f"a table cannot be written to a file that ends in {path.suffix or 'nothing'!r}",
        where=str(path),
        fix=f"use one of {', '.join(kinds)}, or write it yourself and tell of it with wrote()",
    )
