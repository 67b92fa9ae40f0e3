"""Transforms: polynomials from coefficients to values at roots of unity and back (NTT), by SEAL; for public numbers."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from casemate.controls.homomorphic.residues import Residues, ciphertext_of, residues_of

if TYPE_CHECKING:
    from casemate.controls.homomorphic.context import Context

AT_ONCE = 8
"""Polynomials that SEAL takes as one ciphertext; with more, the copies cost more than the calls."""


def to_values(polynomials: np.ndarray, context: Context) -> np.ndarray:
    """Return polynomials by values at roots of unity, (count, primes, degree) uint64.

    Args:
        polynomials: by coefficients, (count, primes, degree) uint64 below their primes.
        context: of their chain; they are modulo its first primes.
    """
    return _transformed(polynomials, context, forward=True)


def to_coefficients(polynomials: np.ndarray, context: Context) -> np.ndarray:
    """Return polynomials by coefficients, (count, primes, degree) uint64; what `to_values` undoes."""
    return _transformed(polynomials, context, forward=False)


def _transformed(polynomials: np.ndarray, context: Context, *, forward: bool) -> np.ndarray:
    made = np.empty_like(polynomials)
    for start in range(0, len(polynomials), AT_ONCE):
        part = polynomials[start : start + AT_ONCE]
        taken = ciphertext_of(Residues(padded(part), 1.0, not forward), context)
        if forward:
            context.evaluator.transform_to_ntt_inplace(taken)
        else:
            context.evaluator.transform_from_ntt_inplace(taken)
        made[start : start + AT_ONCE] = residues_of(taken).values[: len(part)]
    return made


def padded(polynomials: np.ndarray) -> np.ndarray:
    """Return polynomials that SEAL takes for a ciphertext: at least two, and one after the first that is not zero."""
    if len(polynomials) > 1 and polynomials[1:].any():
        return polynomials
    return np.concatenate([polynomials, _ones(polynomials.shape[1:])])


@cache
def _ones(shape: tuple[int, ...]) -> np.ndarray:
    return np.ones((1, *shape), np.uint64)
