"""What attacks by labels stand on: which points near a row are answered wrongly, asked within the budget."""

from __future__ import annotations

from functools import cached_property

import numpy as np

from casemate.core.access import Norm
from casemate.core.dataset import Dataset
from casemate.core.request import REFUSED
from casemate.core.schema import distance
from casemate.core.target import Target

SMALLEST = 1e-300
"""Stands in for lengths of 0 that are divided by."""


class Oracle:
    """Asks the system about points, and keeps the nearest wrongly answered one of each row.

    Points are in the schema's unit box; ``rows`` (k,) int64 says which of the origin's rows each point (k, d) is for.

    Args:
        target: who is asked.
        origin: the rows to start from, (n, d); all are answered correctly.
        norm: how distances are measured.
        radius: what is near enough, in that norm.
        queries: what may be asked where the budget sets no limit.

    Attributes:
        home: the origin's rows, (n, d).
        movable: columns in which a row within the radius can differ, (d,) bool.
        left: queries still to be asked.
        nearest: distance of each row's nearest wrong answer so far, (n,); infinite before the first.
        best: those wrongly answered rows, (n, d), in the columns' own units.
    """

    def __init__(self, target: Target, origin: Dataset, norm: Norm, radius: float, queries: int) -> None:
        self.origin, self.schema, self.norm, self.radius = origin, origin.schema, norm, radius
        self._target = target
        self.home = self.schema.to_unit(origin.X)
        left = target.queries_left
        self.left = queries if left is None else left
        self.nearest = np.full(len(origin), np.inf)
        self.best = origin.X.copy()

    @cached_property
    def movable(self) -> np.ndarray:
        """Mutable columns, but for whole numbers that lie further apart than the radius and one-hot groups likewise."""
        movable = self.schema.mutable & ~(self.grain > self.radius * (1 + 1e-9))
        for group in self.schema.one_hot_groups:
            if self.radius < (1.0 if self.norm == "linf" else np.sqrt(2)):
                movable[group] = False
        return movable

    @cached_property
    def grain(self) -> np.ndarray:
        """Smallest change that shows in each column, (d,): one for whole numbers, else 0."""
        return np.where(self.schema.integral, 1 / self.schema.span, 0.0)

    @property
    def done(self) -> np.ndarray:
        """Rows that have a wrong answer within the radius, (n,) bool."""
        return np.asarray(self.nearest <= self.radius)

    def place(self, points: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Return the possible rows nearest to the points, (k, d) in the columns' own units."""
        points = np.where(self.movable, points, self.home[rows])
        return self.schema.project(self.schema.from_unit(points), self.origin.X[rows])

    def wrong(self, X: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Ask about placed rows; return which are answered, and wrongly, (k,) bool.

        What the budget does not hold is not asked, and counts as not wrong; so do refusals.
        """
        answer = np.zeros(len(X), dtype=bool)
        asked = min(len(X), self.left)
        if asked:
            labels = self._target.labels(X[:asked], rows[:asked])  # each row's attacker is another
            self.left -= asked
            answer[:asked] = (labels != self.origin.y[rows[:asked]]) & (labels != REFUSED)
        return answer

    def attempt(self, points: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Ask about points, remember each row's nearest wrong one, and return which are wrong, (k,) bool."""
        X = self.place(points, rows)
        answer = self.wrong(X, rows)
        far = distance(self.schema, X, self.origin.X[rows], self.norm)
        for k in np.flatnonzero(answer & (far < self.nearest[rows])):
            if far[k] < self.nearest[rows[k]]:
                self.nearest[rows[k]], self.best[rows[k]] = far[k], X[k]
        return answer

    def length(self, shift: np.ndarray) -> np.ndarray:
        """Return the lengths of shifts (k, d) in the norm, (k,); never 0, so that one may divide by them."""
        size = np.abs(shift).max(axis=1) if self.norm == "linf" else np.linalg.norm(shift, axis=1)
        return np.asarray(np.maximum(size, SMALLEST))

    def shrink(self, shift: np.ndarray, share: np.ndarray) -> np.ndarray:
        """Bring shifts (k, d) to a share (k,) of their length: l2 along the line, linf by cutting what sticks out."""
        if self.norm == "l2":
            return np.asarray(shift * share[:, None])
        limit = (share * self.length(shift))[:, None]
        return np.asarray(np.clip(shift, -limit, limit))

    def finished(self) -> np.ndarray:
        """Return the best rows, (n, d) in the columns' own units; those outside the radius pulled into it."""
        shift = self.schema.to_unit(self.best) - self.home
        pulled = self.home + self.shrink(shift, np.minimum(self.radius / self.length(shift), 1.0))
        return np.where(self.done[:, None], self.best, self.place(pulled, np.arange(len(self.best))))
