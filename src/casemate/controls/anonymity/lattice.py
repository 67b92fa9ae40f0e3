"""Full-domain generalisation: for every column one step of blur for all rows, the least that keeps the guarantee.

Steps of all columns form a lattice. What holds of a choice of steps holds of every wider one, and what fails fails for
every narrower one, so that most choices need no test (predictive tagging): Samarati, TKDE 2001; LeFevre, DeWitt &
Ramakrishnan, "Incognito", SIGMOD 2005; testing paths by halves: Kohlmayer et al., "Flash", PASSAT 2012.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from casemate.controls.anonymity.coding import Coded
from casemate.controls.anonymity.grouping import Grouping, Guarantee, check_rows
from casemate.controls.anonymity.ladders import Ladder, ladder
from casemate.controls.anonymity.rendering import Rendered, label_column
from casemate.controls.anonymity.tallies import Tally, tally
from casemate.core.errors import DataError, OutOfRange

MOST_CHOICES = 5_000_000
UNKNOWN, FAILS, HOLDS, TESTED = np.int8(0), np.int8(1), np.int8(2), np.int8(3)

Steps = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Bands:
    """What full-domain generalisation chose.

    Args:
        steps: the step of every column, 0 for its values as they are, (d,).
        grouping: rows by what they look like then; suppressed where too few do.
        ladders: the steps that there were.
        loss: share of the detail that is lost, mean over all rows and columns, suppressed rows as a whole, in [0, 1].
        tested: how many choices were tested, of how many.
        choices: how many there are.
    """

    steps: Steps
    grouping: Grouping
    ladders: tuple[Ladder, ...]
    loss: float
    tested: int
    choices: int


def lattice(
    coded: Coded,
    guarantee: Guarantee,
    *,
    sensitive: NDArray[np.integer] | None = None,
    ordinal_sensitive: Sequence[bool] = (),
    max_suppression: float = 0.0,
) -> Bands:
    """Return the choice of one step per column that loses least detail and keeps the guarantee.

    Args:
        coded: the quasi-identifiers; their hierarchies are the steps, see `ladders.ladder`.
        guarantee: what every published group must fulfil.
        sensitive, ordinal_sensitive: see `mondrian.mondrian`.
        max_suppression: share of the rows that may be left out because too few look like them.

    Raises:
        DataError: k above the number of rows, less diversity than asked for, or too many choices.
        OutOfRange: a share outside [0, 1).
    """
    n = len(coded.codes)
    check_rows(n, guarantee)
    if not 0 <= max_suppression < 1:
        raise OutOfRange(f"max_suppression is {max_suppression}", fix="choose a share from 0 up to, not with, 1")
    ladders = tuple(ladder(domain) for domain in coded.domains)
    counts = tally(coded, ladders, guarantee, sensitive, ordinal_sensitive)
    search = _Search(counts, int(max_suppression * n))
    steps, loss = search.best()
    return Bands(steps, counts.grouping(steps), ladders, loss, search.tested, search.state.size)


def render_bands(bands: Bands, coded: Coded) -> Rendered:
    """Return what is published: the name of its band for every value, suppressed rows left out."""
    rows = np.flatnonzero(bands.grouping.ids >= 0)
    columns, meanings = {}, {}
    for j, (chosen, step) in enumerate(zip(bands.ladders, bands.steps, strict=True)):
        name, meaning = chosen.domain.name, chosen.meanings(step)
        columns[name] = label_column(name, chosen.nodes[step][coded.codes[rows, j]], meaning.labels)
        meanings[name] = meaning
    return Rendered(rows, columns, meanings)


class _Search:
    """A search for the best choice, which remembers what is known of every choice."""

    def __init__(self, counts: Tally, room: int) -> None:
        shape = tuple(ladder.steps for ladder in counts.ladders)
        choices = int(np.prod([float(steps) for steps in shape]))
        if choices > MOST_CHOICES:
            raise DataError(
                f"{len(shape)} columns with {shape} steps make {choices} choices, of {MOST_CHOICES} at most",
                fix="leave columns or levels out, or take Mondrian",
            )
        self.counts, self.room, self.tested = counts, room, 0
        self.state = np.full(shape, UNKNOWN)
        self.least = reduce(np.add.outer, counts.column_losses)  # what a choice loses where no row is suppressed
        self.monotone = counts.monotone or room == 0
        self.best_loss, self.best_steps = np.inf, tuple(steps - 1 for steps in shape)

    def best(self) -> tuple[Steps, float]:
        """Return the best choice and what it loses."""
        self._test(self.best_steps)  # all rows alike: holds, or nothing does
        step = self._halve if self.monotone else self._test
        while (start := self._next(UNKNOWN)) is not None:
            step(start)
        while (start := self._next(HOLDS)) is not None:  # fewer suppressed rows may make a wider choice the better one
            self._test(start)
        return self.best_steps, float(self.best_loss)

    def _next(self, state: np.int8) -> Steps | None:
        """Return the choice in this state that may lose least, where that would be less than the best."""
        open_ = np.where(self.state == state, self.least, np.inf)
        place = int(open_.argmin())
        if open_.flat[place] >= self.best_loss:
            return None
        return tuple(int(step) for step in np.unravel_index(place, self.state.shape))

    def _halve(self, start: Steps) -> None:
        """Test a way from a choice up to one that is known to hold, by halves."""
        way = self._way(start)
        low, high = 0, len(way) - 1
        while low <= high:
            middle = (low + high) // 2
            if self._test(way[middle]):
                high = middle - 1
            else:
                low = middle + 1

    def _way(self, start: Steps) -> list[Steps]:
        way = [start]
        while True:
            wider = [
                (*way[-1][:j], way[-1][j] + 1, *way[-1][j + 1 :])
                for j in range(len(start))
                if way[-1][j] + 1 < self.state.shape[j]
            ]
            unknown = [steps for steps in wider if self.state[steps] == UNKNOWN]
            if not unknown:
                return way
            way.append(min(unknown, key=lambda steps: float(self.least[steps])))

    def _test(self, steps: Steps) -> bool:
        """Test a choice, and note what follows for others."""
        self.tested += 1
        suppressed, lost = self.counts.cost(steps)
        holds = suppressed <= self.room
        if holds:
            if lost < self.best_loss:
                self.best_loss, self.best_steps = lost, steps
            if self.monotone:
                wider = self.state[tuple(slice(step, None) for step in steps)]
                wider[wider == UNKNOWN] = HOLDS if self.room else TESTED  # without suppression wider is never better
        elif self.monotone:
            self.state[tuple(slice(None, step + 1) for step in steps)] = FAILS
        self.state[steps] = TESTED if holds else FAILS
        return holds
