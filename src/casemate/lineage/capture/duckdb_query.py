"""DuckDB query: what each column of a query's result owes to tables and files, read from DuckDB's own parse of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from casemate.lineage.capture.duckdb_catalog import Catalog, Untold
from casemate.lineage.capture.duckdb_expressions import Expressions, Node, Scope
from casemate.lineage.capture.duckdb_tables import Tables
from casemate.lineage.capture.flow import NOTHING, Frame, Owes, opaque, together

if TYPE_CHECKING:
    import duckdb

Resolve = Callable[[str, Any, Sequence[str]], Frame]
"""Given the kind of a source, its name or paths, and its columns: the table of that source."""
ROUNDS = 12
"""A recursive query is read until what it owes grows no more, at most so many times."""


def read_query(connection: duckdb.DuckDBPyConnection, sql: str, resolve: Resolve) -> Frame:
    """Return what the columns of a query's result owe.

    Names are resolved as DuckDB resolves them, wherever they could mean two things as both. Of a query with anything
    in it that is not understood, every column owes every column of every table that DuckDB finds in it, opaquely.

    Args:
        connection: on which the query would run; only its catalogue is asked.
        sql: one query.
        resolve: called for every source: a table (``table``, its name is told), files (``Scan``, their paths), and
            ``unknown`` for those that nothing is known of.

    Raises:
        duckdb.Error: the query is wrong.
    """
    catalog = Catalog(connection)
    names = _distinct(catalog.names(sql))
    try:
        found = _Query(catalog, resolve).read(catalog.parse(sql), Scope())
        if len(found.columns) != len(names):
            raise Untold("number of columns")
    except (Untold, KeyError, TypeError, AttributeError, RecursionError) as error:
        return _everything(connection, sql, names, resolve, f"SQL not understood: {error}")
    return Frame(dict(zip(names, found.columns.values(), strict=True)), found.rows)


def _distinct(names: Sequence[str]) -> list[str]:
    """Names as DuckDB gives them to the columns of a table made from a query: the second ``id`` is ``id_1``."""
    found: dict[str, None] = {}
    for name in names:
        free, number = name, 1
        while free in found:
            free, number = f"{name}_{number}", number + 1
        found[free] = None
    return list(found)


def _everything(
    connection: duckdb.DuckDBPyConnection, sql: str, names: Sequence[str], resolve: Resolve, why: str
) -> Frame:
    tables = Tables(Catalog(connection), resolve)
    sources = [tables.leaf(name) for name in sorted(connection.get_table_names(sql))]
    return opaque([*sources, resolve("unknown", None, ())], names, why[:80])


class _Query:
    def __init__(self, catalog: Catalog, resolve: Resolve) -> None:
        self.catalog = catalog
        self.expressions = Expressions(catalog, self.read)
        self.tables = Tables(catalog, resolve, self.read, self.expressions)

    def read(self, node: Node, scope: Scope) -> Frame:
        """Return the table of a query that stands in a scope."""
        queries = dict(scope.queries)
        for item in (node.get("cte_map") or {}).get("map", ()):
            value = item["value"]
            query = value.get("query_node") or value["query"]["node"]
            found = self.read(query, Scope(parent=scope.parent, queries=queries))
            queries[item["key"].lower()] = _renamed(found, value.get("aliases") or ())
        inside = Scope(parent=scope if scope.tables else scope.parent, queries=queries)
        match node["type"]:
            case "SELECT_NODE":
                return self._select(node, inside)
            case "SET_OPERATION_NODE":
                return self._set_operation(node, inside)
            case "RECURSIVE_CTE_NODE":
                return self._recursive(node, inside)
        raise Untold(str(node["type"]))

    def _select(self, node: Node, outside: Scope) -> Frame:
        source = node.get("from_table")
        tables, rows = self.tables.read(source, outside) if source else ({}, NOTHING)
        scope = replace(outside, tables=tables)
        columns: dict[str, Owes] = {}
        for item in node["select_list"]:
            for name, owes in self._selected(item, scope):
                columns[_free(name, columns)] = owes
                scope = replace(scope, selected={**scope.selected, name.lower(): owes})
        scope = replace(scope, items=tuple(columns.values()))
        rows = together([rows, *self._rows(node, scope), *self._modifiers(node, scope)])
        return Frame(columns, rows)

    def _selected(self, item: Node, scope: Scope) -> list[tuple[str, Owes]]:
        if item.get("class") == "STAR":
            if item.get("columns") and (item.get("expr") or item.get("except_list")):
                raise Untold("COLUMNS")
            return self.tables.star(item, scope)
        if _holds_columns(item):
            raise Untold("COLUMNS inside an expression")
        names = item.get("column_names") or [""]
        return [(item.get("alias") or names[-1], self.expressions.owed(item, scope))]

    def _rows(self, node: Node, scope: Scope) -> list[Owes]:
        """What the choice and grouping of rows owes."""
        found = []
        for key, step in (("where_clause", "filter"), ("having", "filter"), ("qualify", "filter")):
            if node.get(key):
                found.append(self.expressions.deciding([node[key]], scope, step))
        found.append(self.expressions.deciding(node.get("group_expressions") or (), scope, "group-by"))
        if node.get("aggregate_handling") == "FORCE_AGGREGATES":  # GROUP BY ALL
            found.append(together(scope.items).deciding("group-by"))
        if node.get("sample"):
            found.append(NOTHING)
        return found

    def _modifiers(self, node: Node, scope: Scope) -> list[Owes]:
        """What order, distinct and limit owe."""
        found = []
        for modifier in node.get("modifiers") or ():
            match modifier["type"]:
                case "ORDER_MODIFIER":
                    keys = [order["expression"] for order in modifier["orders"]]
                    found.append(self.expressions.deciding(keys, scope, "sort"))
                case "DISTINCT_MODIFIER":
                    targets = modifier.get("distinct_on_targets") or ()
                    on = self.expressions.deciding(targets, scope, "distinct")
                    found.append(on if targets else together(scope.items).deciding("distinct"))
                case "LIMIT_MODIFIER" | "LIMIT_PERCENT_MODIFIER":
                    parts = [modifier[key] for key in ("limit", "offset") if modifier.get(key)]
                    found.append(together(self.expressions.owed(part, scope) for part in parts).deciding("limit"))
                case other:
                    raise Untold(str(other))
        return found

    def _set_operation(self, node: Node, scope: Scope) -> Frame:
        parts = node.get("children") or [node["left"], node["right"]]
        frames = [self.read(part, scope) for part in parts]
        first, kind = frames[0], node["setop_type"]
        if kind == "UNION_BY_NAME":
            names = dict.fromkeys(name for frame in frames for name in frame.columns)
            columns = {name: together(f.columns[name] for f in frames if name in f.columns) for name in names}
        elif kind == "UNION":
            several = zip(*(frame.columns.values() for frame in frames), strict=True)
            columns = dict(zip(first.columns, map(together, several), strict=True))
        elif kind in ("EXCEPT", "INTERSECT"):
            columns = dict(first.columns)
        else:
            raise Untold(str(kind))
        rows = together(frame.rows for frame in frames)
        if kind in ("EXCEPT", "INTERSECT") or not node.get("setop_all"):
            rows = together([rows, together(frame.everything for frame in frames).deciding("distinct")])
        ordered = replace(scope, tables={"": Frame(columns)}, items=tuple(columns.values()))
        return Frame(columns, together([rows, *self._modifiers(node, ordered)]))

    def _recursive(self, node: Node, scope: Scope) -> Frame:
        name = node["cte_name"].lower()
        start = _renamed(self.read(node["left"], scope), node.get("aliases") or ())
        found = start
        for _ in range(ROUNDS):
            within = replace(scope, queries={**scope.queries, name: found})
            step = self.read(node["right"], within)
            several = zip(found.columns.values(), step.columns.values(), strict=True)
            columns = dict(zip(found.columns, map(together, several), strict=True))
            grown = Frame(columns, together([found.rows, step.rows, step.everything.deciding("recursion")]))
            if grown == found:
                return found
            found = grown
        raise Untold("recursion")


def _renamed(frame: Frame, names: Sequence[str]) -> Frame:
    if not names:
        return frame
    old = list(frame.columns)
    return Frame(dict(zip([*names, *old[len(names) :]], frame.columns.values(), strict=True)), frame.rows)


def _free(name: str, taken: Mapping[str, Owes]) -> str:
    """A name that no other column of the result has."""
    number, free = 1, name
    while free in taken or not free:
        free, number = f"{name}:{number}", number + 1
    return free


def _holds_columns(node: Any) -> bool:
    """Whether an expression is one for each of several columns: COLUMNS(...) inside it."""
    if isinstance(node, list):
        return any(map(_holds_columns, node))
    if not isinstance(node, dict) or node.get("type") == "SUBQUERY":
        return False
    return bool(node.get("class") == "STAR" and node.get("columns")) or any(map(_holds_columns, node.values()))
