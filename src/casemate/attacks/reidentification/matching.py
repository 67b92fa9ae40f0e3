"""Matching: which published rows may be whose, from what the labels allow and what is known of people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from casemate.core.disclosure import Disclosure, Votes
from casemate.core.reading import Groups, Reading, group_rows, places

if TYPE_CHECKING:
    import polars


@dataclass(frozen=True, eq=False)
class Candidates:
    """The groups of published rows that each person fits.

    Args:
        groups: rows that look alike on what the attacker knows.
        fitting: the groups that fit each person, (p,) arrays of int64.
        weight: how likely a row of each group is to hold one given value rather than another that its labels allow,
            (g,) in (0, 1]: one over the number of combinations of values that they allow.
    """

    groups: Groups
    fitting: tuple[np.ndarray, ...]
    weight: np.ndarray

    def votes(self) -> Votes:
        """Return what the rows that fit say about each person, the narrowest labels loudest."""
        person = np.repeat(np.arange(len(self.fitting)), [len(groups) for groups in self.fitting])
        group = np.concatenate([*self.fitting, np.empty(0, dtype=np.int64)]).astype(np.int64)
        loudest = np.array([self.weight[groups].max(initial=1e-300) for groups in self.fitting])
        return Votes(self.groups.of, person, group, self.weight[group] / loudest[person])


def candidates(disclosure: Disclosure, people: polars.DataFrame | None = None) -> Candidates:
    """Return which groups of published rows fit each person; without ``people`` those whom the attacker is after.

    Whoever fits no row at all, because values were rounded or moved without saying so, fits the rows that agree in
    most columns, a number agreeing with its nearest neighbours.
    """
    readings = disclosure.readings
    groups = group_rows(readings, len(disclosure.published))
    known = disclosure.people if people is None else people
    return Candidates(groups, tuple(fits(readings, groups, known)), _weight(readings, groups))


def fits(readings: Sequence[Reading], groups: Groups, people: polars.DataFrame) -> list[np.ndarray]:
    """Return the groups that fit each person, ascending."""
    spots = [places(people[reading.name], reading.meanings.domain) for reading in readings]
    columns = [np.ascontiguousarray(groups.labels[:, j]) for j in range(len(readings))]
    return [
        _fitting(readings, columns, len(groups.sizes), [(int(left[at]), int(right[at])) for left, right in spots])
        for at in range(people.height)
    ]


def _fitting(
    readings: Sequence[Reading], columns: list[np.ndarray], count: int, spots: list[tuple[int, int]]
) -> np.ndarray:
    allowed = [reading.fits(*spot) for reading, spot in zip(readings, spots, strict=True)]
    order = sorted(range(len(readings)), key=lambda j: float(allowed[j].mean()))
    alive: np.ndarray | None = None
    for j in order:
        alive = np.flatnonzero(allowed[j][columns[j]]) if alive is None else alive[allowed[j][columns[j][alive]]]
    if alive is None:
        return np.arange(count)
    if len(alive):
        return alive
    agree = np.zeros(count, dtype=np.int64)
    for reading, column, (left, right) in zip(readings, columns, spots, strict=True):
        # A number between two codes has them in the wrong order: turned round, both neighbours fit.
        agree += reading.fits(min(left, right), max(left, right))[column]
    return np.flatnonzero(agree == agree.max())


def _weight(readings: Sequence[Reading], groups: Groups) -> np.ndarray:
    size = np.zeros(len(groups.sizes))
    for j, reading in enumerate(readings):
        size += np.log(np.maximum(reading.meanings.sizes[groups.labels[:, j]], 1))
    return np.asarray(np.exp(size.min(initial=0.0) - size))
