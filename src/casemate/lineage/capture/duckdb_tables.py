"""DuckDB tables: the items of a FROM clause: tables, views, files, subqueries, joins, and what a star stands for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from casemate.lineage.capture.duckdb_catalog import FILE, READERS, Catalog, Untold
from casemate.lineage.capture.duckdb_expressions import Expressions, Node, Scope
from casemate.lineage.capture.flow import NOTHING, Frame, Owes, together

Found = tuple[dict[str, Frame], Owes]
"""Tables by alias, and what the choice of rows among them owes."""


class Tables:
    """Reads FROM clauses.

    Args:
        catalog: of the connection.
        resolve: returns the table of a source; see `casemate.lineage.capture.duckdb_query.Resolve`.
        query: returns the table of a query in a scope.
        expressions: reads expressions.
    """

    def __init__(
        self,
        catalog: Catalog,
        resolve: Callable[[str, Any, Sequence[str]], Frame],
        query: Callable[[Node, Scope], Frame] | None = None,
        expressions: Expressions | None = None,
    ) -> None:
        self.catalog, self.resolve = catalog, resolve
        self.query, self.expressions = query, expressions
        self.views: list[str] = []

    def read(self, node: Node, scope: Scope) -> Found:
        """Return the tables of a FROM clause.

        Raises:
            Untold: there is something in it that is not understood.
        """
        match node["type"]:
            case "EMPTY" | "EMPTY_FROM":
                return {}, NOTHING
            case "BASE_TABLE":
                return self._aliased(node, node["table_name"], self._base(node, scope))
            case "SUBQUERY":
                return self._aliased(node, "", self._read(node["subquery"]["node"], scope))
            case "JOIN":
                return self._join(node, scope)
            case "TABLE_FUNCTION":
                return self._aliased(node, node["function"]["function_name"], self._function(node, scope))
            case "EXPRESSION_LIST":
                return self._aliased(node, "valueslist", self._values(node, scope))
        raise Untold(str(node["type"]))

    def _aliased(self, node: Node, name: str, frame: Frame) -> Found:
        names = node.get("column_name_alias") or []
        old = list(frame.columns)
        columns = dict(zip([*names, *old[len(names) :]], frame.columns.values(), strict=True))
        return {node.get("alias") or name: Frame(columns)}, frame.rows

    def _read(self, node: Node, scope: Scope) -> Frame:
        if self.query is None:
            raise Untold("query")
        return self.query(node, scope)

    def _base(self, node: Node, scope: Scope) -> Frame:
        name = node["table_name"]
        if name.lower() in scope.queries and len(_path(node)) == 1:
            return scope.queries[name.lower()]
        view = self.catalog.view(_path(node)) if name.lower() not in self.views else None
        if view is None:
            return self.leaf(_written(node))
        self.views.append(name.lower())
        try:
            found = self._read(self.catalog.parse(view), Scope())
        finally:
            self.views.pop()
        names = self.catalog.names_of({**node, "alias": "", "column_name_alias": [], "sample": None})
        return Frame(dict(zip(names, found.columns.values(), strict=True)), found.rows)

    def leaf(self, name: str) -> Frame:
        """Return the table of a source: a table, or files."""
        quoted = name if name.startswith('"') else '"' + name.replace('"', '""') + '"'
        plain = name.strip('"')
        names = self.catalog.names(f"SELECT * FROM {quoted}")  # noqa: S608  (quoted)
        if FILE.search(plain) and not self.catalog.is_table(plain):
            return self.resolve("Scan", [plain], names)
        return self.resolve("table", quoted, names)

    def _function(self, node: Node, scope: Scope) -> Frame:
        function = node["function"]
        name = function["function_name"].lower()
        arguments = [item.get("expression", item) for item in function.get("arguments") or function["children"]]
        if name in READERS:
            plain = {**node, "alias": "", "column_name_alias": [], "sample": None}
            return self.resolve("Scan", _paths(arguments[0]), self.catalog.names_of(plain))
        if name in self.catalog.macros or self.expressions is None:
            raise Untold(f"function {name}")
        owes = together(self.expressions.owed(part, scope) for part in arguments if part.get("class") != "COMPARISON")
        if name in self.catalog.foreign:
            raise Untold(f"function {name}")
        names = node.get("column_name_alias") or ([node.get("alias") or name] if owes else [])
        names = names or self.catalog.names_of({**node, "alias": "", "column_name_alias": [], "sample": None})
        if not owes and name not in ("range", "generate_series", "repeat", "unnest"):
            raise Untold(f"function {name}")
        return Frame(dict.fromkeys(names, owes.then(f"function:{name}")), owes.deciding(f"function:{name}"))

    def _values(self, node: Node, scope: Scope) -> Frame:
        if self.expressions is None:
            raise Untold("values")
        columns = [[self.expressions.owed(part, scope) for part in row] for row in node["values"]]
        names = node.get("expected_names") or [f"col{i}" for i in range(len(columns[0]))]
        return Frame({name: together(row[i] for row in columns) for i, name in enumerate(names)})

    def _join(self, node: Node, scope: Scope) -> Found:
        left, left_rows = self.read(node["left"], scope)
        beside = replace(scope, parent=replace(scope, tables={**scope.tables, **left}))  # what LATERAL may see
        right, right_rows = self.read(node["right"], replace(beside, tables=left))
        tables = {**left, **{_other(alias, left): frame for alias, frame in right.items()}}
        rows = [left_rows, right_rows]
        if node.get("condition"):
            if self.expressions is None:
                raise Untold("join")
            rows.append(self.expressions.deciding([node["condition"]], replace(scope, tables=tables), "join"))
        shared = node.get("using_columns") or []
        if node.get("ref_type") == "NATURAL":
            known = _columns(right)
            shared = [name for name in _columns(left) if name in known]
        elif node.get("ref_type") not in ("REGULAR", "CROSS", "ASOF", "POSITIONAL", "DEPENDENT"):
            raise Untold(f"join {node.get('ref_type')}")
        if shared:
            tables, keys = _shared(left, right, [name.lower() for name in shared])
            rows.append(keys.deciding("join"))
        return self._kept(node, left, tables), together(rows)

    def _kept(self, node: Node, left: dict[str, Frame], tables: dict[str, Frame]) -> dict[str, Frame]:
        kind = node.get("join_type", "INNER")
        if kind in ("SEMI", "ANTI"):
            return {alias: tables[alias] for alias in left}
        if kind not in ("INNER", "LEFT", "RIGHT", "OUTER", "FULL"):
            raise Untold(f"join {kind}")
        return tables

    def star(self, item: Node, scope: Scope) -> list[tuple[str, Owes]]:
        """Return the columns that a star stands for, with what they owe.

        Raises:
            Untold: it names a table or column that is not there.
        """
        relation = (item.get("relation_name") or "").lower()
        left_out = {_name(entry) for entry in item.get("exclude_list") or ()}
        replaced = {_name(entry["key"]): entry["value"] for entry in item.get("replace_list") or ()}
        renamed = {_name(entry["key"]): entry["value"] for entry in item.get("rename_list") or ()}
        if {key for key in item if key.endswith("_list")} - {
            "exclude_list",
            "replace_list",
            "rename_list",
            "qualified_exclude_list",
        }:
            raise Untold("star")
        found: list[tuple[str, Owes]] = []
        for alias, frame in scope.tables.items():
            if relation and relation != alias.lower():
                continue
            for name, owes in frame.columns.items():
                key = name.lower()
                if key in left_out or (not relation and name.startswith(HIDDEN)):
                    continue
                if key in replaced and self.expressions is not None:
                    owes = self.expressions.owed(replaced[key], scope)  # noqa: PLW2901
                found.append((renamed.get(key, name.removeprefix(HIDDEN)), owes))
        if not found:
            raise Untold(f"star of {relation}")
        return found


HIDDEN = "\0"
"""Marks a key of the right side of a USING join, which an unqualified star shows once."""


def _shared(left: dict[str, Frame], right: dict[str, Frame], names: Sequence[str]) -> Found:
    """Both sides with the keys of a USING join owing both, and what the keys owe."""
    both = {name: together([_columns(left)[name], _columns(right)[name]]) for name in names}

    def changed(frame: Frame, hide: bool) -> Frame:
        mark = HIDDEN if hide else ""
        return Frame(
            {mark + n if n.lower() in both else n: both.get(n.lower(), owes) for n, owes in frame.columns.items()},
            frame.rows,
        )

    tables = {alias: changed(frame, hide=False) for alias, frame in left.items()}
    tables |= {_other(alias, left): changed(frame, hide=True) for alias, frame in right.items()}
    return tables, together(both.values())


def _columns(tables: Mapping[str, Frame]) -> dict[str, Owes]:
    return {name.lower(): owes for frame in tables.values() for name, owes in frame.columns.items()}


def _other(alias: str, taken: Mapping[str, Frame]) -> str:
    """An alias that the other side of a join does not have; tables without one are told apart by their position."""
    while alias in taken:
        alias += "'"
    return alias


def _written(node: Node) -> str:
    """The name of a table as it may be written in SQL."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in _path(node))


def _path(node: Node) -> list[str]:
    """The name of a table after those of its catalogue and schema, as far as they are written."""
    parts = [node.get("catalog_name"), node.get("schema_name"), node["table_name"]]
    return (node.get("qualified_name") or {}).get("path") or [part for part in parts if part]


def _paths(node: Node) -> list[str]:
    """The paths that a reading function is given.

    Raises:
        Untold: they are computed.
    """
    held = node.get("literal") or node.get("value")
    if node.get("class") == "CONSTANT" and held:
        return [str(held.get("text", held.get("value")))]
    arguments = [item.get("expression", item) for item in node.get("arguments") or node.get("children") or ()]
    if not arguments:
        raise Untold("computed path")
    return [path for part in arguments for path in _paths(part)]


def _name(entry: Any) -> str:
    """The column that an entry of a star's lists names."""
    return str(entry["column"] if isinstance(entry, Mapping) else entry).lower()
