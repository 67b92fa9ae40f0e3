"""Quota: so many rows for each tenant and span of time, since a model can be rebuilt from enough of its answers."""

from __future__ import annotations

import math
import threading
import time
from pathlib import Path

from casemate.controls.encrypted_service.replay import Clock
from casemate.controls.encrypted_service.state_file import opened
from casemate.core.errors import QuotaSpent

_TABLE = "CREATE TABLE IF NOT EXISTS spent (tenant TEXT PRIMARY KEY, span INTEGER, rows INTEGER) WITHOUT ROWID"


class Quota:
    """Counts the rows of each tenant; refuses those over the limit.

    Spans follow one another from 1970 on, so that all processes agree on them; a tenant may spend two quotas around
    the end of one. A message counts with all rows that it could hold.

    Source: Juuti, Szyller, Marchal & Asokan, IEEE EuroS&P 2019 (queries that extraction takes).

    Args:
        rows: that a tenant may ask within a span.
        span: seconds.
        path: a file that keeps the count across restarts and processes; in memory where None.
        clock: seconds since 1970.
    """

    def __init__(
        self, rows: int = 100_000, span: float = 86_400, path: Path | None = None, clock: Clock = time.time
    ) -> None:
        self.rows = rows
        self.span = span
        self._clock = clock
        self._lock = threading.Lock()
        self._base = opened(path, _TABLE) if path else None
        self._held: dict[str, tuple[int, int]] = {}

    def spend(self, tenant: str, rows: int) -> None:
        """Count rows, all or none of them.

        Raises:
            QuotaSpent: they are more than the tenant has left; ``fix`` says when there will be more.
        """
        now = self._clock()
        span = math.floor(now / self.span)
        with self._lock:
            if self._base is None:
                self._held[tenant] = (span, self._sum(self._held.get(tenant), span, rows, now))
                return
            with self._base:
                self._base.execute("BEGIN IMMEDIATE")
                found = self._base.execute("SELECT span, rows FROM spent WHERE tenant = ?", (tenant,)).fetchone()
                total = self._sum(found, span, rows, now)
                self._base.execute("INSERT OR REPLACE INTO spent VALUES (?, ?, ?)", (tenant, span, total))

    def close(self) -> None:
        """Let go of the file."""
        if self._base is not None:
            self._base.close()

    def _sum(self, held: tuple[int, int] | None, span: int, rows: int, now: float) -> int:
        spent = held[1] if held and held[0] == span else 0
        if spent + rows > self.rows:
            raise QuotaSpent(
                f"{rows:,} rows, where {self.rows - spent:,} of {self.rows:,} are left",
                why="a model can be rebuilt from enough of its answers",
                fix=f"ask again in {(span + 1) * self.span - now:.0f} s",
            )
        return spent + rows
