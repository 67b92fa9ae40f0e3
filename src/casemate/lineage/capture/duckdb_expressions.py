"""DuckDB expressions: what the value of one owes to the columns that it can see."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from casemate.lineage.capture.duckdb_catalog import Catalog, Untold
from casemate.lineage.capture.flow import NOTHING, Frame, Owes, together

Node = Mapping[str, Any]

DECIDING = frozenset({"filter", "filter_expr", "order_bys", "orders", "arg_orders", "partitions", "when_expr"})
"""Parts of an expression that decide which values go into it, or which branch is taken."""
WORDS = {
    "CASE": "condition",
    "CAST": "cast",
    "COMPARISON": "comparison",
    "CONJUNCTION": "logic",
    "BETWEEN": "comparison",
    "OPERATOR": "operator",
    "WINDOW": "window",
}


@dataclass(frozen=True)
class Scope:
    """What names mean where an expression stands.

    Args:
        tables: the tables of the FROM clause, by alias, in order.
        parent: the scope around a subquery.
        queries: named queries (WITH).
        selected: what the select list's aliases, and its items in order, owe; names there may be used elsewhere.
        items: the same, in order.
        shadowed: names of the parameters of lambdas.
    """

    tables: Mapping[str, Frame] = field(default_factory=dict)
    parent: Scope | None = None
    queries: Mapping[str, Frame] = field(default_factory=dict)
    selected: Mapping[str, Owes] = field(default_factory=dict)
    items: Sequence[Owes] = ()
    shadowed: frozenset[str] = frozenset()

    @property
    def everything(self) -> Owes:
        """All that the tables here owe."""
        return together(frame.everything for frame in self.tables.values())

    def named(self, names: Sequence[str]) -> Owes:
        """Return what a name owes: a column, ``table.column``, a field of either, a whole table, or an alias.

        Raises:
            Untold: it means nothing that is known.
        """
        lowered = [name.lower() for name in names]
        found = list(self._meant(lowered))
        if found:
            return together(found)
        if self.parent is None:
            raise Untold(f"name {'.'.join(names)}")
        return self.parent.named(names)

    def _meant(self, names: list[str]) -> Iterator[Owes]:
        if names[0] in self.shadowed:
            yield NOTHING
            return
        for alias, frame in self.tables.items():
            columns = {name.lower(): owes for name, owes in frame.columns.items()}
            qualified = names.index(alias.lower()) + 1 if alias.lower() in names[:-1] else 0
            if names[qualified] in columns:
                yield columns[names[qualified]]
            elif names[qualified] == "rowid" or names == [alias.lower()]:
                yield frame.everything
        if len(names) == 1 and names[0] in self.selected:
            yield self.selected[names[0]]


class Expressions:
    """Reads expressions.

    Args:
        catalog: of the connection.
        query: returns the table of a query in a scope.
    """

    def __init__(self, catalog: Catalog, query: Callable[[Node, Scope], Frame]) -> None:
        self.catalog, self.query = catalog, query

    def owed(self, node: Node, scope: Scope) -> Owes:
        """Return what an expression owes.

        Raises:
            Untold: there is something in it that is not understood.
        """
        kind = node.get("class", "")
        match kind:
            case "CONSTANT" | "PARAMETER" | "DEFAULT" | "TYPE":
                return NOTHING
            case "COLUMN_REF":
                return scope.named(node["column_names"])
            case "POSITIONAL_REFERENCE":
                return _item(scope, node["index"])
            case "STAR":
                return together([scope.everything, *scope.items])
            case "SUBQUERY":
                return self._subquery(node, scope)
            case "LAMBDA":
                names = frozenset(name.lower() for name in _parameters(node["lhs"]))
                return self.owed(node["expr"], _shadowing(scope, names))
            case "FUNCTION":
                return self._function(node, scope)
        if kind not in WORDS:
            raise Untold(f"expression {kind or node.get('type')}")
        return self._parts(node, scope, WORDS[kind])

    def deciding(self, nodes: Sequence[Node], scope: Scope, step: str) -> Owes:
        """Return what is owed by rows that expressions decided; a whole number stands for a selected item."""
        return together(self._item_or(node, scope) for node in nodes).deciding(step)

    def _item_or(self, node: Node, scope: Scope) -> Owes:
        number = _whole(node)
        return self.owed(node, scope) if number is None else _item(scope, number)

    def _function(self, node: Node, scope: Scope) -> Owes:
        name = str(node["function_name"]).lower()
        if name in self.catalog.macros:
            raise Untold(f"macro {name}")
        if name == "count_star":
            return scope.everything.deciding("aggregate:count")
        if name in self.catalog.foreign:
            return self._parts(node, scope, "").unknown(f"function:{name}")
        family = (
            "aggregate" if name in self.catalog.aggregates else "operator" if node.get("is_operator") else "function"
        )
        return self._parts(node, scope, f"{family}:{name}")

    def _subquery(self, node: Node, scope: Scope) -> Owes:
        frame = self.query(node["subquery"]["node"], scope)
        child = self.owed(node["child"], scope) if node.get("child") else NOTHING
        if node["subquery_type"] == "SCALAR":
            return together([*frame.complete().values(), child]).then("subquery")
        return together([frame.everything, child]).deciding("subquery")

    def _parts(self, node: Node, scope: Scope, step: str) -> Owes:
        values: list[Owes] = []
        deciders: list[Owes] = []
        for decides, part in _children(node):
            (deciders if decides else values).append(self.owed(part, scope))
        return together([*(owes.then(step) for owes in values), *(o.deciding(step or "function") for o in deciders)])


def _children(node: Any, decides: bool = False) -> Iterator[tuple[bool, Node]]:
    """The expressions right below one, and whether they only decide."""
    entries = node.items() if isinstance(node, Mapping) else ((None, item) for item in node)
    for key, value in entries:
        deciding = decides or key in DECIDING
        if isinstance(value, Mapping) and value.get("class"):
            yield deciding, value
        elif isinstance(value, Mapping | list):
            yield from _children(value, deciding)


def _item(scope: Scope, number: int) -> Owes:
    if 0 < number <= len(scope.items):
        return scope.items[number - 1]
    columns = [owes for frame in scope.tables.values() for owes in frame.columns.values()]
    if not scope.items and 0 < number <= len(columns):
        return columns[number - 1]
    raise Untold(f"position {number}")


def _whole(node: Node) -> int | None:
    """The whole number that an expression is; None where it is another."""
    if node.get("class") != "CONSTANT":
        return None
    held = node.get("literal") or node.get("value") or {}
    text = str(held.get("text", held.get("value", "")))
    return int(text) if text.isdigit() else None


def _parameters(node: Node) -> list[str]:
    if node.get("class") == "COLUMN_REF":
        return [str(node["column_names"][-1])]
    return [name for _, part in _children(node) for name in _parameters(part)]


def _shadowing(scope: Scope, names: frozenset[str]) -> Scope:
    from dataclasses import replace

    return replace(scope, shadowed=scope.shadowed | names)
