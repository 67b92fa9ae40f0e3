"""Polars expressions: what the value of one owes to the columns of the table that it is computed in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from casemate.lineage.capture.flow import NOTHING, Frame, Owes, together

VALUES = {
    "Alias": ("expr",),
    "Agg": ("arguments",),
    "BinaryExpr": ("left", "right"),
    "Cast": ("expr",),
    "Explode": ("expr",),
    "Filter": ("input",),
    "Function": ("input",),
    "Gather": ("expr", "idx"),
    "Rolling": ("function",),
    "Slice": ("input",),
    "Sort": ("expr",),
    "SortBy": ("expr",),
    "Ternary": ("truthy", "falsy"),
    "Window": ("function",),
}
"""Of each kind of expression the parts whose values go into its value."""

DECIDERS = {
    "Filter": ("by",),
    "Rolling": ("index_column",),
    "Slice": ("offset", "length"),
    "SortBy": ("by",),
    "Ternary": ("predicate",),
    "Window": ("partition_by", "order_by"),
}
"""And the parts that decide which values those are."""


def owed(traverser: Any, node: int, frame: Frame) -> Owes:
    """Return what an expression owes.

    An expression that Polars does not tell about, such as a Python function, may have used every column.

    Args:
        traverser: of Polars' plan, standing at the table that the expression is computed in.
        node: the expression.
        frame: that table.
    """
    try:
        return _owed(traverser, node, frame)
    except (NotImplementedError, AttributeError, KeyError, TypeError, RecursionError) as error:
        return frame.everything.unknown(_why(error))


def _owed(traverser: Any, node: int, frame: Frame) -> Owes:
    view = traverser.view_expression(node)
    kind = type(view).__name__
    if kind == "Column":
        return frame.columns[view.name]
    if kind == "Literal":
        return NOTHING
    if kind == "Len":
        return frame.everything.deciding("count")
    values = [_owed(traverser, part, frame) for part in _parts(view, VALUES[kind])]
    deciders = [_owed(traverser, part, frame) for part in _parts(view, DECIDERS.get(kind, ()))]
    step = _step(kind, view)
    return together([*(owes.then(step) for owes in values), *(owes.deciding(step) for owes in deciders)])


def _parts(view: Any, names: Iterable[str]) -> Iterator[int]:
    for name in names:
        found = getattr(view, name)
        yield from [] if found is None else found if isinstance(found, list | tuple) else [found]


def _step(kind: str, view: Any) -> str:
    """What an expression does, in a word or two."""
    if kind == "Agg":
        return f"aggregate:{view.name}"
    if kind == "BinaryExpr":
        return f"operator:{_word(view.op)}"
    if kind == "Function":
        return f"function:{_word(view.function_data[0])}"
    words = {"Ternary": "condition", "SortBy": "sort", "Alias": ""}
    return words.get(kind, kind.lower())


def _word(name: object) -> str:
    """The last part of a name such as ``StringFunction.Uppercase``, in small letters."""
    return str(name).rpartition(".")[2].lower()


def _why(error: Exception) -> str:
    said = str(error).splitlines()[0][:60] if isinstance(error, NotImplementedError) and str(error) else ""
    if "anonymous" in said or "python" in said.lower():
        return "python function"
    return f"unknown expression: {said}" if said else "unknown expression"
