"""Downcoding: read raw values back from generalised labels that were made no wider than they had to be."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from casemate.attacks.reidentification import twin
from casemate.attacks.reidentification.layers import leftovers
from casemate.core.access import Access
from casemate.core.attack import attack
from casemate.core.evidence import Evidence
from casemate.core.reading import Groups, Reading, group_rows, read
from casemate.core.target import Target

MOST_LABELS = 300


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
    bands, so the attacker can tell the two kinds of program apart. For each row it takes the column in which a blind
    guess is least likely to be right, free ranges first, and claims one end of the range, the rarest value of the
    set, or, in a group of bands that wraps others, the likeliest value outside them. The blind guess is the likeliest
    value within the label, each row being spread evenly over its own labels.

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
    common = [spread(reading) for reading in readings]
    wrapping = {} if any(free) else leftovers(readings, groups, np.unique(chosen), rng)
    columns, claims, blind = [], np.full(len(chosen), -1), np.full(len(chosen), -1)
    for at, group in enumerate(chosen.tolist()):
        j = _column(readings, common, free, groups, group)
        columns.append("" if j < 0 else readings[j].name)
        if j < 0:
            continue
        label = int(groups.labels[group, j])
        blind[at] = claims[at] = _likeliest(readings[j], common[j], label)
        if free[j]:
            claims[at] = _end(readings[j], common[j], label, rng)
        elif group in wrapping:
            claims[at] = int(wrapping[group][j])
    figures = {
        "rows with something to recover": float((claims >= 0).mean()),
        "columns whose labels overlap freely": float(sum(free)),
        "rows in groups that wrap others": float(np.isin(chosen, list(wrapping)).mean()),
    }
    return disclosure.recover(columns, claims, blind, figures)


def nested(reading: Reading) -> bool:
    """Whether of any two labels one holds the other or they share nothing, as in bands that were fixed beforehand.

    Looked at on the labels of most rows, `MOST_LABELS` of them.
    """
    m = reading.meanings
    used = np.argsort(-np.bincount(reading.label, minlength=len(m.labels)), kind="stable")[:MOST_LABELS]
    allowed = np.zeros((len(used), len(m.domain)), dtype=np.float32)
    for at, label in enumerate(used.tolist()):
        allowed[at, values_of(reading, label)] = 1
    shared = allowed @ allowed.T
    sizes = allowed.sum(axis=1)
    smaller = np.minimum(sizes[:, None], sizes[None, :])
    return bool(((shared == 0) | (shared == smaller)).all())


def spread(reading: Reading) -> np.ndarray:
    """Return how common each value is, (c,), each row being spread evenly over what its label may stand for."""
    m = reading.meanings
    rows = np.bincount(reading.label, minlength=len(m.labels)) / np.maximum(m.sizes, 1)
    if m.members is not None:
        return np.asarray(rows @ m.members)
    edges = np.zeros(len(m.domain) + 1)
    np.add.at(edges, m.low, rows)
    np.add.at(edges, m.high + 1, -rows)
    return np.maximum(np.cumsum(edges)[:-1], 0.0)


def values_of(reading: Reading, label: int) -> np.ndarray:
    """Return the codes that a label may stand for."""
    m = reading.meanings
    if m.members is not None:
        return np.flatnonzero(m.members[label])
    return np.arange(int(m.low[label]), int(m.high[label]) + 1)


def _column(
    readings: Sequence[Reading], common: Sequence[np.ndarray], free: Sequence[bool], groups: Groups, group: int
) -> int:
    """The column in which the likeliest value is least likely to occur in the group, free ranges first; -1 for none."""
    best, lowest = -1, (True, 2.0)
    for j, reading in enumerate(readings):
        values = values_of(reading, int(groups.labels[group, j]))
        if len(values) < 2:
            continue
        shares = common[j][values]
        chance = 1 - (1 - min(float(shares.max() / max(shares.sum(), 1e-300)), 1.0)) ** int(groups.sizes[group])
        if (not free[j], chance) < lowest:
            best, lowest = j, (not free[j], chance)
    return best


def _likeliest(reading: Reading, common: np.ndarray, label: int) -> int:
    values = values_of(reading, label)
    return int(values[common[values].argmax()])


def _end(reading: Reading, common: np.ndarray, label: int, rng: np.random.Generator) -> int:
    """One end of a range; of a set with gaps the rarest value."""
    m, values = reading.meanings, values_of(reading, label)
    if len(values) <= int(m.high[label]) - int(m.low[label]):
        return int(values[common[values].argmin()])
    return int(values[-1] if rng.integers(2) else values[0])
