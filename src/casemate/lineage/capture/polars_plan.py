"""Polars plan: what each column of a lazy frame owes to its sources, read from Polars' own plan before it runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from casemate.lineage.capture import polars_steps
from casemate.lineage.capture.flow import Frame, opaque

if TYPE_CHECKING:
    import polars

Resolve = Callable[[str, Any, Sequence[str]], Frame]
"""Given the kind of a leaf of the plan, what Polars tells of it, and its columns: the table of that source."""

UNTOLD = "step that Polars does not tell about"


def read_plan(lazy: polars.LazyFrame, resolve: Resolve) -> Frame:
    """Return what the columns of a lazy frame owe.

    Polars resolves names, wildcards and selectors itself; the plan that is read is the one before optimisation. Any
    step that is not understood owes everything that went into it, opaquely.

    Args:
        lazy: the frame; it is not run.
        resolve: called for every leaf: a data frame in memory (its kind is ``DataFrameScan``, Polars' frame is told),
            files (``Scan``, their paths are told), or anything else (None is told).

    Raises:
        polars.exceptions.PolarsError: the plan cannot run, for example for want of a column.
    """
    names = lazy.collect_schema().names()
    try:
        traverser = _traverser(lazy)
        found = _Reader(traverser, resolve).read()
    except (AttributeError, NotImplementedError, TypeError):  # a Polars whose plans are not told the way we know
        return opaque([resolve("unknown", None, ())], names, "plan that this version of Polars does not tell")
    if list(found.columns) != names:
        return opaque([found], names, UNTOLD)
    return found


def _traverser(lazy: polars.LazyFrame) -> Any:
    import polars as pl

    as_written = pl.QueryOptFlags.none()._pyoptflags
    return lazy._ldf.with_optimizations(as_written).visit()


class _Reader:
    """Reads the plan from its leaves to its root; tables that several steps use are read once."""

    def __init__(self, traverser: Any, resolve: Resolve) -> None:
        self.traverser, self.resolve = traverser, resolve
        self.read_already: dict[int, Frame] = {}

    def read(self) -> Frame:
        root = self.traverser.get_node()
        waiting = [root]
        while waiting:
            node = waiting[-1]
            self.traverser.set_node(node)
            inputs = [child for child in self.traverser.get_inputs() if child not in self.read_already]
            if inputs:
                waiting += inputs
            else:
                waiting.pop()
                if node not in self.read_already:
                    self.read_already[node] = self._frame(node)
        return self.read_already[root]

    def _frame(self, node: int) -> Frame:
        self.traverser.set_node(node)
        names = list(self.traverser.get_schema())
        children = list(self.traverser.get_inputs())
        frames = [self.read_already[child] for child in children]
        try:
            view = self.traverser.view_current_node()
        except NotImplementedError:
            return opaque(frames, names, UNTOLD) if frames else self.resolve("unknown", None, names)
        kind = type(view).__name__
        if not frames:
            return self.resolve(kind, _told(kind, view), names)
        try:
            step = polars_steps.STEPS.get(kind)
            found = step(polars_steps.Step(self.traverser, view, children, frames, names)) if step else None
        except (AttributeError, KeyError, TypeError, ValueError, IndexError):
            found = None
        if found is None or set(found.columns) != set(names):
            return opaque(frames, names, UNTOLD)
        return Frame({name: found.columns[name] for name in names}, found.rows)


def _told(kind: str, view: Any) -> Any:
    """What a leaf tells: Polars' own frame, or paths."""
    if kind == "DataFrameScan":
        import polars as pl

        return pl.DataFrame._from_pydf(view.df)
    return [str(path) for path in view.paths] if kind == "Scan" else None
