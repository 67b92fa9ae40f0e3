"""Request and Prediction: what passes through a Guard, a batch of rows at a time."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from casemate.core.errors import ShapeMismatch

REFUSED = -1
"""The label of a row that was refused."""


_counting = threading.Lock()
_UNMARKED = np.zeros(0, dtype=bool)


class Memory(Protocol):
    """Counters that outlive a request; kept by whoever runs the Guard (a process, or Redis for many)."""

    def tally(self, key: str, rows: int, window: int = 0) -> np.ndarray:
        """Count ``rows`` more under ``key``; return the running total at each of them, (rows,) int64.

        ``window`` numbers the span of time that the count is for: a later one starts from zero and forgets the one
        before, and rows of an earlier one (a late request, a clock set back) count in the latest seen.
        """
        ...


@dataclass
class ProcessMemory:
    """Counters in this process, safe to share between threads.

    Args:
        totals: for each key, the latest window and its total; one entry per key, however many windows go by.
    """

    totals: dict[str, tuple[int, int]] = field(default_factory=dict)

    def tally(self, key: str, rows: int, window: int = 0) -> np.ndarray:
        """Count ``rows`` more under ``key`` in ``window``; return the running total at each of them."""
        with _counting:
            latest, before = self.totals.get(key, (window, 0))
            if window > latest:
                latest, before = window, 0
            self.totals[key] = latest, before + rows
        return np.arange(before + 1, before + rows + 1, dtype=np.int64)


@dataclass(frozen=True)
class FreshMemory:
    """No past: every row counts as a client's first. For measuring what honest clients meet."""

    def tally(self, key: str, rows: int, window: int = 0) -> np.ndarray:
        """Return ones."""
        return np.ones(rows, dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Request:
    """Rows that one client asks about at one moment.

    Args:
        X: features, (n, d) float64, in the columns' own units.
        client: who asks.
        clients: who asks each row, (n,) int64, where one batch joins several clients of that name.
        time: seconds since the epoch, or of the attack's own clock.
        memory: counters that outlive the request.
        refused, alarmed: per row, what controls have decided so far, (n,) bool.
        reasons: for each control that refused or alarmed, why; for the owner, no client sees them.

    Raises:
        ShapeMismatch: marks for another number of rows than there are.
    """

    X: np.ndarray
    client: str = "anonymous"
    clients: np.ndarray | None = None
    time: float = 0.0
    memory: Memory = field(default_factory=FreshMemory)
    refused: np.ndarray = field(default_factory=lambda: _UNMARKED)
    alarmed: np.ndarray = field(default_factory=lambda: _UNMARKED)
    reasons: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        rows = len(self.X)
        if self.refused is _UNMARKED and self.alarmed is _UNMARKED:
            blank = np.zeros(rows, dtype=bool)
            object.__setattr__(self, "refused", blank)
            object.__setattr__(self, "alarmed", blank)
            return
        if self.refused is self.alarmed:  # one mask for both would read as unmarked
            object.__setattr__(self, "alarmed", self.alarmed.copy())
        for name, given in (("refused", self.refused), ("alarmed", self.alarmed)):
            marks = len(given)
            if marks == 0:
                object.__setattr__(self, name, np.zeros(rows, dtype=bool))
            elif marks != rows:
                raise ShapeMismatch(
                    f"a request of {rows} rows has {marks} marks in {name!r}",
                    why="which rows are refused would be lost",
                    fix="keep the number of rows; refuse a row instead of dropping it",
                )

    @property
    def unmarked(self) -> bool:
        """Whether no control has marked a row yet: one blank mask then serves as both. False says nothing."""
        return self.refused is self.alarmed

    def __len__(self) -> int:
        return len(self.X)

    def tally(self, purpose: str, window: int = 0) -> np.ndarray:
        """Count every row for its client; return that client's running total at each row, (n,) int64.

        ``purpose`` keeps the counters of different controls apart; for ``window`` see `Memory.tally`.
        """
        key = f"{purpose}:{self.client}"
        if self.clients is None:
            return self.memory.tally(key, len(self), window)
        totals = np.empty(len(self), dtype=np.int64)
        order = np.argsort(self.clients, kind="stable")
        for rows in np.split(order, np.flatnonzero(np.diff(self.clients[order])) + 1):
            if len(rows):
                totals[rows] = self.memory.tally(f"{key}/{self.clients[rows[0]]}", len(rows), window)
        return totals

    def rewrite(self, X: np.ndarray) -> Request:
        """Return the request with sanitised features, one row for each that there was."""
        return replace(self, X=X)

    def refuse(self, rows: np.ndarray, control: str, reason: str) -> Request:
        """Return the request with the rows under the mask refused."""
        reasons = {**self.reasons, control: reason} if rows.any() else self.reasons
        return replace(self, refused=self.refused | rows, reasons=reasons)

    def alarm(self, rows: np.ndarray, control: str, reason: str) -> Request:
        """Return the request with an alarm raised on the rows under the mask; they are still answered."""
        reasons = {**self.reasons, control: reason} if rows.any() else self.reasons
        return replace(self, alarmed=self.alarmed | rows, reasons=reasons)


@dataclass(frozen=True, eq=False)
class Prediction:
    """The answer to a request.

    Args:
        labels: winning classes, (n,) int64; `REFUSED` where refused.
        scores: class probabilities, (n, classes); None where only labels are given; NaN where refused.
        refused, alarmed: per row, (n,) bool. Alarms are for the owner: no client sees them.
    """

    labels: np.ndarray
    scores: np.ndarray | None
    refused: np.ndarray
    alarmed: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def unmarked(self) -> bool:
        """Whether no row was refused and none raised an alarm; see `Request.unmarked`. False says nothing."""
        return self.refused is self.alarmed

    def labels_only(self) -> Prediction:
        """Return the prediction without scores."""
        return replace(self, scores=None)

    def rounded(self, decimals: int) -> Prediction:
        """Return the prediction with scores rounded to ``decimals``; labels stay those of the exact scores.

        Rounding can tie the winner with a class of a lower index, which a client's argmax would then take for the
        winner. There the winner's score is one step higher, so that scores never contradict a label they agreed with.
        """
        if self.scores is None:
            return self
        scores = np.round(self.scores, decimals)
        fooled = ~self.refused & (self.scores.argmax(axis=1) == self.labels) & (scores.argmax(axis=1) != self.labels)
        if fooled.any():
            winners = scores[fooled, self.labels[fooled]] + 10.0**-decimals
            scores[fooled, self.labels[fooled]] = np.round(winners, decimals)
        return replace(self, scores=scores)

    def refuse(self, rows: np.ndarray) -> Prediction:
        """Return the prediction with the answers under the mask withheld."""
        refused = self.refused | rows
        labels = np.where(refused, REFUSED, self.labels)
        scores = None if self.scores is None else np.where(refused[:, None], np.nan, self.scores)
        return replace(self, labels=labels, scores=scores, refused=refused)

    def alarm(self, rows: np.ndarray) -> Prediction:
        """Return the prediction with an alarm raised on the rows under the mask."""
        return replace(self, alarmed=self.alarmed | rows)
