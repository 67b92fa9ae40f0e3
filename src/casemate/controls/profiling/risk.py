"""Risk of being found: what an attacker who knows some columns of a person learns, from the sizes of classes.

Prosecutor: knows that the person is in the table. Journalist: does not know, and the table is a sample of a larger
population. Marketer: wants as many people as possible, not one.

Source: El Emam, "Guide to the De-Identification of Personal Health Information" (2013), chapters 15 to 18; Dankar & El
Emam, "A method for evaluating marketer re-identification risk", EDBT/ICDT Workshops 2010.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from casemate.controls.profiling.population import inverse_size, pitman

THRESHOLD = 0.2
"""Risk above which a row counts as exposed: a class of fewer than five rows."""

EDGES = (1, 2, 3, 4, 5, 10, 20, 50, 100)
"""Lower ends of the bins of class sizes."""


@dataclass(frozen=True)
class Population:
    """What is estimated for the population that the table is a sample of. Estimates, and they say so.

    Args:
        fraction: the share of the population that the table holds, in (0, 1].
        journalist_max: the highest risk of a row, in 0 to 1 (Benedetti & Franconi 1998).
        journalist_mean: the mean risk of a row, which is the marketer's share as well, in 0 to 1.
        unique: the share of the population that is unique in it, in 0 to 1 (Pitman model, Hoshino 2001); None where
            the model does not fit.
        sample_unique_also: the share of the table's unique rows that are unique in the population too, in 0 to 1.
    """

    fraction: float
    journalist_max: float
    journalist_mean: float
    unique: float | None
    sample_unique_also: float | None


@dataclass(frozen=True)
class Risk:
    """Exact figures for one set of columns.

    Args:
        rows: rows in the table.
        classes: different combinations of values.
        smallest: rows in the smallest class: the k of the table as it stands.
        unique: the share of rows that are alone in their class, in 0 to 1.
        highest: the highest prosecutor risk of a row, 1 over the smallest class.
        mean: the mean prosecutor risk of a row; also the share of rows that a marketer is expected to find.
        exposed: the share of rows whose prosecutor risk is above `THRESHOLD`.
        unseparated: the share of pairs of rows that the columns do not tell apart.
        histogram: the share of rows by the size of their class, in bins that begin at `EDGES`.
        population: estimates for the population, where the table is a sample.
    """

    rows: int
    classes: int
    smallest: int
    unique: float
    highest: float
    mean: float
    exposed: float
    unseparated: float
    histogram: tuple[float, ...]
    population: Population | None = None


def risk_of(sizes: np.ndarray, fraction: float | None = None) -> Risk:
    """Return the risk that classes of these sizes carry.

    Args:
        sizes: rows in each class, (classes,) int64, every one at least 1; at least one class.
        fraction: the share of the population that the table holds, in (0, 1]; None makes no estimate.
    """
    n = int(sizes.sum())
    small = sizes < 1 / THRESHOLD
    edges = np.array([*EDGES, np.iinfo(np.int64).max])
    binned = np.histogram(sizes, bins=edges, weights=sizes)[0] / n
    return Risk(
        rows=n,
        classes=len(sizes),
        smallest=int(sizes.min()),
        unique=float((sizes == 1).sum() / n),
        highest=float(1 / sizes.min()),
        mean=float(len(sizes) / n),
        exposed=float(sizes[small].sum() / n),
        unseparated=float((sizes * (sizes - 1.0)).sum() / (n * (n - 1.0))) if n > 1 else 0.0,
        histogram=tuple(float(share) for share in binned),
        population=_population(sizes, fraction) if fraction is not None else None,
    )


def _population(sizes: np.ndarray, fraction: float) -> Population:
    n = int(sizes.sum())
    sizes_seen, how_many = np.unique(sizes, return_counts=True)
    inverse = inverse_size(sizes_seen, fraction)
    rows_of = sizes_seen * how_many
    unique = pitman(sizes, round(n / fraction)) if fraction < 1 else float((sizes == 1).sum() / n)
    alone = float((sizes == 1).sum() / n)
    also = min(unique / alone, 1.0) * 1.0 if unique is not None and alone else None
    return Population(
        fraction=fraction,
        journalist_max=float(inverse.max()),
        journalist_mean=float((inverse * rows_of).sum() / n),
        unique=unique,
        sample_unique_also=also,
    )
