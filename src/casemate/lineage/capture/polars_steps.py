"""Polars steps: what each kind of step of a plan makes of what its inputs owe."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from casemate.lineage.capture.flow import NOTHING, Frame, Owes, opaque, together
from casemate.lineage.capture.polars_expressions import owed

KEEP_LEFT = ("Semi", "Anti")
HELPER = "__POLARS_INTERNAL_HEIGHT_COLUMN"
"""A column that Polars adds and takes away again, to keep the height of a table."""


@dataclass(frozen=True)
class Step:
    """One step of a plan.

    Args:
        traverser: of the plan.
        view: what Polars tells of the step.
        children, frames: its inputs' nodes, and what they owe.
        names: the columns of its result.
    """

    traverser: Any
    view: Any
    children: Sequence[int]
    frames: Sequence[Frame]
    names: Sequence[str]

    @property
    def frame(self) -> Frame:
        """The first input."""
        return self.frames[0]

    def owed(self, expression: Any, side: int = 0) -> Owes:
        """Return what an expression over an input owes."""
        self.traverser.set_node(self.children[side])
        return owed(self.traverser, expression.node, self.frames[side])

    def deciding(self, expressions: Iterable[Any], step: str, side: int = 0) -> Owes:
        """Return what is owed by rows that expressions over an input decided."""
        return together(self.owed(expression, side) for expression in expressions).deciding(step)


def _select(step: Step) -> Frame:
    columns = {expression.output_name: step.owed(expression) for expression in step.view.expr}
    spread = together(columns.values()).deciding("broadcast")  # how often a constant stands there
    return Frame({name: owes or spread for name, owes in columns.items()}, step.frame.rows)


def _with_columns(step: Step) -> Frame:
    made = {expression.output_name: step.owed(expression) for expression in step.view.exprs}
    return Frame({**step.frame.columns, **made}, step.frame.rows)


def _projection(step: Step) -> Frame:
    return Frame({name: step.frame.columns[name] for name in step.names}, step.frame.rows)


def _filter(step: Step) -> Frame:
    return step.frame.owing(step.deciding([step.view.predicate], "filter"))


def _sort(step: Step) -> Frame:
    return step.frame.owing(step.deciding(step.view.by_column, "sort"))


def _distinct(step: Step) -> Frame:
    subset = step.view.options[1]
    chosen = step.frame.columns if subset is None else subset
    return step.frame.owing(together(step.frame.columns[name] for name in chosen).deciding("distinct"))


def _same(step: Step) -> Frame:
    return step.frame


def _group_by(step: Step) -> Frame:
    columns = {key.output_name: step.owed(key) for key in step.view.keys}
    columns |= {agg.output_name: step.owed(agg) for agg in step.view.aggs}
    rows = step.deciding(step.view.keys, "group-by")
    options = step.view.options
    if options.dynamic is not None or options.rolling is not None:  # the column of time is not among the keys
        rows = together([rows, step.frame.everything.unknown("window of time")])
        columns = {name: columns.get(name, rows) for name in step.names}
    return Frame(columns, together([step.frame.rows, rows]))


def _join(step: Step) -> Frame:
    left, right = step.frames
    how, _, _, suffix, *_ = step.view.options
    how = how if isinstance(how, str) else how[0]
    keys = [step.deciding(step.view.left_on, "join"), step.deciding(step.view.right_on, "join", 1)]
    predicate = together([left.everything, right.everything]).deciding("join") if how == "IEJoin" else NOTHING
    if step.view.predicate is not None:
        predicate = together([left.everything, right.everything]).deciding("join")
    rows = together([left.rows, right.rows, *keys, predicate])
    if how in KEEP_LEFT:
        return Frame(left.columns, rows)
    shared = {key.output_name for key in (*step.view.left_on, *step.view.right_on)}
    owned = {name: _joined(name, left, right, shared, suffix, how) for name in step.names}
    return Frame(owned, rows)


def _joined(name: str, left: Frame, right: Frame, keys: set[str], suffix: str, how: str) -> Owes:
    """What a column of a join owes: to the side that it is of; a key that both sides have, to both."""
    found = []
    if name in left.columns:
        found.append(left.columns[name])
    if name in right.columns and (name not in left.columns or name in keys or how == "Right"):
        found.append(right.columns[name])
    stem = name.removesuffix(suffix) if suffix else name
    if stem != name and stem in right.columns:
        found.append(right.columns[stem])
    if not found:
        raise KeyError(name)
    return together(found)


def _union(step: Step) -> Frame:
    columns = {name: together(frame.columns[name] for frame in step.frames) for name in step.names}
    return Frame(columns, together(frame.rows for frame in step.frames))


def _side_by_side(step: Step) -> Frame:
    columns = {name: owes for frame in step.frames for name, owes in frame.columns.items()}
    return Frame(columns, together(frame.rows for frame in step.frames))


def _merge_sorted(step: Step) -> Frame:
    found = _union(step)
    keys = [step.view.key] if isinstance(step.view.key, str) else step.view.key
    return found.owing(together(found.columns[name] for name in keys).deciding("sort"))


def _function(step: Step) -> Frame:
    """A function of whole tables; of those that are not known, everything may have gone everywhere."""
    name, *arguments = step.view.function
    frame = step.frame
    if name == "hint_sorted":
        return frame
    if name == "explode":
        exploded = together(frame.columns[column] for column in arguments[0])
        changed = {column: frame.columns[column].then("explode") for column in arguments[0]}
        return Frame({**frame.columns, **changed}, frame.rows).owing(exploded.deciding("explode"))
    if name == "row_index":
        counted = frame.everything.deciding("row index")
        return Frame({arguments[0]: counted, **frame.columns}, frame.rows)
    if name == "unpivot":
        return _unpivot(frame, *arguments)
    if name == "unnest":
        struct = together(frame.columns[column] for column in arguments[0])
        return Frame({n: frame.columns.get(n, struct.then("unnest")) for n in step.names}, frame.rows)
    if name == "rename":
        new = dict(zip(arguments[0], arguments[1], strict=True))
        return Frame({new.get(n, n): owes for n, owes in frame.columns.items()}, frame.rows)
    return opaque([frame], step.names, f"table function {name}")


def _unpivot(frame: Frame, index: list[str], on: list[str], variable: str, value: str) -> Frame:
    melted = together(frame.columns[name] for name in on)
    columns = {name: frame.columns[name] for name in index}
    return Frame({**columns, variable: melted.deciding("unpivot"), value: melted.then("unpivot")}, frame.rows)


STEPS: dict[str, Callable[[Step], Frame]] = {
    "Cache": _same,
    "Distinct": _distinct,
    "Filter": _filter,
    "GroupBy": _group_by,
    "HConcat": _side_by_side,
    "HStack": _with_columns,
    "Join": _join,
    "MapFunction": _function,
    "MergeSorted": _merge_sorted,
    "Select": _select,
    "SimpleProjection": _projection,
    "Sink": _same,
    "Slice": _same,
    "Sort": _sort,
    "Union": _union,
}
"""The steps that are understood, by the name that Polars gives their nodes."""
