"""Frequency attack: read pseudonyms by how often each occurs, and beside what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from casemate.attacks.reidentification import twin
from casemate.core.access import Access
from casemate.core.attack import attack
from casemate.core.disclosure import Disclosure
from casemate.core.evidence import Evidence
from casemate.core.reading import places
from casemate.core.revelations import counts
from casemate.core.target import Target

if TYPE_CHECKING:
    import polars

MOST_MATCHED = 500
"""Distinct values up to which all are matched at once; beyond, by rank."""
MOST_BESIDE = 50
"""Distinct values of a column that is read beside the pseudonyms."""


@attack(
    "reidentification.frequency",
    threat="pseudonym-frequency",
    needs=Access(population=True),
    requires=("release", "pseudonyms"),
    twin=twin.plain_pseudonyms,
)
def frequency(target: Target) -> Evidence:
    """Match the pseudonyms of a column with its values so that counts agree best with what is known of the population.

    The attacker takes the pseudonymous column of fewest values, and knows from a census how common the values are, and
    how they go with the other columns that are published as they are. Pseudonyms and values are assigned one to one
    so that the counts, alone and beside the column that tells most, are likeliest (Hungarian method); above 500 values
    by rank alone. What is counted is what is read right beyond naming the most common value every time.

    Source: Naveed, Kamara & Wright, CCS 2015 (frequency analysis and optimal matching on property-preserving
    encryption). Adapted: the cost of an assignment is a likelihood of joint counts instead of a distance of
    frequencies, for which sorting would be optimal already.
    """
    import polars as pl

    disclosure = target.disclosure
    published = disclosure.published.table
    column = min(disclosure.pseudonyms, key=lambda name: (published[name].n_unique(), name))
    beside = _beside(disclosure, column)
    census = disclosure.census(column, *([beside] if beside else []))
    axis = [] if beside is None else census[beside].cast(pl.String).fill_null("").unique().sort().to_list()
    pseudonyms, seen = _counts(published, column, beside, axis)
    values, known = _counts(census, column, beside, axis)
    claims = dict(zip(pseudonyms, values, strict=False))  # by rank: both are sorted by count
    if max(len(pseudonyms), len(values)) <= MOST_MATCHED:
        places = _matched(seen, known)
        claims = {pseudonyms[p]: values[v] for p, v in zip(*places, strict=True)}
    figures = {"distinct pseudonyms": float(len(pseudonyms)), "columns read beside": float(beside is not None)}
    return disclosure.decipher(column, claims, values[0], figures)


def _beside(disclosure: Disclosure, column: str) -> str | None:
    """The column that tells most about ``column`` among those that are published as they are; None where none tells."""
    table = disclosure.published.table
    few = [name for name in disclosure.plain if table[name].n_unique() <= MOST_BESIDE]
    told = {name: _information(disclosure.census(column, name), column, name) for name in few}
    best = max(told, key=lambda name: told[name], default=None)
    return best if best is not None and told[best] > 0 else None


def _information(census: polars.DataFrame, column: str, other: str) -> float:
    """Mutual information of two columns, in nats."""
    import polars as pl

    axis = census[other].cast(pl.String).fill_null("").unique().sort().to_list()
    joint = _counts(census, column, other, axis)[1]
    share = joint / max(joint.sum(), 1.0)
    apart = share.sum(axis=1, keepdims=True) * share.sum(axis=0, keepdims=True)
    some = share > 0
    return float((share[some] * np.log(share[some] / apart[some])).sum())


def _counts(
    table: polars.DataFrame, column: str, beside: str | None, axis: Sequence[str]
) -> tuple[list[str], np.ndarray]:
    """Return the values of a column, the commonest first, and how often each occurs beside each of ``axis``, (v, a)."""
    import polars as pl

    text = table[column].cast(pl.String).fill_null("")
    counted = counts(text)
    names: list[str] = counted["value"].to_list()
    if beside is None:
        return names, counted["count"].to_numpy().astype(np.float64)[:, None]
    # A value of the other column that the census never saw stands beside nothing.
    at = places(text, np.array(names, dtype=object))[0]
    other = places(table[beside].cast(pl.String).fill_null(""), np.array(axis, dtype=object))[0]
    both = np.zeros((len(names), len(axis)))
    np.add.at(both, (at[other >= 0], other[other >= 0]), 1.0)
    return names, both


def _matched(seen: np.ndarray, known: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return pseudonyms and values, by position, assigned so that the counts (p, a) are likeliest given (v, a).

    Counts are taken as Poisson, with half an observation more for what the census may have missed.
    """
    from scipy.optimize import linear_sum_assignment

    expected = (known + 0.5) * (seen.sum() / max(known.sum(), 1.0))
    cost = expected.sum(axis=1)[None, :] - seen @ np.log(expected).T
    rows, columns = linear_sum_assignment(cost)
    return rows, columns
