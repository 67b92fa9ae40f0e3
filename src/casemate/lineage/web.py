"""Web: all edges of the lineage in memory, as arrays that a search follows in milliseconds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Literal

import numpy as np

from casemate.lineage.batch import Head, head_of
from casemate.store import Store, bulk

if TYPE_CHECKING:
    from sqlalchemy import Connection

Direction = Literal["downstream", "upstream"]
ThingKind = Literal["dataset", "column", "model", "deployment", "consumer"]

TABLES: dict[ThingKind, str] = {
    "dataset": "dataset_version",
    "column": "dataset_column",
    "model": "model_version",
    "deployment": "deployment",
    "consumer": "consumer",
}
KINDS: tuple[ThingKind, ...] = tuple(TABLES)
NONE = len(KINDS)
"""The kind of a number that is no node: a text, a detail, a job."""

SMALL = 64
"""A frontier of less than one in so many nodes is sorted; a larger one is found by looking at all nodes."""


@dataclass(frozen=True, eq=False)
class Web:
    """The graph of everything that was recorded, n numbers wide.

    An edge from a whole data set leaves from all of its columns, one to a whole data set enters all of them; a data set
    is therefore two nodes: its number where edges enter, and a hub beyond the last number where they leave.

    Args:
        head: the end of the chain when it was read.
        kinds: what each number is, as a place in `KINDS`, or `NONE`, (n,) uint8.
        owners: the data set of each column, else 0, (n,) int64.
        sources, targets, details: of every edge, in the order in which they were recorded, (m,) int64.
        entries, last_edges: the entries, and the last edge of each, (e,) int64.
    """

    head: Head
    kinds: np.ndarray
    owners: np.ndarray
    sources: np.ndarray
    targets: np.ndarray
    details: np.ndarray
    entries: np.ndarray
    last_edges: np.ndarray

    @classmethod
    def read(cls, store: Store) -> Web:
        """Read the whole graph."""
        with store.reading() as connection:
            head = head_of(connection)
            kinds = np.full(head.last_id + 1, NONE, np.uint8)
            owners = np.zeros(head.last_id + 1, np.int64)
            for place, kind in enumerate(KINDS):
                owner = "dataset" if kind == "column" else "0"
                ids, sets = _numbers(connection, f'SELECT id, {owner} FROM "{TABLES[kind]}" ORDER BY id', 2)  # noqa: S608
                kinds[ids] = place
                owners[ids] = sets
            _, sources, targets, details = _numbers(
                connection, "SELECT id, source, target, detail FROM edge ORDER BY id", 4
            )
            entries, last_edges = _numbers(connection, "SELECT id, last_edge FROM entry ORDER BY id", 2)
        return cls(head, kinds, owners, sources, targets, details, entries, last_edges)

    def reach(self, roots: Iterable[int], direction: Direction) -> np.ndarray:
        """Return how many steps away each number is, the roots 0, those that are not reached -1, (n,) int32."""
        index, far = self._downstream if direction == "downstream" else self._upstream
        hops = np.full(len(index) - 1, -1, np.int32)
        frontier = np.unique(np.asarray(list(roots), np.int64))
        hops[frontier] = 0
        step = 0
        while len(frontier):
            step += 1
            reached = far[_spans(index, frontier)]
            reached = reached[hops[reached] < 0]
            hops[reached] = step
            frontier = np.unique(reached) if len(reached) < len(hops) // SMALL else np.flatnonzero(hops == step)
        return hops[: len(self.kinds)]

    def start(self, node: int, direction: Direction) -> list[int]:
        """Return what a search from a node begins with: for a data set, all of its columns too."""
        if self.kinds[node] != KINDS.index("dataset"):
            return [node]
        columns = np.flatnonzero(self.owners == node).tolist()
        hub = int(self._hubs[node])
        return [node, *columns, *([hub] if hub else [])]

    def entry_of(self, edges: np.ndarray) -> np.ndarray:
        """Return the entries that recorded edges, given by their places, (m,)."""
        found: np.ndarray = self.entries[np.searchsorted(self.last_edges, edges + 1)]
        return found

    @cached_property
    def _hubs(self) -> np.ndarray:
        """The number of each data set's hub, 0 where no edge leaves the data set as a whole, (n,)."""
        hubs = np.zeros(len(self.kinds), np.int64)
        leaving = np.unique(self.sources[self.kinds[self.sources] == KINDS.index("dataset")])
        hubs[leaving] = len(self.kinds) + np.arange(len(leaving))
        return hubs

    @cached_property
    def _links(self) -> tuple[np.ndarray, np.ndarray, int]:
        hubs = self._hubs
        real = self.targets > 0
        sources = np.where(hubs[self.sources] > 0, hubs[self.sources], self.sources)[real]
        columns = np.flatnonzero(self.owners)
        leaving = columns[hubs[self.owners[columns]] > 0]
        sets = np.flatnonzero(hubs)
        starts = (sources, self.owners[columns], leaving, sets)
        ends = (self.targets[real], columns, hubs[self.owners[leaving]], hubs[sets])
        return np.concatenate(starts), np.concatenate(ends), len(self.kinds) + len(sets)

    @cached_property
    def _downstream(self) -> tuple[np.ndarray, np.ndarray]:
        starts, ends, n = self._links
        return _rows(starts, ends, n)

    @cached_property
    def _upstream(self) -> tuple[np.ndarray, np.ndarray]:
        starts, ends, n = self._links
        return _rows(ends, starts, n)


def _numbers(connection: Connection, query: str, width: int) -> list[np.ndarray]:
    """The columns of a query that gives whole numbers."""
    rows = chain.from_iterable(bulk.select(connection, query, "casemate_web"))
    table = np.fromiter(rows, np.int64).reshape(-1, width)
    return [np.ascontiguousarray(column) for column in table.T]


def _rows(starts: np.ndarray, ends: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Edges as compressed sparse rows: where each node's begin, (n + 1,), and where they lead, (m,) int32."""
    order = np.argsort(starts, kind="stable")
    index = np.zeros(n + 1, np.int64)
    np.cumsum(np.bincount(starts, minlength=n), out=index[1:])
    return index, ends[order].astype(np.int32 if n < 2**31 else np.int64)


def _spans(index: np.ndarray, frontier: np.ndarray) -> np.ndarray:
    """The places of all edges that leave a frontier."""
    first = index[frontier]
    counts = index[frontier + 1] - first
    before = np.cumsum(counts) - counts
    spread: np.ndarray = np.repeat(first - before, counts) + np.arange(counts.sum())
    return spread
