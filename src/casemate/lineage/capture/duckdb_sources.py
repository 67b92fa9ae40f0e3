"""DuckDB sources: the tables and files that a query reads, as data sets with a digest of their content."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from casemate.core.digests import digest
from casemate.core.provenance import DatasetVersion
from casemate.lineage.capture.flow import Frame
from casemate.lineage.capture.sources import UNKNOWN, Source, Sources

if TYPE_CHECKING:
    import duckdb
    import polars

    from casemate.core.schema import Role


@dataclass(frozen=True)
class TableSources:
    """Adds what a query reads to the sources of a run.

    Args:
        connection: of the query.
        sources: of the run.
        names: what to call tables and files, by their name or path in the query; else they are called that.
        roles: of columns, by name of the data set and column.
    """

    connection: duckdb.DuckDBPyConnection
    sources: Sources
    names: Mapping[str, str]
    roles: Mapping[str, Mapping[str, Role]]

    def resolve(self, kind: str, told: Any, columns: Sequence[str]) -> Frame:
        """Return the table of a source; see `casemate.lineage.capture.duckdb_query.Resolve`."""
        if kind == "table":
            plain = str(told).replace('"', "")
            name = self.names.get(plain, plain)
            return self._table(told, name, columns).frame
        if kind == "Scan" and all("://" not in path for path in told):
            name = self.names.get(told[0], "")
            found = self.sources.add_files(told, name, self.roles.get(name, {}))
            if set(columns) <= set(found.version.columns):
                return Frame({column: found.frame.columns[column] for column in columns})
            return self.sources.everything(columns, UNKNOWN)
        return self.sources.everything(columns, UNKNOWN) if self.sources.found else Frame({})

    def _table(self, quoted: str, name: str, columns: Sequence[str]) -> Source:
        key = f"table:{id(self.connection)}:{quoted}"
        if key in self.sources.found:
            return self.sources.found[key]
        rows, content = table_digest(self.connection, quoted, columns)
        version = DatasetVersion(name, content, f"duckdb:{name}", rows, tuple(columns), dict(self.roles.get(name, {})))
        return self.sources.add(Source(key, version, lambda chosen: _load(self.connection, quoted, chosen)))


def table_digest(connection: duckdb.DuckDBPyConnection, quoted: str, columns: Sequence[str]) -> tuple[int, str]:
    """Return the number of rows of a table, and a digest of its content that does not depend on their order.

    Args:
        connection: an open connection.
        quoted: the table's name as it may be written in SQL.
        columns: their names.
    """
    sql = f"SELECT count(*), bit_xor(hash(t)), sum(hash(t)::HUGEINT) FROM {quoted} AS t"  # noqa: S608  (quoted)
    row = connection.execute(sql).fetchone() or (0, None, None)
    return int(row[0]), digest("duckdb", list(columns), *(str(part) for part in row))


def _load(connection: duckdb.DuckDBPyConnection, quoted: str, columns: Sequence[str]) -> polars.DataFrame:
    named = ", ".join('"' + column.replace('"', '""') + '"' for column in columns)
    found: polars.DataFrame = connection.sql(f"SELECT {named} FROM {quoted}").pl()  # noqa: S608  (quoted)
    return found
