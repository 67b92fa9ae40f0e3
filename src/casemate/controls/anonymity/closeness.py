"""Whether the sensitive values of groups are diverse and close enough, in exact whole numbers.

Distinct and entropy l-diversity (Machanavajjhala et al., TKDD 2007, definition 4.1), t-closeness with the earth mover's
distance, ordered or of equal distances, over the values that occur (Li, Li & Venkatasubramanian, ICDE 2007, section 4).
With c of a group's m rows and C of the table's n rows holding a value, the distances are compared as sums of |c n - C
m|; entropies as sums of c log2 c from one table in fixed point: the answer does not depend on the order of a sum.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from casemate.controls.anonymity.rules import FIXED, Rules
from casemate.core.errors import DataError


def limits(rules: Rules) -> NDArray[np.float64]:
    """Return the largest sum of |c n - C m| that is close enough, per row of a group, by sensitive column, (s,)."""
    t = rules.guarantee.t
    if t is None:
        return np.full(len(rules.ordinal), np.inf)
    present = np.concatenate([[0], np.cumsum(rules.counts > 0)])
    values = np.diff(present[rules.starts])
    return np.where(rules.ordinal, t * np.maximum(values - 1, 1), 2.0 * t) * float(rules.rows)


def least_entropy(rules: Rules) -> float:
    """Return log2 l, in fixed point."""
    return math.log2(rules.guarantee.l) * FIXED


def check_whole(rules: Rules) -> None:
    """Refuse a guarantee that the whole table misses: every smaller group would miss it too.

    Raises:
        DataError: the table is less diverse than its groups should be, or too fine for exact sums.
    """
    if not len(rules.starts) > 1:
        return
    most = int(np.diff(rules.starts).max())
    if most * rules.rows > (1 << 62) // max(rules.rows, 1):
        raise DataError(
            f"a sensitive column of {most} values over {rules.rows} rows is too fine for exact t-closeness",
            fix="round its values, or group them into bands",
        )
    sizes = np.array([rules.rows], dtype=np.int64)
    if not fulfilled(rules.counts[None, :], sizes, rules, limits(rules))[0]:
        raise DataError(
            f"not even all {rules.rows} rows together hold l = {rules.guarantee.l:g} sensitive values",
            why="a group cannot be more diverse than the table that it is part of",
            fix="lower l, or leave the column out of the sensitive ones",
        )


def fulfilled(
    counts: NDArray[np.int64], sizes: NDArray[np.int64], rules: Rules, most: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Tell which groups are diverse and close enough in every sensitive column.

    Args:
        counts: rows of each group by sensitive value, columns side by side, (g, values).
        sizes: rows of each group, (g,).
        rules: the table's rules.
        most: `limits` of the rules.
    """
    good = np.ones(len(sizes), np.bool_)
    for column, (start, stop) in enumerate(zip(rules.starts[:-1], rules.starts[1:], strict=True)):
        mine = counts[:, start:stop]
        if rules.guarantee.entropy:
            good &= _diverse(mine, sizes, rules)
        elif rules.guarantee.l > 1:
            good &= (mine > 0).sum(axis=1) >= rules.guarantee.l
        if rules.guarantee.t is not None:
            moved = mine * rules.rows - rules.counts[start:stop] * sizes[:, None]
            if rules.ordinal[column]:
                moved = np.cumsum(moved, axis=1)
            moved = np.abs(moved) * (rules.counts[start:stop] > 0)
            good &= moved.sum(axis=1).astype(np.float64) <= most[column] * sizes
    return good


def _diverse(counts: NDArray[np.int64], sizes: NDArray[np.int64], rules: Rules) -> NDArray[np.bool_]:
    """Tell whether m log2 m - sum c log2 c >= m log2 l, with one unit of rounding for each value."""
    spread = rules.entropies[sizes] - rules.entropies[counts].sum(axis=1)
    slack = (counts > 0).sum(axis=1) + 1
    return np.asarray((spread + slack).astype(np.float64) >= sizes * least_entropy(rules))
