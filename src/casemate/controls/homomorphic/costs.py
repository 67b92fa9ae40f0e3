"""Costs: how long operations on ciphertexts take on this machine, from two measurements and a count of their parts.

SEAL's operations are number-theoretic transforms (NTT) and products of vectors, so two rates tell the rest: switching a
key with L primes takes L + L (L + 1) + 2 (L + 1) transforms or so.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np

from casemate.controls.homomorphic.candidates import Laid
from casemate.controls.homomorphic.chain import ckks_chain
from casemate.controls.homomorphic.context import Context
from casemate.controls.homomorphic.residues import Residues, ciphertext_of
from casemate.controls.homomorphic.security import most_bits

_REPETITIONS = 15


@dataclass(frozen=True)
class Costs:
    """What it takes on polynomials of one degree, modulo one prime.

    Args:
        transform: seconds of an NTT.
        product: seconds of a product of two vectors, number by number.
    """

    transform: float
    product: float

    def rotation(self, primes: int) -> float:
        """Seconds of a rotation, or of relinearising a product, modulo so many primes."""
        transforms = primes + primes * primes + 2 * (primes + 1)
        return transforms * self.transform + 2 * primes * (primes + 1) * self.product

    def multiplication(self, primes: int) -> float:
        """Seconds of a product with a known number in each slot, and of adding it up."""
        return 3 * primes * self.product

    def square(self, primes: int) -> float:
        """Seconds of a product of two ciphertexts, relinearised and rescaled."""
        return 4 * primes * self.product + self.rotation(primes) + 2 * primes * self.transform

    def linear(self, laid: Laid, primes: int, *, rescale: bool) -> float:
        """Seconds of a linear layer that begins modulo so many primes."""
        turns = sum(1 for step in (*laid.plan.babies, *laid.plan.giants) if step)
        later = primes - rescale
        folds = len(laid.plan.steps.folds) * self.rotation(later)
        return turns * self.rotation(primes) + len(laid.plan.diagonals) * self.multiplication(primes) + folds


@cache
def measured(degree: int) -> Costs:
    """Return the costs on this machine, in CPU time; measured once in a process."""
    bits = min(most_bits(degree) // 3, 60)
    context = Context(ckks_chain(degree, (bits,) * 3))
    rng = np.random.default_rng(0)
    primes = context.chain.levels
    values = np.stack([[rng.integers(0, prime, degree, dtype=np.uint64) for prime in primes] for _ in range(2)])
    held = ciphertext_of(Residues(values, 2.0**20), context)
    plain = context.encode(rng.normal(size=degree // 2), 2.0**20)
    evaluator = context.evaluator
    parts = 2 * len(primes)
    there_and_back = _seconds(lambda: evaluator.transform_to_ntt(evaluator.transform_from_ntt(held)))
    return Costs(there_and_back / (2 * parts), _seconds(lambda: evaluator.multiply_plain(held, plain)) / parts)


def _seconds(work: Callable[[], object]) -> float:
    taken = []
    for _ in range(_REPETITIONS):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return min(taken)
