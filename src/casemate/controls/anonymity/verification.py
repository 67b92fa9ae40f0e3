"""What a table really guarantees: its k, l and t, measured from its groups and in no way from how they were made.

The definitions are those of pycanon (Sáinz-Pardo Díaz & López García, Scientific Data 2022), with several sensitive
columns each on its own: k-anonymity, distinct and entropy l-diversity, t-closeness with the ordered distance for values
with an order and that of equal distances for others. Rows that are not published do not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from casemate.controls.anonymity.grouping import Grouping, Guarantee
from casemate.controls.anonymity.packing import numbered
from casemate.core.errors import EmptyData, ShapeMismatch

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Anonymity:
    """What a table guarantees.

    Args:
        k: rows of the smallest group.
        groups: how many groups there are.
        l: different sensitive values in the poorest group; None where no column is sensitive.
        entropy_l: the exponential of the least entropy of a group's sensitive values.
        t: the largest distance between a group's sensitive values and all rows', in [0, 1].
    """

    k: int
    groups: int
    l: int | None = None  # noqa: E741
    entropy_l: float | None = None
    t: float | None = None

    def fulfils(self, guarantee: Guarantee) -> bool:
        """Tell whether the table holds a guarantee (up to rounding, 1e-6 of an entropy and 1e-9 of a distance)."""
        if self.k < guarantee.k:
            return False
        if not guarantee.sensitive:
            return True
        if self.l is None or self.entropy_l is None or self.t is None:
            return False
        diverse = self.entropy_l * (1 + 1e-6) if guarantee.entropy else self.l
        return diverse >= guarantee.l and (guarantee.t is None or self.t <= guarantee.t + 1e-9)


def verify(
    rows: Grouping | NDArray[np.integer],
    sensitive: NDArray[np.integer] | None = None,
    *,
    ordinal_sensitive: bool | Sequence[bool] = False,
) -> Anonymity:
    """Measure what a table guarantees.

    Args:
        rows: the groups; or the group of each row (below 0: not published), (n,); or the published quasi-identifiers as
            codes, (n, d), where equal rows form a group.
        sensitive: the sensitive columns as codes, (n,) or (n, s).
        ordinal_sensitive: whether the values of (each of) the sensitive columns have an order.

    Raises:
        EmptyData: no published row.
        ShapeMismatch: arrays that disagree.
    """
    given = rows.ids if isinstance(rows, Grouping) else np.asarray(rows)
    secret = np.zeros((len(given), 0), np.int64) if sensitive is None else np.asarray(sensitive)
    secret = secret[:, None] if secret.ndim == 1 else secret
    if len(secret) != len(given):
        raise ShapeMismatch(f"{len(given)} rows, but {len(secret)} rows of sensitive values")
    if given.ndim == 1 and len(given) and given.min() < 0:
        given, secret = given[given >= 0], secret[given >= 0]
    if len(given) == 0:
        raise EmptyData("no row is published", fix="suppress fewer rows, or weaken the guarantee")
    groups = numbered(given)
    sizes = np.bincount(groups)
    k, count, s = int(sizes.min()), len(sizes), secret.shape[1]
    if s == 0:
        return Anonymity(k, count)
    ordinal = np.broadcast_to(np.asarray(ordinal_sensitive), (s,))
    each = [_measured(groups, sizes, secret[:, j], bool(ordinal[j])) for j in range(s)]
    distinct, entropies, distances = zip(*each, strict=True)
    return Anonymity(k, count, min(distinct), float(np.exp(min(entropies))), max(distances))


def _measured(
    groups: Integers, sizes: Integers, secret: NDArray[np.integer], ordinal: bool
) -> tuple[int, float, float]:
    """Return a sensitive column's fewest values, least entropy and largest distance in a group."""
    codes = numbered(secret)
    totals = np.bincount(codes)
    cells, counts = _cells(groups * len(totals) + codes, len(sizes) * len(totals))
    owner, value = np.divmod(cells, len(totals))
    first = np.flatnonzero(np.diff(owner, prepend=-1))
    shares = counts / sizes[owner]
    entropies = -np.add.reduceat(shares * np.log(shares), first)
    distance = _ordered if ordinal else _equal
    t = distance(owner, value, shares, first, totals / len(groups))
    return int(np.diff(first, append=len(cells)).min()), float(entropies.min()), max(0.0, float(t.max()))


def _cells(keys: Integers, most: int) -> tuple[Integers, Integers]:
    """Return the distinct keys in order, and how often each occurs."""
    if most <= 4 * len(keys):
        counts = np.bincount(keys)
        cells = np.flatnonzero(counts)
        return cells, counts[cells]
    cells, counts = np.unique(keys, return_counts=True)
    return cells, counts


def _equal(
    _: Integers, value: Integers, shares: NDArray[np.float64], first: Integers, all_: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return each group's distance where all values lie equally far from each other: the shares that must move."""
    return np.asarray(np.add.reduceat(np.maximum(shares - all_[value], 0.0), first))


def _ordered(
    owner: Integers, value: Integers, shares: NDArray[np.float64], first: Integers, all_: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return each group's distance where neighbours lie 1 / (values - 1) apart.

    It is the sum of |G - F| over the values, for the group's and the table's cumulated shares G and F. G is constant
    from one value of the group to the next, and F crosses it once: each stretch is two differences of summed F.
    """
    values = len(all_)
    if values == 1:
        return np.zeros(len(first))
    F = np.cumsum(all_)
    summed = np.concatenate([[0.0], np.cumsum(F)])
    cumulated = np.cumsum(shares)
    G = cumulated - (cumulated[first] - shares[first])[owner]
    stop = np.append(value[1:], values)
    stop[first[1:] - 1] = values
    crossing = np.clip(np.searchsorted(F, G), value, stop)
    below = G * (crossing - value) - (summed[crossing] - summed[value])
    above = summed[stop] - summed[crossing] - G * (stop - crossing)
    return np.asarray((np.add.reduceat(below + above, first) + summed[value[first]]) / (values - 1))
