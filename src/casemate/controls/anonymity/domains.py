"""Domains: the values that a column may hold, in an order in which neighbours are alike."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from casemate.controls.anonymity.bands import Step
from casemate.controls.anonymity.hierarchies import WHOLE, Hierarchy, Where
from casemate.controls.anonymity.labels import Kind, number_text, word_text

MOST_CODES = 32_767  # what int16 holds


@dataclass(frozen=True, kw_only=True)
class Detail:
    """How a column may be blurred.

    Args:
        rows: a hierarchy: value, then ever wider names; `where` says where a row was written.
        widths, origin: bands of numbers, narrow to wide; see `bands.number_bands`.
        steps: bands of dates; see `bands.date_bands`.
        prefixes: leading characters that stay; see `bands.prefix_bands`.
        within: publish names of the hierarchy only, never free ranges and sets; where none is given, see `automatic`.
        order: words in an order in which neighbours are alike; the column then counts as ordered.
        ordinal: whether values have an order; None: numbers and dates do, words do not.
        weight: how much detail in this column matters beside the others.
    """

    rows: tuple[tuple[str, ...], ...] = ()
    where: Where = field(default=lambda row: f"row {row + 1} of the hierarchy")
    widths: tuple[float, ...] = ()
    origin: float = 0.0
    steps: tuple[Step, ...] = ()
    prefixes: tuple[int, ...] = ()
    within: bool = False
    order: tuple[str, ...] = ()
    ordinal: bool | None = None
    weight: float = 1.0


@dataclass(frozen=True, eq=False)
class Domain:
    """The values of one column, in the order of their codes; a missing value has the last code.

    Args:
        name: the column.
        kind: whether they are numbers (float64) or words (text, objects); dates, times and truth values are words.
        values: the raw values, without the missing one, (c,).
        ordinal: whether a range of codes says something: numbers, dates, words in a declared order.
        missing: whether the column holds missing values.
        hierarchy: wider names over exactly these values, or None.
        within: whether only names of the hierarchy may be published.
        weight: how much detail matters.
        starts: where there are more values than codes, the first value of each code, (bins,) ascending from 0.
    """

    name: str
    kind: Kind
    values: np.ndarray
    ordinal: bool
    missing: bool = False
    hierarchy: Hierarchy | None = None
    within: bool = False
    weight: float = 1.0
    starts: np.ndarray | None = None

    @property
    def bins(self) -> int:
        """How many codes stand for values; the missing one comes on top."""
        return len(self.values) if self.starts is None else len(self.starts)

    @property
    def size(self) -> int:
        """How many codes there are; at least 1."""
        return self.bins + self.missing

    @cached_property
    def raw(self) -> np.ndarray:
        """The values with the missing one last (NaN or an empty word), as `Meanings` wants them."""
        if not self.missing:
            return self.values
        return np.append(self.values, np.nan) if self.kind == "number" else np.append(self.values, "")

    def text(self, place: int) -> str:
        """Return the value at a place in ``raw`` as it is written in a label; a missing one is empty."""
        found = self._written.get(place)
        if found is None:
            found = self._written[place] = self._write(place)
        return found

    def _write(self, place: int) -> str:
        if place == len(self.values):
            return ""
        return number_text(self.values[place]) if self.kind == "number" else word_text(self.values[place])

    @cached_property
    def _written(self) -> dict[int, str]:
        """Values as they are written, by place; each is written once."""
        return {}

    def name_text(self, name: str) -> str:
        """Return a name of the hierarchy as it is written in a label."""
        label = self.kind == "number" or name == WHOLE or (self.hierarchy is not None and self.hierarchy.written)
        return name if label else word_text(name)

    @cached_property
    def tree(self) -> np.ndarray | None:
        """The node of every code at every level, widest first, where only names of the hierarchy are published.

        (levels, size) int32, as `taxonomies.Tree` wants it; a missing value is a node of its own below the root.
        """
        if self.hierarchy is None or not self.within:
            return None
        nodes = self.hierarchy.nodes if self.starts is None else self.hierarchy.nodes[:, self.starts]
        if self.missing:
            apart = nodes[:, -1:] + 1
            apart[-1] = nodes[-1, -1]
            nodes = np.hstack([nodes, apart])
        return nodes[::-1]

    def ends(self, codes: np.ndarray, *, last: bool) -> np.ndarray:
        """Return the position in ``raw`` of the first or last value that each code (m,) stands for."""
        if self.starts is None:
            return codes
        edges = np.append(self.starts, [len(self.values), len(self.values) + 1])
        return np.asarray(edges[codes + 1] - 1 if last else edges[codes])

    def coarsened(self, most: int = MOST_CODES) -> Domain:
        """Return the domain with at most ``most`` codes, neighbours sharing one."""
        room = most - self.missing
        c = len(self.values)
        if c <= room:
            return self
        nodes = np.zeros(0, dtype=np.int64)  # codes end where nodes of the hierarchy do, as far as there is room
        if self.hierarchy is not None:
            edges = [np.flatnonzero(np.diff(row, prepend=-1)) for row in self.hierarchy.nodes]
            nodes = next(found for found in edges if len(found) <= room // 2)
        even = np.arange(room - len(nodes)) * c // (room - len(nodes))
        return replace(self, starts=np.union1d(nodes, even))
