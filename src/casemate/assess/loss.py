"""Loss: how much less a released table tells than the raw one."""

from __future__ import annotations

import numpy as np

from casemate.core.reading import read
from casemate.core.release import Meanings, Release


def information_loss(raw: Release, release: Release) -> float:
    """Return the detail lost in the raw table's quasi-identifiers, in [0, 1]: 0 is the raw table, 1 tells nothing.

    The normalised certainty penalty (NCP): for each value the share of its column's domain that its label may stand
    for beside the value itself, by the width of the range for numbers, by how many values for words, averaged over
    columns and over the raw rows. A suppressed row, a dropped column and a pseudonym tell nothing. 0 where the table
    has no quasi-identifier.

    Source: Xu, Wang, Pei, Wang, Shi & Fu, KDD 2006.
    """
    names = raw.columns("quasi-identifier")
    if not names or not len(raw):
        return 0.0
    kept = {reading.name: reading for reading in read(release, names)}
    share = 1 - suppressed(raw, release)
    lost = [
        1 - share * (1 - float(penalty(kept[name].meanings)[kept[name].label].mean()))
        if name in kept and share
        else 1.0
        for name in names
    ]
    return float(np.mean(lost))


def penalty(meanings: Meanings) -> np.ndarray:
    """Return how little each label tells, (m,) in [0, 1]."""
    domain = meanings.domain
    if domain.dtype.kind == "f" and meanings.members is None:
        known = np.where(np.isnan(domain), np.nanmax(domain, initial=0.0), domain)
        width = float(known.max() - known.min()) if len(known) else 0.0
        return np.asarray(
            (known[meanings.high] - known[meanings.low]) / width if width else np.zeros(len(meanings.low))
        )
    return np.asarray((meanings.sizes - 1) / max(len(domain) - 1, 1))


def suppressed(raw: Release, release: Release) -> float:
    """Return the share of the raw rows that are left out."""
    return 1 - len(np.unique(release.rows)) / len(raw) if len(raw) else 0.0


def dropped(raw: Release, release: Release) -> tuple[str, ...]:
    """Return the raw table's columns that are left out."""
    return tuple(name for name in raw.table.columns if name not in release.table.columns)
