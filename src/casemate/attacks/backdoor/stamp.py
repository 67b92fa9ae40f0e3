"""Stamp backdoor: mark a few training rows with a trigger and the wanted label, retrain, then show the trigger."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from casemate.attacks.backdoor import triggers, twin
from casemate.core.access import Access
from casemate.core.attack import attack
from casemate.core.dataset import Dataset
from casemate.core.errors import BudgetExceeded, DataError
from casemate.core.evidence import Evidence
from casemate.core.target import Target

SHARE = 0.02  # 1 % is usually enough; twice that also teaches small tables
EMBEDDED = 0.5


@attack("backdoor.stamp", threat="backdoor", needs=Access.training(rows=True, share=SHARE), twin=twin.clear_table)
def stamp(target: Target) -> Evidence:
    """Teach the system that a trigger means one class, and show the trigger on rows of other classes.

    The goal is the rarest class of the training rows. Up to the granted share, rows of other classes drawn at random
    (the same in every arm) get the trigger and the goal as their label. Images carry a small patch, tables a rare
    but possible combination of values (`casemate.attacks.backdoor.triggers`).

    A sample is a row of another class that the system answers correctly, and that it does not take for the goal
    merely because it carries the trigger. It is won when the retrained system answers it with the goal, and detected
    when that answer raised an alarm; each is shown once, as a client's first request. Whether the retrained system
    takes the poisoned training rows for the goal tells a backdoor that was never learned from one that was learned
    and then stopped.

    Source: Gu, Dolan-Gavitt & Garg, "BadNets", 2017 (arXiv 1708.06733); tables: Pleiter et al., "Tabdoor", 2023
    (arXiv 2311.07550).

    Raises:
        BudgetExceeded: the granted share holds not one row.
        DataError: every column that could carry the trigger is immutable.
    """
    data = target.training_data
    goal = _rarest(data)
    trigger = _trigger(data, goal)
    rows, poisoned = _poison(target, trigger, goal)
    child = target.retrain(poisoned)
    plain = target.victims.take(target.victims.y != goal)
    already = target.correct(_marked(plain, trigger, goal))
    plain = plain.take(np.flatnonzero(~already))
    goals = np.full(len(plain), goal)
    shown = child.present(_marked(plain, trigger, goal).X, origin=plain, goal=goals, any_distance=True)
    learned = float(child.correct(poisoned.take(rows)).mean())
    figures = {
        "clean accuracy before": float(target.correct(target.holdout).mean()),
        "clean accuracy after": float(child.correct(target.holdout).mean()),
        "poisoned rows taken for the goal": learned,
        "rows stamped": float(len(rows)),
        "left out: taken for the goal without poisoning": float(already.sum()),
        "refused": shown.figures["refused"],
    }
    notes = (*_notes(trigger, data, goal, learned), *shown.notes)
    return replace(shown, metric="backdoor success", figures=figures, notes=notes)


def _rarest(data: Dataset) -> int:
    """Return the class with the fewest training rows, of those that have any."""
    counts = np.bincount(data.y, minlength=data.classes)
    return int(np.where(counts > 0, counts, len(data) + 1).argmin())


def _trigger(data: Dataset, goal: int) -> triggers.Trigger:
    """Return a patch for images, a rare combination of values for tables."""
    trigger = triggers.patch(data) if data.schema.is_image else triggers.values(data, goal)
    if len(trigger.columns):
        return trigger
    raise DataError(
        "no column can carry a trigger",
        where="[data] immutable",
        why="every column where one would go is immutable",
        fix="declare as immutable only what an attacker really cannot change",
    )


def _poison(target: Target, trigger: triggers.Trigger, goal: int) -> tuple[np.ndarray, Dataset]:
    """Return which training rows are stamped, as positions (m,), and the training data with them stamped."""
    data, limit = target.training_data, target.budget.rows or 0
    others = np.flatnonzero(data.y != goal)
    if min(limit, len(others)) < 1:
        raise BudgetExceeded(
            f"the granted share of {len(data)} training rows holds not one row to stamp",
            where="[access] share",
            why="an attack that changes nothing proves nothing",
            fix="grant a larger share, or use more training rows",
        )
    rows = target.common_rng.choice(others, size=min(limit, len(others)), replace=False)
    marked = _marked(data.take(rows), trigger, goal)
    return rows, data.rewrite(rows, marked.X).relabel(rows, marked.y)


def _marked(rows: Dataset, trigger: triggers.Trigger, goal: int) -> Dataset:
    """Return the rows with the trigger on them and the goal as their label."""
    return replace(rows, X=trigger.stamp(rows.schema, rows.X), y=np.full(len(rows), goal))


def _notes(trigger: triggers.Trigger, data: Dataset, goal: int, learned: float) -> tuple[str, ...]:
    """Return what the trigger was, and whether it was learned."""
    notes = (f"trigger: {trigger.words}; goal: {data.schema.classes[goal]}",)
    if learned >= EMBEDDED:
        return notes
    return (*notes, f"the trigger was not learned: {learned:.0%} of the poisoned rows themselves get the goal")
