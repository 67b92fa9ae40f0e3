"""Capturing: a context around a user's own code that records what it read and wrote, and which column went where."""

from __future__ import annotations

import datetime
import getpass
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from casemate.core.errors import LineageError
from casemate.core.provenance import ColumnEdge, DatasetVersion, Run, RunStatus
from casemate.lineage.capture.flow import Frame, opaque
from casemate.lineage.capture.outputs import Output, edges_of, written
from casemate.lineage.capture.sources import Source, Sources, scan

if TYPE_CHECKING:
    import duckdb
    import polars

    from casemate.core.schema import Role

BY_HAND = "code that is not looked into"
EAGER = "data frame whose plan is gone"


@contextmanager
def capturing(
    job: str,
    *,
    why: str,
    record: Callable[[Run], object],
    actor: str = "",
    purpose: str = "",
    policy_digest: str = "",
    summaries: bool = True,
) -> Iterator[Capture]:
    """Yield a `Capture`, and record its run when the block ends: as failed where the block raised.

    Args:
        job: what is run, such as ``clean customers``.
        why: the reason of every edge that is given none of its own; never empty.
        record: what takes the run, such as ``Lineage.record``.
        actor: who runs it. Default: the user's name.
        purpose: what the output is for.
        policy_digest: content digest of the policy that is followed.
        summaries: whether columns are told of before and after; see `casemate.lineage.summary.summarise`.

    Raises:
        LineageError: no reason.
    """
    capture = Capture(job, why, actor or getpass.getuser(), purpose, policy_digest, summaries=summaries)
    try:
        yield capture
    except BaseException:
        record(capture.finish("failed"))
        raise
    record(capture.finish("complete"))


