"""Dataset: rows with labels, identities and a schema. Immutable: every change makes a new one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from casemate.core.digests import digest
from casemate.core.errors import ShapeMismatch
from casemate.core.schema import Schema

if TYPE_CHECKING:
    import polars


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled rows.

    Args:
        X: features, (n, d) float64, in the columns' own units.
        y: labels, (n,) int64 in [0, classes).
        schema: the columns.
        ids: the rows' identities, (n,) int64; a row keeps its identity when it is changed or moved.
        groups: per declared grouping, each row's value as text, (n,) str, empty where unknown.

    Raises:
        ShapeMismatch: arrays that disagree with each other or with the schema.
    """

    X: np.ndarray
    y: np.ndarray
    schema: Schema
    ids: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    groups: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        X = np.asarray(self.X, dtype=np.float64)
        y = np.asarray(self.y, dtype=np.int64)
        ids = np.asarray(self.ids if len(self.ids) or not len(X) else np.arange(len(X)), dtype=np.int64)
        if X.ndim != 2 or X.shape[1] != self.schema.features:
            raise ShapeMismatch(
                f"features have shape {X.shape}, the schema has {self.schema.features} columns",
                fix="give one column per model input, in the schema's order",
            )
        if y.shape != (len(X),) or ids.shape != (len(X),):
            raise ShapeMismatch(
                f"{len(X)} rows, but labels have shape {y.shape} and identities {ids.shape}",
                fix="give one label and one identity per row",
            )
        for name, value in (("X", X), ("y", y), ("ids", ids)):
            view = value.view()
            view.flags.writeable = False
            object.__setattr__(self, name, view)

    def __len__(self) -> int:
        return len(self.X)

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.schema.classes)

    @cached_property
    def digest(self) -> str:
        """Content digest of rows, labels, identities, groups and schema."""
        return digest(self.X, self.y, self.ids, dict(self.groups), self.schema.digest)

    def take(self, rows: np.ndarray) -> Dataset:
        """Return the rows at the given positions or where a mask is true."""
        groups = {name: values[rows] for name, values in self.groups.items()}
        return replace(self, X=self.X[rows], y=self.y[rows], ids=self.ids[rows], groups=groups)

    def relabel(self, rows: np.ndarray, labels: np.ndarray) -> Dataset:
        """Return a copy in which the rows at the given positions carry ``labels``."""
        y = self.y.copy()
        y[rows] = labels
        return replace(self, y=y)

    def rewrite(self, rows: np.ndarray, X: np.ndarray) -> Dataset:
        """Return a copy in which the rows at the given positions hold the features ``X`` (m, d)."""
        features = self.X.copy()
        features[rows] = X
        return replace(self, X=features)

    def append(self, X: np.ndarray, y: np.ndarray) -> Dataset:
        """Return a copy with further rows, which get new identities and belong to no declared group."""
        start = int(self.ids.max()) + 1 if len(self) else 0
        ids = np.arange(start, start + len(X), dtype=np.int64)
        groups = {name: np.concatenate([values, np.full(len(X), "")]) for name, values in self.groups.items()}
        return replace(
            self,
            X=np.concatenate([self.X, X]),
            y=np.concatenate([self.y, y]),
            ids=np.concatenate([self.ids, ids]),
            groups=groups,
        )

    def changed_from(self, original: Dataset) -> int:
        """Return how many rows were changed, added or removed since ``original``, matched by identity."""
        shared, here, there = np.intersect1d(self.ids, original.ids, return_indices=True)
        same = (self.X[here] == original.X[there]).all(axis=1) & (self.y[here] == original.y[there])
        added, removed = len(self) - len(shared), len(original) - len(shared)
        return int((~same).sum()) + added + removed

    def found_in(self, other: Dataset) -> np.ndarray:
        """Return which rows occur in ``other`` with the same features and label, whatever their ids, (n,) bool."""
        mine = [row.tobytes() for row in np.column_stack([self.X, self.y])]
        wanted = set(mine)
        there = {key for row in np.column_stack([other.X, other.y]) if (key := row.tobytes()) in wanted}
        return np.array([key in there for key in mine], dtype=bool)

    def frame(self) -> polars.DataFrame:
        """Return the features as a Polars frame with the columns' names; categories as their text."""
        return to_frame(self.schema, self.X)


def nothing() -> Dataset:
    """Return a data set without rows and columns: that of a system without a model."""
    return Dataset(np.empty((0, 0)), np.empty(0, dtype=np.int64), Schema((), ()))


def to_frame(schema: Schema, X: np.ndarray) -> polars.DataFrame:
    """Return ``X`` (n, d) as a Polars frame with the columns' names, whole numbers as integers, categories as text."""
    import polars as pl

    data: dict[str, object] = {}
    for index, column in enumerate(schema.columns):
        values = X[:, index]
        if column.kind == "category" and column.categories:
            codes = np.clip(values.astype(np.int64), 0, len(column.categories) - 1)
            data[column.name] = np.asarray(column.categories, dtype=object)[codes].tolist()
        elif column.kind in ("integer", "boolean"):
            data[column.name] = np.rint(values).astype(np.int64)
        else:
            data[column.name] = values
    return pl.DataFrame(data)
