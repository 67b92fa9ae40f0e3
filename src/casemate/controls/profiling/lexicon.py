"""Lists of words that tell what a column holds: names of people, and values that columns of one kind share."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from casemate.controls.profiling.hints import fold
from casemate.controls.profiling.names import FAMILY, GIVEN
from casemate.controls.profiling.places import SETS

if TYPE_CHECKING:
    import polars

_MOST = 1000
"""Values looked up, the most frequent ones."""


@dataclass(frozen=True)
class NameShares:
    """How much of a column looks like names of people, by rows.

    Args:
        given: share of the rows that are a listed given name.
        family: share of the rows that are a listed family name.
        full: share of the rows of two to five words of which one is a listed name.
        several: share of the rows of two to five words.
    """

    given: float
    family: float
    full: float
    several: float


def name_shares(values: polars.Series, counts: polars.Series) -> NameShares:
    """Return how much of a column looks like names of people; the most frequent values speak for all.

    Args:
        values: different texts.
        counts: in how many rows each is.
    """
    words = [fold(text).replace(",", " ").replace("'", "").split() for text in values.head(_MOST).to_list()]
    weights = counts.head(_MOST).to_list()
    total = sum(weights) or 1
    given, family = given_names(), family_names()
    one = two = full = several = 0
    for parts, weight in zip(words, weights, strict=True):
        if 1 <= len(parts) <= 2:
            one += weight * (parts[0] in given)
            two += weight * ("".join(parts) in family or parts[-1] in family)
        if 2 <= len(parts) <= 5:
            several += weight
            full += weight * any(part in given or part in family for part in parts)
    return NameShares(one / total, two / total, full / total, several / total)


def set_share(kind: str, values: polars.Series, counts: polars.Series) -> float:
    """Return the share of rows whose value is listed for a kind, in 0 to 1."""
    listed = _sets()[kind]
    pairs = zip(values.head(_MOST).to_list(), counts.head(_MOST).to_list(), strict=True)
    hit = total = 0
    for text, weight in pairs:
        total += weight
        hit += weight * (fold(text).replace("-", " ") in listed)
    return hit / total if total else 0.0


@cache
def given_names() -> frozenset[str]:
    """Return all listed given names, lower case, without accents."""
    return frozenset(name for listed in GIVEN.values() for name in listed.split())


@cache
def family_names() -> frozenset[str]:
    """Return all listed family names, lower case, without accents and blanks."""
    return frozenset(name for listed in FAMILY.values() for name in listed.split())


@cache
def _sets() -> dict[str, frozenset[str]]:
    return {kind: frozenset(listed.replace("-", " ").split("|")) for kind, listed in SETS.items()}
