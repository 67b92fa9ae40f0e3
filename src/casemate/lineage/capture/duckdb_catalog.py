"""DuckDB catalogue: what a connection knows of tables, views and functions; nothing of theirs is run."""

from __future__ import annotations

import json
import re
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

FILE = re.compile(r"\.(parquet|csv|tsv|json|ndjson|jsonl|txt)(\.(gz|zst))?$", re.IGNORECASE)
READERS = frozenset({"read_parquet", "parquet_scan", "read_csv", "read_csv_auto", "read_json", "read_json_auto"})
READERS |= frozenset({"read_ndjson", "read_ndjson_auto", "read_text", "read_blob"})
CREATED = re.compile(r"\s*create\b.*?\bas\b(?P<query>.*)", re.IGNORECASE | re.DOTALL)


NAMED = (
    "SELECT table_name AS name, schema_name AS schema, '' AS sql, false AS view FROM duckdb_tables() "
    "UNION ALL SELECT view_name, schema_name, sql, true FROM duckdb_views() WHERE NOT internal"
)


class Untold(Exception):
    """Something in a query that is not understood; whoever reads it takes everything to have gone everywhere."""


class Catalog:
    """What a connection knows.

    Args:
        connection: an open connection of DuckDB.
    """

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection

    def parse(self, sql: str) -> dict[str, Any]:
        """Return the tree of a query, as DuckDB parses it.

        Raises:
            Untold: it is no single SELECT.
        """
        row = self.connection.execute("SELECT json_serialize_sql(?)", [sql]).fetchone()
        tree: dict[str, Any] = json.loads(row[0]) if row else {"error": True}
        if tree["error"] or len(tree["statements"]) != 1:
            raise Untold(tree.get("error_message", "more than one statement"))
        node: dict[str, Any] = tree["statements"][0]["node"]
        return node

    def names(self, sql: str) -> list[str]:
        """Return the names of a query's columns, as DuckDB binds them.

        Raises:
            duckdb.Error: the query is wrong.
        """
        return [row[0] for row in self.connection.execute(f"DESCRIBE {sql}").fetchall()]

    def names_of(self, from_table: dict[str, Any]) -> list[str]:
        """Return the names of the columns of one item of a FROM clause."""
        select = {
            "type": "SELECT_NODE",
            "modifiers": [],
            "cte_map": {"map": []},
            "select_list": [{"class": "STAR", "type": "STAR", "alias": "", "relation_name": ""}],
            "from_table": from_table,
            "group_expressions": [],
            "group_sets": [],
            "aggregate_handling": "STANDARD_HANDLING",
        }
        tree = json.dumps({"error": False, "statements": [{"node": select, "named_param_map": []}]})
        import duckdb

        try:
            row = self.connection.execute("SELECT json_deserialize_sql(?::JSON)", [tree]).fetchone()
            return self.names(row[0]) if row else []
        except duckdb.Error as error:
            raise Untold(f"columns of {from_table.get('type')}") from error

    def view(self, path: list[str]) -> str | None:
        """Return the query of a view; None where the name is a table's, or DuckDB has no query for it.

        Args:
            path: the name, after those of its catalogue and schema where they are written.

        Raises:
            Untold: a name that several tables or views have.
        """
        query = f"SELECT sql, view FROM ({NAMED}) WHERE lower(name) = lower(?)"  # noqa: S608  (a constant)
        query += " AND lower(schema) = lower(?)" if len(path) > 1 else ""
        rows = self.connection.execute(query, [path[-1], *path[-2:-1]]).fetchall()
        if len(rows) > 1:
            raise Untold(f"several tables are called {path[-1]}")
        found = CREATED.match(rows[0][0] or "") if rows and rows[0][1] else None
        return found["query"].strip().rstrip(";") if found else None

    def is_table(self, name: str) -> bool:
        """Return whether there is a table or view of that name."""
        query = f"SELECT 1 FROM ({NAMED}) WHERE lower(name) = lower(?)"  # noqa: S608  (a constant)
        return self.connection.execute(query, [name]).fetchone() is not None

    @cached_property
    def aggregates(self) -> frozenset[str]:
        """Names of aggregate functions."""
        return self.functions("function_type = 'aggregate'")

    @cached_property
    def macros(self) -> frozenset[str]:
        """Names of macros that somebody defined."""
        return self.functions("function_type LIKE '%macro' AND NOT internal")

    @cached_property
    def foreign(self) -> frozenset[str]:
        """Names of functions that DuckDB does not bring along, such as Python functions."""
        return self.functions("true") - _own_functions()

    def functions(self, condition: str) -> frozenset[str]:
        """Return the names of the functions that a condition fits."""
        rows = self.connection.execute(f"SELECT lower(function_name) FROM duckdb_functions() WHERE {condition}")  # noqa: S608
        return frozenset(row[0] for row in rows.fetchall())


@cache
def _own_functions() -> frozenset[str]:
    """The functions that DuckDB brings along."""
    import duckdb

    with duckdb.connect() as pristine:
        return Catalog(pristine).functions("true")
