"""Schema: what is known of each input column, and what an attacker may do to it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from casemate.core.digests import digest

Role = Literal["feature", "quasi-identifier", "sensitive", "identifier", "target", "ignored"]
Kind = Literal["number", "integer", "boolean", "category"]

MODEL_INPUT_ROLES: tuple[Role, ...] = ("feature", "quasi-identifier", "sensitive")


@dataclass(frozen=True)
class Column:
    """One model input.

    Args:
        name: its name in the data set.
        role: what it is to a person in the data.
        kind: how its values may look. A category is held as its index into ``categories``.
        low, high: the closed range of its values, in the column's own unit.
        immutable: whether the world stops an attacker from changing it.
        one_hot: the name of the one-hot group that it belongs to; exactly one column of a group is 1.
        categories: the values that the codes of a category stand for.
    """

    name: str
    role: Role = "feature"
    kind: Kind = "number"
    low: float = 0.0
    high: float = 1.0
    immutable: bool = False
    one_hot: str | None = None
    categories: tuple[str, ...] = ()


@dataclass(frozen=True)
class Schema:
    """The model's inputs in order, its classes, and the geometry of a sample.

    Args:
        columns: the model inputs, one per feature.
        classes: the names of the classes; class ``i`` is label ``i``.
        shape: the shape of one sample as the model sees it, for example ``(1, 8, 8)``; ``(d,)`` for a table.
        target: the name of the target column.
    """

    columns: tuple[Column, ...]
    classes: tuple[str, ...]
    shape: tuple[int, ...] = ()
    target: str = "target"

    def __post_init__(self) -> None:
        if not self.shape:
            object.__setattr__(self, "shape", (len(self.columns),))

    @property
    def features(self) -> int:
        """Number of model inputs."""
        return len(self.columns)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names, in order."""
        return tuple(column.name for column in self.columns)

    @property
    def is_image(self) -> bool:
        """Whether a sample has rows and columns of pixels: shape (height, width) or (channels, height, width)."""
        return len(self.shape) in (2, 3)

    @cached_property
    def low(self) -> np.ndarray:
        """Lower ends of the columns' ranges, (d,)."""
        return np.array([column.low for column in self.columns], dtype=np.float64)

    @cached_property
    def high(self) -> np.ndarray:
        """Upper ends of the columns' ranges, (d,)."""
        return np.array([column.high for column in self.columns], dtype=np.float64)

    @cached_property
    def span(self) -> np.ndarray:
        """Widths of the columns' ranges, (d,); 1 where a range has no width, so that one may divide by it."""
        width = self.high - self.low
        return np.where(width > 0, width, 1.0)

    @cached_property
    def mutable(self) -> np.ndarray:
        """Which columns an attacker may change, (d,) bool."""
        return np.array([not c.immutable and c.high > c.low for c in self.columns], dtype=bool)

    @cached_property
    def integral(self) -> np.ndarray:
        """Which columns hold whole numbers only, (d,) bool."""
        return np.array([column.kind != "number" for column in self.columns], dtype=bool)

    @cached_property
    def one_hot_groups(self) -> tuple[np.ndarray, ...]:
        """Column indices of each one-hot group."""
        names = sorted({c.one_hot for c in self.columns if c.one_hot is not None})
        return tuple(np.flatnonzero([c.one_hot == name for c in self.columns]) for name in names)

    @cached_property
    def digest(self) -> str:
        """Content digest."""
        return digest([repr(column) for column in self.columns], self.classes, self.shape, self.target)

    def to_unit(self, X: np.ndarray) -> np.ndarray:
        """Map ``X`` (n, d) from its own units to the unit box, where radii are measured."""
        return np.asarray((X - self.low) / self.span)

    def from_unit(self, U: np.ndarray) -> np.ndarray:
        """Map ``U`` (n, d) from the unit box to its own units."""
        return np.asarray(U * self.span + self.low)

    def project(self, X: np.ndarray, origin: np.ndarray) -> np.ndarray:
        """Return the possible rows nearest to ``X`` (n, d) that an attacker starting at ``origin`` (n, d) can reach.

        Values are clipped to their range, whole numbers rounded, one-hot groups set to their largest member, and
        immutable columns restored.
        """
        out = np.clip(X, self.low, self.high)
        if self.integral.any():
            out = np.where(self.integral, np.clip(np.rint(out), np.ceil(self.low), np.floor(self.high)), out)
        for group in self.one_hot_groups:
            if self.mutable[group].all():
                winner = np.argmax(X[:, group], axis=1)
                out[:, group] = 0.0
                out[np.arange(len(out)), group[winner]] = 1.0
            else:
                out[:, group] = origin[:, group]
        return np.where(self.mutable, out, origin)

    def possible(self, X: np.ndarray, origin: np.ndarray, tolerance: float = 1e-6) -> np.ndarray:
        """Return for each row of ``X`` (n, d) whether an attacker starting at ``origin`` can reach it, (n,) bool.

        ``tolerance`` is a share of each column's range and covers rounding to float32 and back.
        """
        finite = np.isfinite(X).all(axis=1)
        X = np.where(np.isfinite(X), X, origin)
        slack = tolerance * self.span
        fine = ((self.low - slack <= X) & (self.high + slack >= X)) | ~self.mutable
        fine &= self.mutable | (np.abs(X - origin) <= slack)
        fine &= ~self.integral | (np.abs(X - np.rint(X)) <= 1e-6) | ~self.mutable
        ok = np.asarray(fine.all(axis=1) & finite)
        for group in self.one_hot_groups:
            ok &= np.isclose(X[:, group].sum(axis=1), 1.0) & np.isclose(X[:, group].max(axis=1), 1.0)
        return ok


def distance(schema: Schema, X: np.ndarray, origin: np.ndarray, norm: str) -> np.ndarray:
    """Return the distance of each row of ``X`` (n, d) to ``origin`` in the unit box, (n,).

    Args:
        norm: ``"linf"`` (largest change of a column, as a share of its range), ``"l2"`` or ``"l0"`` (columns changed).
    """
    delta = np.abs(schema.to_unit(X) - schema.to_unit(origin))
    match norm:
        case "linf":
            return np.asarray(delta.max(axis=1))
        case "l2":
            return np.asarray(np.sqrt((delta**2).sum(axis=1)))
        case "l0":
            return np.asarray((delta > 1e-9).sum(axis=1, dtype=np.float64))
    raise ValueError(f"unknown norm {norm!r}; use 'linf', 'l2' or 'l0'")
