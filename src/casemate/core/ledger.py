"""Ledger: what an attack has spent of its budget; it refuses whatever would go over."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from casemate.core.access import Budget
from casemate.core.errors import BudgetExceeded
from casemate.core.evidence import Spent


@dataclass
class Ledger:
    """Counts on behalf of one attack on one arm.

    Args:
        budget: what may be spent; ``queries`` already holds the smaller of both query limits.
        clock: monotonic seconds.
    """

    budget: Budget
    queries: int = 0
    rows: int = 0
    passes: int = 0
    trainings: int = 0
    references: int = 0
    refusals: int = 0
    alarms: int = 0
    started: float = field(default_factory=time.perf_counter)
    paused: float = 0.0

    def ask(self, rows: int) -> None:
        """Count queries. Raises BudgetExceeded before any is asked that the budget does not hold."""
        self.check_time()
        self._check("queries", self.queries + rows, self.budget.queries)
        self.queries += rows

    def change(self, rows: int) -> None:
        """Count training rows; the largest single poisoning counts, since each starts from the clean data."""
        self._check("changed training rows", rows, self.budget.rows)
        self.rows = max(self.rows, rows)

    def train(self, *, reference: bool) -> None:
        """Count one training."""
        self.check_time()
        if reference:
            self._check("reference models", self.references + 1, self.budget.references)
            self.references += 1
        self.trainings += 1

    def pass_through(self, rows: int) -> None:
        """Count rows put through a white-box network."""
        self.check_time()
        self.passes += rows

    def check_time(self) -> None:
        """Raise BudgetExceeded when the seconds are used up."""
        limit = self.budget.seconds
        if limit is not None and self.seconds > limit:
            raise BudgetExceeded(
                f"the attack was not done within the {limit:g} seconds that it was granted",
                where="[access] seconds",
                why="what it would have found on a faster machine is unknown, so nothing counts as held",
                fix="grant more seconds, or fewer samples or queries",
            )

    @property
    def seconds(self) -> float:
        """Wall-clock seconds of the attacker's own, without the time that the owner and the harness took."""
        return time.perf_counter() - self.started - self.paused

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Stop the clock while the owner's system is built and while the harness measures."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.paused += time.perf_counter() - started

    def spent(self) -> Spent:
        """Return what was spent so far."""
        return Spent(
            self.queries, self.rows, round(self.seconds, 3), self.passes, self.trainings, self.refusals, self.alarms
        )

    @staticmethod
    def _check(what: str, wanted: float, limit: float | None) -> None:
        if limit is not None and wanted > limit:
            raise BudgetExceeded(
                f"the attack asked for {wanted:g} {what}, its budget holds {limit:g}",
                where="[access]",
                fix="plan within target.budget and target.queries_left, or grant a larger budget",
            )
