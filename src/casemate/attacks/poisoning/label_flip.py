"""Label-flip poisoning: relabel one neighbourhood of the training rows, retrain, measure what was lost."""

from __future__ import annotations

import numpy as np

from casemate.attacks.poisoning import twin
from casemate.core.access import Access
from casemate.core.attack import attack
from casemate.core.errors import BudgetExceeded
from casemate.core.evidence import Evidence
from casemate.core.target import Target

SHARE = 0.10  # what one annotator in ten can do
CHUNK = 1 << 22  # values held at once while distances are measured


@attack(
    "poisoning.label-flip",
    threat="data-poisoning",
    needs=Access.training(labels=True, share=SHARE),
    twin=twin.nearest_neighbour,
)
def label_flip(target: Target) -> Evidence:
    """Give a neighbourhood of the largest class another class's label, all of it, up to the granted share.

    Flips spread at random are outvoted by their neighbours: at 10 % they cost boosted trees and forests little or
    nothing. The same flips in one place leave no neighbour to outvote them, and any learner that fits the data
    learns them, so that about as much accuracy is lost as labels were flipped. Around a training row drawn from the
    largest class, the nearest rows of that class (columns scaled to unit variance) are given one other class; where
    the class has too few rows, the nearest rows of further classes follow. Every arm meets the same flips.

    Source: label noise as an attack: Biggio, Nelson & Laskov, ACML 2011 (PMLR 20:97-112). Flips in one
    subpopulation: Jagielski, Severi, Pousette Harger & Oprea, CCS 2021 (arXiv 2006.14026).

    Raises:
        BudgetExceeded: the granted share holds not one row.
    """
    data, rng, limit = target.training_data, target.common_rng, target.budget.rows or 0
    if limit < 1:
        raise BudgetExceeded(
            f"the granted share of {len(data)} training rows holds not one label",
            where="[access] share",
            why="nothing can be flipped, and an attack that changes nothing proves nothing",
            fix="grant a larger share, or use more training rows",
        )
    names, held = data.schema.classes, target.holdout
    largest = int(np.bincount(data.y, minlength=data.classes).argmax())
    goal = (largest + int(rng.integers(1, data.classes))) % data.classes
    centre, scale = data.X[rng.choice(np.flatnonzero(data.y == largest))], _deviation(data.X)
    far = _distance(data.X, centre, scale)
    # Nearest first, the largest class before any other; rows that already carry the goal's label are left out.
    order = np.lexsort((far, data.y != largest, data.y == goal))
    rows = order[: min(limit, int((data.y != goal).sum()))]
    before = target.correct(held)
    after = target.retrain(data.relabel(rows, np.full(len(rows), goal))).correct(held)
    near = (held.y == largest) & (_distance(held.X, centre, scale) <= far[rows].max())
    return Evidence.paired(
        "accuracy",
        before=before,
        after=after,
        ids=held.ids,
        figures={"labels flipped": float(len(rows))} | _nearby(before[near], after[near]),
        notes=(f"{len(rows)} of {len(data)} labels, around one row of {names[largest]!r}, became {names[goal]!r}",),
    )


def _deviation(X: np.ndarray) -> np.ndarray:
    """Return each column's standard deviation (d,); 1 where it never varies."""
    spread = X.std(axis=0)
    return np.where(spread > 0, spread, 1.0)


def _distance(X: np.ndarray, centre: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Return the squared distance (n,) of each row of ``X`` (n, d) to ``centre`` (d,), columns divided by ``scale``."""
    parts = np.array_split(X, 1 + X.size // CHUNK)
    return np.concatenate([(((part - centre) / scale) ** 2).sum(axis=1) for part in parts])


def _nearby(before: np.ndarray, after: np.ndarray) -> dict[str, float]:
    """Return the accuracy on the largest class's hold-out rows in the neighbourhood; nothing where it holds none."""
    if not len(before):
        return {}
    return {
        "accuracy in the neighbourhood before": float(before.mean()),
        "accuracy in the neighbourhood after": float(after.mean()),
    }
