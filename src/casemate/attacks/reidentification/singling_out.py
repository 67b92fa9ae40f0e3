"""Singling out: describe one person so closely, from the release alone, that nobody else fits."""

from __future__ import annotations

import numpy as np

from casemate.attacks.reidentification import twin
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
    of the same shape: a narrowed one against the same label narrowed to any of its values, another against as many
    values in every column at random places.

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
        informed[reading.name] = _at_one(reading, labels, narrow, _ends(reading, labels, rng))
        anywhere = _at_one(reading, labels, narrow, _any(reading, labels, rng))
        blind[reading.name] = _chosen(narrowed >= 0, anywhere, _moved(informed[reading.name], rng))
    figures = {
        "descriptions that were narrowed": float((narrowed >= 0).mean()),
        "rows that look alike, median": float(np.median(groups.sizes[chosen])),
    }
    return disclosure.single_out(informed, blind, figures)


def _widest(readings: tuple[Reading, ...], groups: Groups, chosen: np.ndarray) -> np.ndarray:
    """Return the column to narrow in each description, (q,) int64; -1 for none."""
    sizes = np.column_stack([r.meanings.sizes[groups.labels[chosen, j]] for j, r in enumerate(readings)])
    widest = sizes.argmax(axis=1)
    pointless = (groups.sizes[chosen] == 1) | (sizes.max(axis=1) == 1)
    return np.where(pointless, -1, widest)


def _ends(reading: Reading, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The lowest or the highest value of each label, by the toss of a coin, (q,)."""
    m = reading.meanings
    return np.asarray(np.where(rng.integers(2, size=len(labels)) > 0, m.high[labels], m.low[labels]))


def _any(reading: Reading, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Any value of each label, all alike likely, (q,)."""
    m = reading.meanings
    if m.members is None:
        return np.asarray(rng.integers(m.low[labels], m.high[labels] + 1))
    allowed = m.members[labels]
    return np.asarray(np.where(allowed, rng.random(allowed.shape), -1.0).argmax(axis=1))


def _at_one(reading: Reading, labels: np.ndarray, narrow: np.ndarray, value: np.ndarray) -> Meanings:
    """Return what each label allows, the given value alone where it is to be narrowed."""
    m = reading.meanings
    low, high = np.where(narrow, value, m.low[labels]), np.where(narrow, value, m.high[labels])
    members = None
    if m.members is not None:
        members = m.members[labels].copy()
        members[narrow] = False
        members[narrow, value[narrow]] = True
    return Meanings(m.domain, tuple(map(str, range(len(labels)))), low.astype(np.int32), high.astype(np.int32), members)


def _chosen(first: np.ndarray, one: Meanings, other: Meanings) -> Meanings:
    """Return the descriptions of ``one`` where ``first``, else those of ``other``."""
    members = None
    if one.members is not None and other.members is not None:
        members = np.where(first[:, None], one.members, other.members)
    low, high = np.where(first, one.low, other.low), np.where(first, one.high, other.high)
    return Meanings(one.domain, one.labels, low, high, members)


def _moved(told: Meanings, rng: np.random.Generator) -> Meanings:
    """Return descriptions that allow as many values, at random places."""
    c = len(told.domain)
    if told.members is not None:
        order = rng.permuted(np.tile(np.arange(c), (len(told.labels), 1)), axis=1)
        members = order < told.sizes[:, None]
        low, high = members.argmax(axis=1), c - 1 - members[:, ::-1].argmax(axis=1)
        return Meanings(told.domain, told.labels, low.astype(np.int32), high.astype(np.int32), members)
    width = told.high - told.low
    low = rng.integers(0, c - width).astype(np.int32)
    return Meanings(told.domain, told.labels, low, low + width)
