"""Downcoding: read raw values back from generalised labels that were made no wider than they had to be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from casemate.attacks.reidentification import twin
from casemate.attacks.reidentification.layers import leftovers
from casemate.attacks.reidentification.matching import candidates
from casemate.attacks.reidentification.written import end
from casemate.core.access import Access
from casemate.core.attack import attack
from casemate.core.disclosure import Disclosure
from casemate.core.evidence import Evidence
from casemate.core.reading import Groups, Reading, group_rows, places, read, resolution
from casemate.core.release import Meanings
from casemate.core.revelations import any_of
from casemate.core.target import Target

MOST_LABELS = 300
FEWEST = 20
"""People in wide ranges without whom nothing is said of their ends."""


@attack(
    "reidentification.downcoding",
    threat="downcoding",
    needs=Access(),
    requires=("release", "generalised"),
    twin=twin.tight_ranges,
)
def downcoding(target: Target) -> Evidence:
    """Claim that somebody in a group has a value that its label would not need if nobody had.

    A program that generalises no more than it must gives itself away in two places. A range that is as narrow as its
    rows allow ends at rows: somebody has the lowest value, and somebody the highest; a set lists values that somebody
    has. And where a program picks from fixed bands, whoever fitted a narrower group was published there: the rows of
    wider groups around it are elsewhere. Labels that overlap without one holding the other cannot come from fixed
    bands, so the attacker can tell the two kinds of program apart; and a third, which widens its labels on purpose, by
    the people whom it knows: hardly one of them then stands at an end, and the middle of a range says more.

    For each row the attacker takes the column in which a blind guess is least likely to be right, free ranges first,
    and claims one end of the range or the rarest value of the set; of widened labels the likeliest value near the
    middle; in a group of bands that wraps others the likeliest value outside them. The blind guess is the most common
    value within the label; how common values are is public.

    Source: Cohen, "Attacks on Deidentification's Defenses", USENIX Security 2022: every minimal hierarchical method
    falls to downcoding. Groups within wider ones: Chhillar, Righi, Sutter & Kornaropoulos, arXiv 2509.03350, on the
    greedy order of local recoding. Adapted: both recover whole records from a known hierarchy and program; here one
    value of a group at a time is claimed, which needs to know neither.
    """
    disclosure, rng = target.disclosure, target.common_rng
    readings = read(disclosure.published, disclosure.generalised)
    groups = group_rows(readings, len(disclosure.published))
    chosen = groups.of[disclosure.rows]
    free = [not nested(reading) for reading in readings]
    common = [disclosure.common(reading.name, reading.meanings.domain) for reading in readings]
    tight = ends_are_rows(disclosure)
    wrapping = {} if any(free) else leftovers(readings, groups, np.unique(chosen), rng)
    columns, claims = [], np.full(len(chosen), -1)
    for at, group in enumerate(chosen.tolist()):
        j = _column(readings, common, free, groups, group)
        columns.append("" if j < 0 else readings[j].name)
        if j < 0:
            continue
        label = int(groups.labels[group, j])
        claims[at] = _likeliest(readings[j], common[j], label, rng)
        if free[j]:
            # Where nobody can tell, a range of fewer values than rows is likely to hold its middle, another its ends.
            ends = readings[j].meanings.sizes[label] > groups.sizes[group] if tight is None else tight
            claims[at] = _free(readings[j], common[j], label, bool(ends), rng)
        elif group in wrapping:
            claims[at] = int(wrapping[group][j])
    figures = {
        "rows with something to recover": float((claims >= 0).mean()),
        "columns whose labels overlap freely": float(sum(free)),
        "ranges seem to end at rows": float("nan") if tight is None else float(tight),
        "rows in groups that wrap others": float(np.isin(chosen, list(wrapping)).mean()),
    }
    return disclosure.recover(columns, claims, figures)


def ends_are_rows(disclosure: Disclosure) -> bool | None:
    """Whether the people whom the attacker knows stand at the ends of ranges as if every range ended at rows.

    Looked at on the narrowest group that each of them fits, in ranges of more values than the group has rows. If both
    ends of a range are rows of a group of m, 2 / m of its people or more stand there; if ends mean nothing, 2 in as
    many as the range has values. Whichever is nearer is believed; None where there are too few people to tell.
    """
    known = disclosure.readings
    found = candidates(disclosure)
    groups = found.groups
    own = np.array([int(some[found.weight[some].argmax()]) for some in found.fitting], dtype=np.int64)
    seen, by_rows, by_chance, looked = 0, 0.0, 0.0, 0
    for j, reading in enumerate(known):
        if not reading.generalised:
            continue
        m, labels = reading.meanings, groups.labels[own, j]
        left, right = places(disclosure.people[reading.name], m.domain)
        low, high, size = m.low[labels], m.high[labels], m.sizes[labels]
        high = np.where((high == len(m.domain) - 1) & _misses(m), high - 1, high)
        width = np.maximum(_width(m, low, high), 1.0)
        wide = (size == high - low + 1) & (width > groups.sizes[own]) & (size < len(m.domain))
        seen += int((((left == low) | (right == high)) & wide).sum())
        by_rows += float(np.minimum(2 / groups.sizes[own][wide], 1).sum())
        by_chance += float(np.minimum(2 / width[wide], 1).sum())
        looked += int(wide.sum())
    return None if looked < FEWEST else seen >= (by_rows + by_chance) / 2


def _misses(m: Meanings) -> bool:
    """Whether the last code of a domain of numbers stands for a missing one."""
    return m.domain.dtype.kind == "f" and bool(np.isnan(m.domain[-1]))


def _width(m: Meanings, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """How many values there are between two codes; of numbers also those that nobody has."""
    if m.domain.dtype.kind != "f":
        return np.asarray(high - low + 1)
    return np.asarray((m.domain[high] - m.domain[low]) / resolution(m.domain) + 1)


def nested(reading: Reading) -> bool:
    """Whether of any two labels one holds the other or they share nothing, as in bands that were fixed beforehand.

    Looked at on the labels of most rows, `MOST_LABELS` of them.
    """
    m = reading.meanings
    used = np.argsort(-np.bincount(reading.label, minlength=len(m.labels)), kind="stable")[:MOST_LABELS]
    allowed = np.zeros((len(used), len(m.domain)), dtype=np.float32)
    for at, label in enumerate(used.tolist()):
        allowed[at, reading.meanings.values(label)] = 1
    shared = allowed @ allowed.T
    sizes = allowed.sum(axis=1)
    smaller = np.minimum(sizes[:, None], sizes[None, :])
    return bool(((shared == 0) | (shared == smaller)).all())


def _column(
    readings: Sequence[Reading], common: Sequence[np.ndarray], free: Sequence[bool], groups: Groups, group: int
) -> int:
    """The column in which the likeliest value is least likely to occur in the group, free ranges first; -1 for none.

    A label that allows the whole domain says nothing, not even where the domain ends, and is passed over.
    """
    best, lowest = -1, (True, 2.0)
    for j, reading in enumerate(readings):
        values = reading.meanings.values(int(groups.labels[group, j]))
        if not 1 < len(values) < len(reading.meanings.domain):
            continue
        shares = common[j][values]
        share = shares.max() / shares.sum() if shares.any() else 1 / len(values)
        chance = 1 - (1 - float(share)) ** int(groups.sizes[group])
        if (not free[j], chance) < lowest:
            best, lowest = j, (not free[j], chance)
    return best


def _likeliest(reading: Reading, common: np.ndarray, label: int, rng: np.random.Generator) -> int:
    values = reading.meanings.values(label)
    known = common[values]
    return int(values[known.argmax()]) if known.any() else any_of(reading.meanings.domain, values, rng)


def _free(reading: Reading, common: np.ndarray, label: int, tight: bool, rng: np.random.Generator) -> int:
    """The claim in a label that was not taken from bands.

    Of a range that ends at rows an end, else the likeliest value with the middle counting most; of a set with gaps the
    rarest value, else the likeliest.
    """
    m = reading.meanings
    values = m.values(label)
    if len(values) <= int(m.high[label]) - int(m.low[label]):
        return int(values[common[values].argmin() if tight else common[values].argmax()])
    if tight:
        return end(reading, label, upper=bool(rng.integers(2)))
    middle = 1 - np.abs(np.linspace(-1, 1, len(values) + 2)[1:-1])
    if common[values].any():
        return int(values[(common[values] * middle).argmax()])
    # Nobody knows which rare values there are; near the middle, then.
    return any_of(m.domain, values[len(values) // 4 : len(values) - len(values) // 4], rng)
