"""Tallies: how many rows share their values, so that a choice of steps is tested on distinct rows only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from casemate.controls.anonymity.closeness import fulfilled, limits
from casemate.controls.anonymity.coding import Coded
from casemate.controls.anonymity.gathering import make_rules
from casemate.controls.anonymity.grouping import Grouping, Guarantee
from casemate.controls.anonymity.ladders import Ladder
from casemate.controls.anonymity.rules import Rules

CHUNK = 1 << 22  # cells of a table of groups and sensitive values


@dataclass(frozen=True, eq=False)
class Tally:
    """The distinct rows of a table, and what they become.

    Args:
        ladders: the steps of every column.
        codes: the distinct rows, (u, d).
        sizes: how many rows each stands for, (u,).
        row: which distinct row each row of the table is, (n,).
        secrets: the sensitive values of every row of the table, as one code over all columns, (n, s).
        rules: what groups must fulfil.
    """

    ladders: tuple[Ladder, ...]
    codes: NDArray[np.integer]
    sizes: NDArray[np.int64]
    row: NDArray[np.int64]
    secrets: NDArray[np.int64]
    rules: Rules

    @property
    def monotone(self) -> bool:
        """Whether a wider choice never suppresses more rows: groups that merge stay large and diverse enough.

        Not so for closeness and entropy: a group that fulfils them may merge with one that does not.
        """
        return self.rules.guarantee.t is None and not (self.rules.guarantee.entropy and self.secrets.shape[1])

    @cached_property
    def column_losses(self) -> list[NDArray[np.float64]]:
        """What each step of each column loses over all rows, as a share of all columns' detail, (steps,) each."""
        d, n = len(self.ladders), int(self.sizes.sum())
        return [
            np.array([(loss[self.codes[:, j]] * self.sizes).sum() for loss in ladder.losses]) / (n * d)
            for j, ladder in enumerate(self.ladders)
        ]

    def groups(self, steps: Sequence[int]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return the group of each distinct row, (u,), and which groups fulfil the guarantee."""
        key = np.zeros(len(self.codes), dtype=np.int64)
        room = 1
        for j, (ladder, step) in enumerate(zip(self.ladders, steps, strict=True)):
            width = int(ladder.nodes[step].max()) + 1
            if room > (1 << 62) // width:
                key = np.unique(key, return_inverse=True)[1].astype(np.int64)
                room = len(self.codes)
            key, room = key * width + ladder.nodes[step][self.codes[:, j]], room * width
        _, of = np.unique(key, return_inverse=True)
        sizes = np.bincount(of, weights=self.sizes).astype(np.int64)
        good = sizes >= self.rules.guarantee.k
        if self.secrets.shape[1]:
            good[good] = self._diverse(of, sizes, np.flatnonzero(good))
        return of, good

    def cost(self, steps: Sequence[int]) -> tuple[int, float]:
        """Return how many rows a choice suppresses, and what it loses, suppressed rows wholly."""
        of, good = self.groups(steps)
        gone = np.flatnonzero(~good[of])
        n, d = int(self.sizes.sum()), len(self.ladders)
        lost = sum(float(losses[step]) for losses, step in zip(self.column_losses, steps, strict=True))
        spared = np.zeros(len(gone))  # detail that the steps alone would have left in suppressed rows
        for j, (ladder, step) in enumerate(zip(self.ladders, steps, strict=True)):
            spared += 1.0 - ladder.losses[step][self.codes[gone, j]]
        return int(self.sizes[gone].sum()), lost + float((spared * self.sizes[gone]).sum()) / (d * n)

    def grouping(self, steps: Sequence[int]) -> Grouping:
        """Return the groups of all rows of the table; those of groups that fail are suppressed."""
        of, good = self.groups(steps)
        numbers = np.where(good, np.cumsum(good) - 1, -1).astype(np.int32)
        return Grouping(numbers[of][self.row], int(good.sum()))

    def _diverse(self, of: NDArray[np.int64], sizes: NDArray[np.int64], asked: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell which of the groups ``asked`` for are diverse and close enough."""
        values = len(self.rules.counts)
        place = np.full(len(sizes), -1)
        place[asked] = np.arange(len(asked))
        at = place[of][self.row]
        good = np.zeros(len(asked), dtype=np.bool_)
        most, width = limits(self.rules), max(1, CHUNK // max(values, 1))
        for start in range(0, len(asked), width):
            stop = min(start + width, len(asked))
            inside = (at >= start) & (at < stop)
            cells = (at[inside] - start)[:, None] * values + self.secrets[inside]
            counts = np.bincount(cells.ravel(), minlength=(stop - start) * values).reshape(-1, values)
            good[start:stop] = fulfilled(counts, sizes[asked[start:stop]], self.rules, most)
        return good


def tally(
    coded: Coded,
    ladders: tuple[Ladder, ...],
    guarantee: Guarantee,
    sensitive: NDArray[np.integer] | None,
    ordinal_sensitive: Sequence[bool],
) -> Tally:
    """Return the distinct rows of a table.

    Raises:
        DataError: see `gathering.make_rules`.
    """
    codes = coded.codes
    secrets = np.zeros((len(codes), 0), np.int64) if sensitive is None else np.asarray(sensitive).astype(np.int64)
    rules = make_rules(
        guarantee,
        rows=len(codes),
        low=codes.min(axis=0),
        high=codes.max(axis=0),
        sensitive_counts=[np.bincount(column) for column in secrets.T],
        ordinal_sensitive=list(ordinal_sensitive) or False,
    )
    secrets = secrets + rules.starts[:-1] if guarantee.sensitive else secrets[:, :0]
    first, row, sizes = _distinct(codes, coded.sizes)
    return Tally(ladders, codes[first], sizes, row, secrets, rules)


def _distinct(
    codes: NDArray[np.integer], widths: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Return the first row of each kind, the kind of each row, and how many there are of each kind."""
    key = np.zeros(len(codes), dtype=np.int64)
    room = 1
    for j, width in enumerate(widths.tolist()):
        if room > (1 << 62) // width:
            key = np.unique(key, return_inverse=True)[1].astype(np.int64)
            room = len(codes)
        key, room = key * width + codes[:, j], room * width
    _, first, row, sizes = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
    return first, row, sizes
