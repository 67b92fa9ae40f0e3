"""Detail: how much of each column is left: all of it, bands of it, or nothing."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from casemate.core.dataset import Dataset
from casemate.core.schema import Column, Schema


@dataclass(frozen=True, eq=False)
class Bands:
    """A column in bands: every value of a band is told as one value that occurs in it.

    Args:
        cuts: where one band ends and the next begins, ascending, (bands - 1,); in the column's own unit for numbers,
            in places of ``order`` for categories.
        stand_ins: the value that stands for each band, (bands,).
        order: for categories, the place of each code, (codes,); None for numbers.
    """

    cuts: np.ndarray
    stand_ins: np.ndarray
    order: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.stand_ins)

    def of(self, values: np.ndarray) -> np.ndarray:
        """Return the band of each value (n,), as its position, (n,) int64."""
        places = values if self.order is None else self.order[values.astype(np.int64)]
        return np.searchsorted(self.cuts, places, side="left")

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Return what stands for each value, (n,)."""
        return np.asarray(self.stand_ins[self.of(values)])

    def told(self, column: Column) -> tuple[str, ...]:
        """Return the bands in words: ranges of numbers, or the categories that are told as one."""
        if self.order is None:
            ends = [f"{cut:g}" for cut in self.cuts]
            below = [f"up to {ends[0]}"] if ends else ["any"]
            between = [f"{low} to {high}" for low, high in itertools.pairwise(ends)]
            return (*below, *between, *([f"above {ends[-1]}"] if ends else []))
        bands = self.of(np.arange(len(column.categories)))
        names = np.array(column.categories, dtype=object)
        return tuple(" | ".join(names[bands == band]) for band in range(len(self)))


@dataclass(frozen=True, eq=False)
class Detail:
    """What is left of the columns of a schema.

    Args:
        schema: the columns.
        dropped: for each column that is left out, by name, the value that stands in its place, so that a model that
            expects the column can still be asked.
        bands: columns told in bands, by name.
    """

    schema: Schema
    dropped: Mapping[str, float] = field(default_factory=dict)
    bands: Mapping[str, Bands] = field(default_factory=dict)

    @cached_property
    def kept(self) -> tuple[str, ...]:
        """Names of the columns that are not left out, in order."""
        return tuple(name for name in self.schema.names if name not in self.dropped)

    def without(self, name: str, stand_in: float) -> Detail:
        """Return the detail with one more column left out."""
        return replace(self, dropped={**self.dropped, name: stand_in})

    def banded(self, bands: Mapping[str, Bands]) -> Detail:
        """Return the detail with the given columns told in bands."""
        return replace(self, bands={**self.bands, **bands})

    def apply(self, data: Dataset) -> Dataset:
        """Return the rows with no more than this detail; the columns stay, so that any recipe can train on them."""
        return replace(data, X=self.reduce(data.X))

    def reduce(self, X: np.ndarray) -> np.ndarray:
        """Return features (n, d) with no more than this detail."""
        out = X.copy()
        for index, name in enumerate(self.schema.names):
            if name in self.dropped:
                out[:, index] = self.dropped[name]
            elif name in self.bands:
                out[:, index] = self.bands[name].apply(X[:, index])
        return out


def stand_in(values: np.ndarray, column: Column) -> float:
    """Return a value that occurs in a column and stands for all: the median of numbers, the commonest category."""
    if column.kind in ("category", "boolean"):
        found, counts = np.unique(values, return_counts=True)
        return float(found[counts.argmax()])
    return float(np.sort(values)[(len(values) - 1) // 2])
