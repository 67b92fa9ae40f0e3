"""Trace: what something touched, and where it came from, through columns, data sets, models, deployments, consumers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from casemate.lineage.web import KINDS, Direction, ThingKind, Web


@dataclass(frozen=True, eq=False)
class Reach:
    """What a search reached.

    Args:
        web: where it searched.
        roots: the numbers that it began with.
        direction: downstream: what they touched. upstream: where they came from.
        hops: how many edges away each number is, 0 for the roots, -1 for what was not reached, (n,) int32.
    """

    web: Web
    roots: tuple[int, ...]
    direction: Direction
    hops: np.ndarray

    def __len__(self) -> int:
        return int(self.hops.size and np.count_nonzero(self._nodes)) - len(self.roots)

    def of(self, kind: ThingKind) -> np.ndarray:
        """Return the numbers of a kind that were reached, the nearest first; the roots are left out.

        A data set is reached where any of its columns is.
        """
        if kind == "dataset":
            return self._datasets
        found = np.flatnonzero(self._nodes & (self.web.kinds == KINDS.index(kind)))
        found = found[~np.isin(found, self.roots)]
        return self._sorted(found, self.hops[found])

    @property
    def columns(self) -> np.ndarray:
        """Numbers of the columns that were reached, the nearest first."""
        return self.of("column")

    @cached_property
    def _nodes(self) -> np.ndarray:
        return self.hops >= 0

    @cached_property
    def distances(self) -> np.ndarray:
        """How far everything is, a data set being as far as the nearest of its columns, (n,) int32; -1 not reached."""
        far = np.where(self._nodes, self.hops, np.iinfo(np.int32).max)
        columns = np.flatnonzero(self._nodes & (self.web.owners > 0))
        np.minimum.at(far, self.web.owners[columns], self.hops[columns])
        return np.where(far == np.iinfo(np.int32).max, -1, far)

    @cached_property
    def _datasets(self) -> np.ndarray:
        """The data sets that were reached, but for the roots and, where a column is a root, its own."""
        own = [*self.roots, *(int(self.web.owners[root]) for root in self.roots)]
        found = np.flatnonzero((self.distances >= 0) & (self.web.kinds == KINDS.index("dataset")))
        found = found[~np.isin(found, own)]
        return self._sorted(found, self.distances[found])

    @staticmethod
    def _sorted(found: np.ndarray, far: np.ndarray) -> np.ndarray:
        return found[np.argsort(far, kind="stable")]


def search(web: Web, roots: Iterable[int], direction: Direction) -> Reach:
    """Return what is downstream or upstream of nodes, given by their numbers."""
    begin = tuple(dict.fromkeys(roots))
    started = [number for root in begin for number in web.start(root, direction)]
    return Reach(web, begin, direction, web.reach(started, direction))
