"""The epsilon ledger: what has been spent of each purpose's privacy budget. It refuses what would go over."""

from __future__ import annotations

import datetime
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from casemate.core.errors import BudgetSpent, LedgerBusy, LedgerUnreadable
from casemate.core.locking import PATIENCE, locked

Period = Literal["ever", "year", "month"]
_FIRST = "0" * 64
_SLACK = 1e-9  # sums of decimal fractions


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="kebab"):
    """One answer that was paid for.

    Args:
        at: when, UTC, ISO 8601.
        actor: who asked.
        dataset, purpose: whose budget.
        period: the period that it falls into, such as ``2026``; ``ever`` where budgets are not renewed.
        epsilon, delta: the price.
        question: what was asked, in words.
        previous: hash of the entry before.
        hash: hash of all the above.
    """

    at: str
    actor: str
    dataset: str
    purpose: str
    period: str
    epsilon: float
    delta: float
    question: str
    previous: str = _FIRST
    hash: str = ""

    def sealed(self) -> Entry:
        """Return the entry with its hash."""
        bare = msgspec.structs.replace(self, hash="")
        return msgspec.structs.replace(bare, hash=hashlib.sha256(msgspec.json.encode(bare)).hexdigest())


@dataclass(frozen=True)
class Budget:
    """What one purpose may spend on one data set.

    Args:
        dataset, purpose: whose budget.
        epsilon, delta: what may be spent in one period; losses add up (basic composition, Dwork & Roth 2014, 3.5).
        per: when it is renewed.
    """

    dataset: str
    purpose: str
    epsilon: float
    delta: float = 0.0
    per: Period = "ever"

    def period(self, at: datetime.datetime) -> str:
        """The period that a moment falls into."""
        return {"ever": "ever", "year": f"{at:%Y}", "month": f"{at:%Y-%m}"}[self.per]


class Ledger:
    """A file of entries, one JSON object per line, each holding the hash of the one before. It only grows.

    Whoever may delete the file can spend its budgets again: keep it where the askers cannot write, and hold its last
    hash, which every answer's lineage records, against it.

    Args:
        path: the file; it is made at the first entry.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def entries(self) -> list[Entry]:
        """Return every entry, oldest first.

        Raises:
            LedgerUnreadable: a line is damaged, or does not follow from the one before.
        """
        try:
            lines = self.path.read_bytes().splitlines(keepends=True)
        except FileNotFoundError:
            return []
        entries: list[Entry] = []
        for number, line in enumerate(lines, start=1):
            expected = entries[-1].hash if entries else _FIRST
            try:
                entry = msgspec.json.decode(line, type=Entry)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                raise self._damaged(number, f"it is no entry: {error}") from None
            if not line.endswith(b"\n") or entry.previous != expected or entry.sealed().hash != entry.hash:
                raise self._damaged(number, "it was changed, cut off, or an entry before it is missing")
            entries.append(entry)
        return entries

    def spent(self, budget: Budget, at: datetime.datetime) -> tuple[float, float]:
        """Return the epsilon and the delta spent of a budget in the period of ``at``."""
        mine = [
            entry
            for entry in self.entries()
            if (entry.dataset, entry.purpose, entry.period) == (budget.dataset, budget.purpose, budget.period(at))
        ]
        return sum(entry.epsilon for entry in mine), sum(entry.delta for entry in mine)

    def spend(
        self, budget: Budget, epsilon: float, delta: float, *, question: str, actor: str, at: datetime.datetime
    ) -> Entry:
        """Pay for an answer before it is given; return the entry.

        Two processes never spend the same remainder: the file is locked meanwhile.

        Raises:
            BudgetSpent: the budget does not hold it; nothing is written.
            LedgerBusy: another process kept it locked; nothing is written.
            LedgerUnreadable: the file is damaged; nothing is answered until somebody has looked.
            OSError: the file cannot be written.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with locked(self.path, self._busy()):
            entries = self.entries()
            gone, failed = self.spent(budget, at)
            if gone + epsilon > budget.epsilon * (1 + _SLACK) or failed + delta > budget.delta * (1 + _SLACK):
                raise _refused(budget, budget.period(at), (gone, failed), (epsilon, delta))
            entry = Entry(
                at=at.astimezone(datetime.UTC).isoformat(timespec="seconds"),
                actor=actor,
                dataset=budget.dataset,
                purpose=budget.purpose,
                period=budget.period(at),
                epsilon=epsilon,
                delta=delta,
                question=question,
                previous=entries[-1].hash if entries else _FIRST,
            ).sealed()
            self._append(msgspec.json.encode(entry) + b"\n")
        return entry

    def _append(self, line: bytes) -> None:
        """Add a line; where it cannot be written whole, the file is cut back to what it was."""
        with self.path.open("ab") as file:
            before = file.tell()
            try:
                file.write(line)
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                os.truncate(self.path, before)
                raise

    def _busy(self) -> LedgerBusy:
        return LedgerBusy(
            f"another process has been spending from the epsilon ledger for {PATIENCE:.0f} s",
            where=str(self.path),
            why="two answers at once could spend the same remainder",
            fix="wait for it, or end it, and ask again",
        )

    def _damaged(self, line: int, what: str) -> LedgerUnreadable:
        return LedgerUnreadable(
            f"the epsilon ledger cannot be trusted: {what}",
            where=f"{self.path}:{line}",
            why="what has been spent is unknown, so that nothing may be spent",
            fix="restore the file from a copy; the lineage of earlier answers names its last hash",
        )


def _refused(budget: Budget, period: str, gone: tuple[float, float], wanted: tuple[float, float]) -> BudgetSpent:
    left = max(0.0, budget.epsilon - gone[0]), max(0.0, budget.delta - gone[1])
    renewed = {"ever": "it is never renewed", "year": "it is renewed next year", "month": "it is renewed next month"}
    return BudgetSpent(
        f"the privacy budget of {budget.purpose!r} does not hold epsilon {wanted[0]:g} and delta {wanted[1]:g}: "
        f"{left[0]:.6g} and {left[1]:.6g} are left",
        where=f"{budget.dataset}, period {period}",
        why="each answer tells a little of every person, and these add up",
        fix=f"ask for less (--epsilon), or use an answer already given; {renewed[budget.per]}",
    )
