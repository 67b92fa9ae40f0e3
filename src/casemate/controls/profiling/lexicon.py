"""Lists of words that tell what a column holds: names of people, and values that columns of one kind share."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cache

from casemate.controls.profiling.hints import fold
from casemate.controls.profiling.names import FAMILY, GIVEN
from casemate.controls.profiling.places import SETS


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


def name_shares(tally: Counter[str]) -> NameShares:
    """Return how much of a column looks like names of people.

    Args:
        tally: how often each value occurs in some rows, at least one.
    """
    given, family = given_names(), family_names()
    one = two = full = several = 0
    for text, weight in tally.items():
        parts = fold(text).replace(",", " ").replace("'", "").split()
        if 1 <= len(parts) <= 2:
            one += weight * (parts[0] in given)
            two += weight * ("".join(parts) in family or parts[-1] in family)
        if 2 <= len(parts) <= 5:
            several += weight
            full += weight * any(part in given or part in family for part in parts)
    n = tally.total()
    return NameShares(one / n, two / n, full / n, several / n)


def set_shares(tally: Counter[str]) -> dict[str, float]:
    """Return, for each kind that has a list, the share of rows whose value is in it, above 0.

    Args:
        tally: how often each value occurs in some rows, at least one.
    """
    kinds_of, hits = _kinds_of(), Counter[str]()
    for text, weight in tally.items():
        for kind in kinds_of.get(fold(text).replace("-", " "), ()):
            hits[kind] += weight
    n = tally.total()
    return {kind: count / n for kind, count in hits.items()}


@cache
def given_names() -> frozenset[str]:
    """Return all listed given names, lower case, without accents."""
    return frozenset(name for listed in GIVEN.values() for name in listed.split())


@cache
def family_names() -> frozenset[str]:
    """Return all listed family names, lower case, without accents and blanks."""
    return frozenset(name for listed in FAMILY.values() for name in listed.split())


@cache
def _kinds_of() -> dict[str, tuple[str, ...]]:
    """Every listed value, with the kinds whose lists it is in."""
    kinds: dict[str, list[str]] = {}
    for kind, listed in SETS.items():
        for value in set(listed.replace("-", " ").split("|")):
            kinds.setdefault(value, []).append(kind)
    return {value: tuple(of) for value, of in kinds.items()}
