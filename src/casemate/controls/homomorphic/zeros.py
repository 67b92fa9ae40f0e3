"""Encryptions of zero under a client's public key, which hide the weights that an answer was computed with.

With the public key (p0, p1), itself an encryption of zero, an encryption of zero is (u·p0 + e0, u·p1 + e1) for a
ternary u and errors e0 and e1 (Lyubashevsky, Peikert & Regev, EUROCRYPT 2010, section 3.2). Its second half looks
uniform to everybody who does not know u, the holder of the secret key included; added to weights times what the client
drew, it leaves nothing of them to be seen. Its first half is needed where there are answers only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from casemate.controls.homomorphic.errors_sampling import errors, ternary
from casemate.controls.homomorphic.modular_products import Factors, small_residues
from casemate.controls.homomorphic.transforms import to_values

if TYPE_CHECKING:
    from casemate.controls.homomorphic.context import Context


@dataclass(frozen=True, eq=False)
class Tails:
    """The second halves of encryptions of zero, and what the first halves follow from.

    Args:
        ternary: u by coefficients, (count, degree) int8.
        values: u by values at roots of unity, (count, primes, degree) uint64.
        tails: u·p1 + e1 by values at roots of unity, (count, primes, degree) uint64.
    """

    ternary: np.ndarray
    values: np.ndarray
    tails: np.ndarray


def new_tails(p1: np.ndarray, count: int, context: Context) -> Tails:
    """Return the second halves of new encryptions of zero.

    Args:
        p1: the public key's second half by values at roots of unity, (primes, degree) uint64.
        count: how many.
        context: of its chain.
    """
    primes = context.chain.levels[: len(p1)]
    u, e1 = ternary(count, p1.shape[1]), errors(count, p1.shape[1])
    whole = np.stack([small_residues(np.concatenate([u, e1]), prime) for prime in primes], axis=1)
    values = to_values(whole, context)
    tails = np.empty_like(values[:count])
    for index, prime in enumerate(primes):
        factors = Factors(p1[index], prime)
        tails[:, index] = factors.times(values[:count, index], values[count:, index])
    return Tails(u, values[:count], tails)
