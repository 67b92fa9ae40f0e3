"""Ends of edges between columns: which numbers the names of a run's edges stand for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from casemate.core.errors import UnknownName, did_you_mean
from casemate.lineage.batch import Batch
from casemate.lineage.versions import Known

NOWHERE = 0
"""The target of an edge of a column that its run dropped."""

Verb = Literal["read", "wrote"]


class Ends(dict[str, dict[str, int]]):
    """The columns that may stand at one end of a run's edges, by data set and name; by "" where there is one data set.

    A column of the data set that is named; else of every one that has such a column; else of all. A name that is left
    empty at the written end means nowhere: the column was dropped.

    Args:
        batch: where columns that are not known yet are added.
        versions: the versions that the run read, or wrote.
        verb: which of both.
    """

    def __init__(self, batch: Batch, versions: list[Known], verb: Verb) -> None:
        super().__init__()
        self.batch = batch
        self.verb = verb
        self.touched: set[int] = set()
        self._all = versions
        self._named: dict[str, list[Known]] = {}
        for known in versions:
            self._named.setdefault(known.version.name, []).append(known)
        for name, some in self._named.items():
            if len(some) == 1:
                self[name] = some[0].columns
        if len(versions) == 1:
            self[""] = versions[0].columns

    def touch(self, datasets: Iterable[str]) -> None:
        """Note the data sets that edges name."""
        for name in datasets:
            if name in self:
                self.touched.update(known.id for known in (self._named[name] if name else self._all))

    def meant(self, dataset: str, column: str) -> tuple[int, ...]:
        """Return the numbers of the columns that an end means.

        Raises:
            UnknownName: there is no such data set or column.
        """
        if not column and self.verb == "wrote":
            return (NOWHERE,)
        some = self._named.get(dataset) if dataset else self._all
        if not some:
            raise UnknownName(
                f"an edge of the column {column!r} names the data set {dataset!r}, which its run never {self.verb}."
                f"{did_you_mean(dataset, self._named)}",
                fix=f"it {self.verb}: {', '.join(self._named) or 'nothing'}",
            )
        if len(some) > 1:
            some = [known for known in some if column in known.columns] or some
        self.touched.update(known.id for known in some)
        return tuple(known.column(self.batch, column) for known in some)