class Capture:
    """What one run of a user's code reads and writes. Made by `capturing`."""

    def __init__(
        self, job: str, why: str, actor: str, purpose: str = "", policy_digest: str = "", *, summaries: bool = True
    ) -> None:
        if not why.strip():
            raise LineageError("a capture needs a reason", where="why", why="every edge tells why it is there")
        now = datetime.datetime.now(datetime.UTC)
        self.why, self.summaries = why, summaries
        self.sources, self.outputs = Sources(), list[Output]()
        self.begun = Run(job, actor, now, now, purpose=purpose, policy_digest=policy_digest)

    def scan(
        self, path: str | Path, *, name: str = "", roles: Mapping[str, Role] | None = None, **options: Any
    ) -> polars.LazyFrame:
        """Return a Polars lazy frame of a file, a folder, or the files that a pattern fits, as a source.

        Args:
            path: ends in .parquet, .csv, .tsv, .json or .jsonl (one object a line), .arrow, .feather or .ipc.
            name: of the data set. Default: of the file, without its end.
            roles: what its columns are to a person.
            options: for Polars' scan function.

        Raises:
            DataMissing: there is no such file.
        """
        source = self.sources.add_files([str(path)], name, roles)
        lazy = scan([Path(path)], **options)
        if Path(path).suffix.lower() in (".arrow", ".feather", ".ipc"):  # whose plan does not tell its paths
            frame = lazy.collect()
            self.sources.frames.append((frame, source.frame))
            return frame.lazy()
        return lazy

    def frame(self, frame: polars.DataFrame, *, name: str, roles: Mapping[str, Role] | None = None) -> polars.LazyFrame:
        """Return a Polars lazy frame of a data frame, as a source."""
        self.sources.add_frame(frame, name, roles or {})
        return frame.lazy()

    def collect(self, lazy: polars.LazyFrame) -> polars.DataFrame:
        """Return what a lazy frame amounts to; it is remembered where its columns came from."""
        owed = self._owed(lazy)
        frame = lazy.collect()
        self.sources.frames.append((frame, owed))
        return frame

    def write(
        self,
        frame: polars.LazyFrame | polars.DataFrame,
        path: str | Path,
        *,
        name: str = "",
        roles: Mapping[str, Role] | None = None,
        why: str = "",
    ) -> DatasetVersion:
        """Write a frame to a file, whole or not at all, and return what is recorded of it.

        Which column came from where is read from a lazy frame's plan. A data frame in memory has none: unless it came
        from `collect` or is a source, every column of it may have come from any column that was read before.

        Args:
            frame: lazy, or in memory.
            path: ends in .parquet, .csv, .ndjson, .jsonl, .arrow, .feather or .ipc.
            name: of the data set. Default: of the file, without its end.
            roles: what its columns are to a person. Default: as the columns that they are copies of.
            why: the reason. Default: the capture's.
        """
        lazy = frame.lazy()
        owed = self._owed(lazy)
        table = lazy.collect()
        version = written(table, Path(path), name or Path(path).stem)
        return self._add(version, owed, table.select, roles, why)

    def sql(
        self,
        connection: duckdb.DuckDBPyConnection,
        query: str,
        path: str | Path,
        *,
        name: str = "",
        roles: Mapping[str, Role] | None = None,
        names: Mapping[str, str] | None = None,
        why: str = "",
    ) -> DatasetVersion:
        """Write what a DuckDB query gives to a file, whole or not at all, and return what is recorded of it.

        Args:
            connection: of DuckDB, where the query's tables are. Data frames are registered on it first.
            query: one SELECT.
            path: ends in .parquet or .csv.
            name: of the data set. Default: of the file, without its end.
            roles: what the columns of the result are to a person. Default: as the columns that they are copies of.
            names: what to call the tables and files that are read. Default: as in the query.
            why: the reason. Default: the capture's.

        Raises:
            duckdb.Error: the query is wrong.
        """
        from casemate.lineage.capture.duckdb_query import read_query
        from casemate.lineage.capture.duckdb_sources import TableSources
        from casemate.lineage.capture.outputs import copied

        known = {source.version.name: source.version.roles for source in self.sources.found.values()}
        owed = read_query(connection, query, TableSources(connection, self.sources, names or {}, known).resolve)
        version = copied(connection, query, Path(path), name or Path(path).stem)
        owed = Frame(dict(zip(version.columns, owed.columns.values(), strict=True)), owed.rows)
        return self._add(version, owed, lambda columns: scan([Path(path)]).select(columns).collect(), roles, why)

    def read(self, version: DatasetVersion) -> DatasetVersion:
        """Tell of data that the code reads in a way that is not looked into."""
        self.sources.add(Source(f"told:{version.name}:{version.digest}", version))
        return version

    def wrote(self, version: DatasetVersion, *, why: str = "") -> DatasetVersion:
        """Tell of data that the code wrote in a way that is not looked into: opaque, from everything that was read."""
        owed = opaque([source.frame for source in self.sources.found.values()], version.columns, BY_HAND)
        return self._add(version, owed, None, version.roles, why)

    def finish(self, status: RunStatus) -> Run:
        """Return the run, with what it read and wrote so far."""
        edges = tuple(edges_of(self.outputs, self.sources.found, summaries=self.summaries))
        drops = self._dropped(edges) if self.outputs and status == "complete" else ()
        return replace(
            self.begun,
            finished=datetime.datetime.now(datetime.UTC),
            inputs=tuple(source.version for source in self.sources.found.values()),
            outputs=tuple(output.version for output in self.outputs),
            edges=(*edges, *drops),
            status=status,
        )

    def _owed(self, lazy: polars.LazyFrame) -> Frame:
        from casemate.lineage.capture.polars_plan import read_plan

        return read_plan(lazy, self.sources.leaf)

    def _add(
        self,
        version: DatasetVersion,
        owed: Frame,
        load: Callable[[list[str]], polars.DataFrame] | None,
        roles: Mapping[str, Role] | None,
        why: str,
    ) -> DatasetVersion:
        output = Output(version, owed.complete(), load, why or self.why)
        output = output.with_roles(roles, self.sources.found)
        self.outputs.append(output)
        return output.version

    def _dropped(self, edges: Sequence[ColumnEdge]) -> tuple[ColumnEdge, ...]:
        """Columns that were read and whose values went nowhere."""
        used = {(edge.source_dataset, edge.source) for edge in edges if edge.kind != "indirect"}
        return tuple(
            ColumnEdge(column, "", "drop", self.why, masking=True, source_dataset=source.version.name)
            for source in self.sources.found.values()
            for column in source.version.columns
            if (source.version.name, column) not in used
        )
