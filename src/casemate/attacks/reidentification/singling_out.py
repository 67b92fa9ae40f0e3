"""Singling out: describe one person so closely, from the release alone, that nobody else fits."""

from __future__ import annotations

import numpy as np

from casemate.attacks.reidentification import twin
from casemate.attacks.reidentification.blind import elsewhere, within
from casemate.attacks.reidentification.written import NOBODY, end
from casemate.core.access import Access
from casemate.core.attack import attack
from casemate.core.evidence import Evidence
from casemate.core.reading import Groups, Reading, group_rows
from casemate.core.release import Meanings
from casemate.core.target import Target


@attack(
    "reidentification.singling-out",
    threat="singling-out",
    needs=Access(),
    requires=("release", "readable"),
    twin=twin.raw_table,
)
def singling_out(target: Target) -> Evidence:
    """Describe published rows by what their labels allow, narrowed to one end of the widest label where several fit.

    A row that no other looks like is described by its labels. A group of rows that look alike is narrowed to the
    lowest or highest value of its widest range, or to one value of its largest set: where a range ends at a row's own
    value, somebody sits at the end, and in a wide range probably nobody else does. Descriptions speak of columns that
    can be known of people only.

    Some descriptions fit one person by luck, of which a release is innocent. Each is therefore set against a blind one
    of the same shape: a narrowed one against the same label narrowed to any value in it, another against as much in
    every column at random places. The blind ones know numbers from the lowest to the highest, and words that ten people
    or more have; which numbers and rare words occur is what the release tells.

    Source: predicate singling out, Cohen & Nissim, PNAS 117(15), 2020, and the singling-out risk of WP216; predicates
    from published rows and the blind baseline: Giomi et al. (anonymeter), PoPETs 2023. Adapted: anonymeter picks
    columns and comparison signs at random; here all known columns are used at once. Cohen & Nissim set the luck at
    1/e, that of the best description made without any data, and only count descriptions that almost nobody in the
    population fits; here luck is measured, for each description at its own place. Their proof that k-anonymity fails
    narrows a group by a random hash, which fits one person in 37 % of all groups; nobody can be recognised by a hash,
    so it is left out.
    """
    disclosure, rng = target.disclosure, target.common_rng
    readings = disclosure.readings
    groups = group_rows(readings, len(disclosure.published))
    chosen = groups.of[disclosure.rows]
    narrowed = _widest(readings, groups, chosen)
    informed, blind = {}, {}
    for j, reading in enumerate(readings):
        labels, narrow = groups.labels[chosen, j], narrowed == j
        informed[reading.name] = _narrowed(reading, labels, narrow, *_ends(reading, labels, rng))
        luck = _narrowed(reading, labels, narrow, *within(reading, labels, rng))
        moved = elsewhere(informed[reading.name], disclosure.common(reading.name, reading.meanings.domain), rng)
        blind[reading.name] = _chosen(narrowed >= 0, luck, moved)
    figures = {
        "descriptions that were narrowed": float((narrowed >= 0).mean()),
        "rows that look alike, median": float(np.median(groups.sizes[chosen])),
    }
    return disclosure.single_out(informed, blind, figures)


def _widest(readings: tuple[Reading, ...], groups: Groups, chosen: np.ndarray) -> np.ndarray:
    """Return the column to narrow in each description, (q,) int64; -1 for none.

    A label that allows the whole domain is not narrowed: it says nothing, not even where the domain ends.
    """
    sizes = np.column_stack([r.meanings.sizes[groups.labels[chosen, j]] for j, r in enumerate(readings)])
    sizes = np.where(sizes == [len(r.meanings.domain) for r in readings], 1, sizes)
    widest = sizes.argmax(axis=1)
    pointless = (groups.sizes[chosen] == 1) | (sizes.max(axis=1) == 1)
    return np.where(pointless, -1, widest)


def _ends(reading: Reading, labels: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The lower or the upper end of each label, by the toss of a coin, as a range of codes: two (q,), first and last.

    Where nobody has the value that the label writes there, the last comes before the first, and nothing fits.
    """
    upper = rng.integers(2, size=len(labels)) > 0
    code = np.array([end(reading, int(label), upper=up) for label, up in zip(labels, upper, strict=True)], np.int64)
    return np.where(code == NOBODY, 1, code), np.where(code == NOBODY, 0, code)


def _narrowed(
    reading: Reading, labels: np.ndarray, narrow: np.ndarray, first: np.ndarray, last: np.ndarray
) -> Meanings:
    """Return what each label allows; where it is to be narrowed, the given codes alone."""
    m = reading.meanings
    low, high = np.where(narrow, first, m.low[labels]), np.where(narrow, last, m.high[labels])
    members = None
    if m.members is not None:
        members = m.members[labels].copy()
        members[narrow] = False
        members[narrow, first[narrow]] = True
    return Meanings(m.domain, tuple(map(str, range(len(labels)))), low.astype(np.int32), high.astype(np.int32), members)


def _chosen(first: np.ndarray, one: Meanings, other: Meanings) -> Meanings:
    """Return the descriptions of ``one`` where ``first``, else those of ``other``."""
    low, high = np.where(first, one.low, other.low), np.where(first, one.high, other.high)
    members = None
    if one.members is not None or other.members is not None:
        members = np.where(first[:, None], _listed(one), _listed(other))
    return Meanings(one.domain, one.labels, low, high, members)


def _listed(told: Meanings) -> np.ndarray:
    """The values that each description allows, (q, c) bool."""
    if told.members is not None:
        return told.members
    codes = np.arange(len(told.domain))
    return np.asarray((codes >= told.low[:, None]) & (codes <= told.high[:, None]))
